// simulate: a store's life from a seed, on a disk, a network and clocks that misbehave. DESIGN.md beside it
// says what is simulated and what is checked.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "platform/base/mutation.h"
#include "tests/simulation/isolated.h"

namespace {

using namespace tillsync;
using namespace tillsync::sim;

struct Options {
  std::optional<std::uint64_t> seed;
  std::string seeds;
  int days = 2;
  int jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::string mutation;
  bool trace = false;
  bool whole = false;
};

void print_statistics(const Statistics& s) {
  fmt::print(
      "{} documents posted, {} effects at central, {} starts, {} crashes, {} starts that failed, {} posts "
      "refused, {} changes on disk; "
      "all settled {} s after the last fault\n",
      s.documents, s.effects, s.starts, s.crashes, s.failed_starts, s.refused_posts, s.disk_changes,
      std::chrono::duration_cast<std::chrono::seconds>(s.settled_after).count());
}

void print_failure(const Plan& plan, const std::string& violation, const Options& options) {
  fmt::print("\nseed {} --days {}: {}\n", plan.seed, plan.days, violation);
  if (options.whole) return;
  auto shrunk = shrink(plan, violation);
  fmt::print("the smallest schedule found, after {} runs ({} of {} items): {}\n", shrunk.runs,
             shrunk.plan.items.size(), plan.items.size(), *shrunk.verdict.violation);
  fmt::print("  {} tills, batches of {}, key window {} s, retention {} days, {} per million lost\n",
             plan.tills, plan.batch_max, plan.key_window_s, plan.retention_trading_days,
             plan.background_per_million);
  for (const auto& item : shrunk.plan.items) fmt::print("  {}\n", text(item));
  constexpr std::size_t kLastLines = 120;
  const auto traced = run_isolated(shrunk.plan, {true});
  fmt::print("its trace{}:\n", traced.trace.size() > kLastLines ? ", the end of it" : "");
  for (std::size_t i = traced.trace.size() > kLastLines ? traced.trace.size() - kLastLines : 0;
       i < traced.trace.size(); ++i)
    fmt::print("  {}\n", traced.trace[i]);
}

int run_one(const Options& options) {
  const auto plan = make_plan(*options.seed, options.days);
  const auto verdict = run_isolated(plan, {options.trace});
  fmt::print("seed {}, {} days, {} items\n", plan.seed, plan.days, plan.items.size());
  for (const auto& line : verdict.trace) fmt::print("  {}\n", line);
  print_statistics(verdict.statistics);
  if (!verdict.violation) {
    fmt::print("no violation\n");
    return 0;
  }
  print_failure(plan, *verdict.violation, options);
  return 1;
}

int run_many(const Options& options) {
  std::uint64_t from = 0, to = 0;
  char behind = 0;
  if (std::sscanf(options.seeds.c_str(), "%" SCNu64 "..%" SCNu64 "%c", &from, &to, &behind) != 2 ||
      to < from) {
    fmt::print(stderr, "simulate: --seeds takes A..B, such as 1..1000, not \"{}\"\n", options.seeds);
    return 2;
  }
  const auto begun = std::chrono::steady_clock::now();
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const auto campaign = run_seeds(from, to, options.days, options.jobs, 10, [&](std::uint64_t runs) {
    if (!terminal) return;
    fmt::print("\r{} of {} runs", runs, to - from + 1);
    std::fflush(stdout);
  });
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  fmt::print(
      "{}seeds {}..{}: {} runs of {} days, {} store-days in {:.0f} s ({:.1f} a second, {} processes)\n",
      terminal ? "\r" : "", from, to, campaign.runs, options.days,
      campaign.runs * static_cast<std::uint64_t>(options.days), took,
      static_cast<double>(campaign.runs) * options.days / took, options.jobs);
  print_statistics(campaign.statistics);
  if (campaign.failures.empty()) {
    fmt::print("no violation\n");
    return 0;
  }
  fmt::print("{} seeds FAILED:\n", campaign.failures.size());
  for (const auto& failure : campaign.failures) fmt::print("  {}: {}\n", failure.seed, failure.violation);
  print_failure(make_plan(campaign.failures[0].seed, options.days), campaign.failures[0].violation, options);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Simulates the life of a store from a seed; exit 1 where an invariant does not hold.",
               "simulate");
  Options options;
  auto* one = app.add_option("--seed", options.seed,
                             "one run; prints its trace's end and a shrunk schedule where it fails");
  app.add_option("--seeds", options.seeds, "A..B: many runs, over all cores")->excludes(one);
  app.add_option("--days", options.days, "simulated days of each run")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--jobs", options.jobs, "processes")->capture_default_str()->check(CLI::Range(1, 256));
  app.add_option("--mutation", options.mutation,
                 "switches a deliberate defect on (builds with TILLSYNC_MUTATIONS)");
  app.add_flag("--trace", options.trace, "prints all that happens (with --seed)");
  app.add_flag("--no-shrink", options.whole, "leaves a failing schedule as it is");
  CLI11_PARSE(app, argc, argv);
  if (!options.mutation.empty() && !kMutationsBuilt) {
    fmt::print(stderr,
               "simulate: this build has no mutations; build with -DTILLSYNC_MUTATIONS=ON (preset dev)\n");
    return 2;
  }
  set_mutation(options.mutation);
  if (options.seed) return run_one(options);
  if (!options.seeds.empty()) return run_many(options);
  fmt::print(stderr, "simulate: give --seed N or --seeds A..B; see --help\n");
  return 2;
}
