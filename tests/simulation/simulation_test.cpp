#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "platform/base/mutation.h"
#include "tests/simulation/isolated.h"

using namespace tillsync;
using namespace tillsync::sim;

namespace {

int jobs() {
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoull(text);
}

}  // namespace

TEST_CASE("simulation: seeds that once failed pass") {
  std::ifstream file(TILLSYNC_SOURCE_DIR "/tests/simulation/seeds.txt");
  REQUIRE(file.is_open());
  int runs = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::uint64_t seed = 0;
    int days = 0;
    if (!(words >> seed >> days)) continue;
    const auto verdict = run_isolated(make_plan(seed, days));
    CHECK_MESSAGE(!verdict.violation, fmt::format("simulate --seed {} --days {}: {}", seed, days,
                                                  verdict.violation.value_or("")));
    ++runs;
  }
  MESSAGE(runs, " kept seeds");
}

// Other seeds every time: the first is printed, and any failure with its own.
TEST_CASE("simulation: thousands of store-days with every fault on break no invariant") {
  constexpr int kDays = 2;
  const auto today = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() /
                                                std::chrono::seconds(1));
  const auto first = number_from("TILLSYNC_SIMULATION_SEED", today * 1'000);
  const auto store_days = number_from("TILLSYNC_SIMULATION_DAYS", 2'000);
  const auto last = first + store_days / kDays - 1;
  const auto campaign = run_seeds(first, last, kDays, jobs(), 5);
  for (const auto& failure : campaign.failures) {
    FAIL_CHECK(fmt::format("simulate --seed {} --days {}: {} (add the seed to tests/simulation/seeds.txt)",
                           failure.seed, kDays, failure.violation));
  }
  CHECK(campaign.runs * kDays == store_days);
  // A world in which nothing happens proves nothing.
  CHECK(campaign.statistics.documents > static_cast<std::int64_t>(campaign.runs));
  CHECK(campaign.statistics.effects > campaign.statistics.documents);
  CHECK(campaign.statistics.crashes > static_cast<std::int64_t>(campaign.runs) / 4);
  MESSAGE("seeds ", first, " to ", last, ": ", campaign.runs * kDays, " store-days, ",
          campaign.statistics.documents, " documents, ", campaign.statistics.crashes, " crashes");
}

TEST_CASE("simulation: the same seed is the same run") {
  for (const std::uint64_t seed : {3, 4, 5}) {
    const auto once = run_isolated(make_plan(seed, 2), {true});
    const auto again = run_isolated(make_plan(seed, 2), {true});
    CHECK(once.trace.size() > 20);
    CHECK(once.trace == again.trace);
  }
}
