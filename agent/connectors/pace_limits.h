// The limits that a target's pace has to keep: the settings', and else its connector file's.
#pragma once

#include <chrono>
#include <cstdint>

#include "agent/connectors/mapped/connector.h"
#include "config/settings.h"

namespace tillsync {

struct PaceLimits {
  std::int64_t burst_requests = 0;  ///< in any burst_window; 0: no limit
  std::chrono::milliseconds burst_window{10'000};
  std::int64_t day_requests = 0;  ///< in any 24 hours; 0: no limit
  std::int64_t day_kept_back_percent = 20;
};

/// `connector`: null for the built-in `rest`, which has no limits of its own.
PaceLimits pace_limits(const TargetSettings& settings, const Connector* connector);

}  // namespace tillsync
