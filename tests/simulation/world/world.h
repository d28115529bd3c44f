// One run of a plan: the store's machine with its process, its tills and operators, the network, two
// centrals, and the checker that watches all of it. Single-threaded, and the same for the same plan.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "outbox/document/validation.h"
#include "tests/simulation/disk/crash_disk.h"
#include "tests/simulation/world/central.h"
#include "tests/simulation/world/checker.h"
#include "tests/simulation/world/network.h"
#include "tests/simulation/world/plan.h"
#include "tests/simulation/world/process.h"
#include "tests/simulation/world/timeline.h"

namespace tillsync::sim {

struct Statistics {
  std::int64_t documents = 0, effects = 0, starts = 0, crashes = 0, failed_starts = 0, refused_posts = 0;
  std::int64_t disk_changes = 0;
  Moment settled_after{0};  ///< from the end of all faults until nothing was owed
  Statistics& operator+=(const Statistics& other);
};

struct Verdict {
  std::optional<std::string> violation;
  Statistics statistics;
  std::vector<std::string> trace;  ///< where it was asked for
};

struct RunOptions {
  bool trace = false;
};

/// Runs the plan to its end, or to the first violation.
Verdict run_plan(const Plan& plan, const RunOptions& options = {});

}  // namespace tillsync::sim
