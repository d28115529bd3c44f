// Runs in a process of its own: a check of the product that stops the process is a finding like any other,
// and runs use all cores.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/world/world.h"

namespace tillsync::sim {

/// run_plan() in a child process; a child that dies is a violation.
Verdict run_isolated(const Plan& plan, const RunOptions& options = {});

/// The smallest plan found that still violates something of the same sort (the violation's first word),
/// within `runs_max` runs.
struct Shrunk {
  Plan plan;
  Verdict verdict;
  int runs = 0;
};
Shrunk shrink(const Plan& plan, const std::string& violation, int runs_max = 400);

struct Failure {
  std::uint64_t seed = 0;
  std::string violation;
};
struct Campaign {
  Statistics statistics;
  std::vector<Failure> failures;  ///< by seed
  std::uint64_t runs = 0;
};
/// Runs `from` to `to`, both counted in, over `jobs` processes. Ends early after `failures_max` failures.
/// `progress` gets the number of runs done, now and then.
Campaign run_seeds(std::uint64_t from, std::uint64_t to, int days, int jobs, std::size_t failures_max,
                   const std::function<void(std::uint64_t)>& progress = {});

}  // namespace tillsync::sim
