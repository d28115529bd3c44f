// Pulls the reports of many stores at once. Calling thread only.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "config/fleet_stores.h"
#include "reconcile/reports/fleet.h"

namespace tillsync::cli {

struct PullOptions {
  BusinessDay day;
  std::size_t at_once_max = 64;               ///< requests under way
  std::chrono::milliseconds timeout{30'000};  ///< of each store
};

/// An entry a store, by id. `keys`: each store's 32 bytes. Of a store whose token cannot be read, or that
/// answers anything but a report, the entry says why.
Result<std::vector<FleetEntry>> pull_reports(const std::map<std::string, FleetStore>& stores,
                                             const std::map<std::string, std::string>& keys,
                                             const PullOptions& options);

}  // namespace tillsync::cli
