// The simulator has teeth: each deliberate defect, switched on alone, is found.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "platform/base/mutation.h"
#include "tests/simulation/isolated.h"

using namespace tillsync;
using namespace tillsync::sim;

namespace {

constexpr std::uint64_t kSeedsMax = 500;

struct Defect {
  const char* name;
  const char* what;
  int days = 2;
};

constexpr Defect kDefects[] = {
    {"answer-before-commit", "the till is answered, then the commit is tried"},
    {"normal-sync", "synchronous=NORMAL: commits are not synced"},
    {"failed-fsync-is-fine", "a commit whose write or fsync failed counts as done"},
    {"log-not-settled", "a log that was read from the cache counts as durable"},
    {"send-again-on-unknown", "a request without an answer is sent again without a look-up"},
    {"absent-for-ever", "a look-up that found nothing holds for all later attempts"},
    {"no-look-up-after-crash", "after a crash what may have been sent is sent again"},
    {"send-before-reserve", "requests leave before the reservation is durable"},
    {"unknown-is-delivered", "no answer counts as an answer"},
    {"key-per-attempt", "every attempt has an idempotency key of its own"},
    {"no-exclusive-keys", "everything commutes"},
    {"overtake-anything", "live trade goes before a backlog that it depends on"},
    {"needs-ignored", "a step does not wait for the step it needs"},
    {"frontier-before-outcomes", "the frontier passes outcomes that are not durable"},
    {"outcome-given-up", "an outcome that the journal could not take is dropped"},
    {"pause-not-kept", "a pause does not outlive the process"},
    {"reused-id-is-a-replay", "another document under a known id is answered as a replay"},
    {"stale-chain-head", "the chain goes on from an old hash"},
    {"expire-by-wall-clock", "retention goes by the wall clock alone", 12},
    {"backoff-by-wall-clock", "backoff goes by the wall clock"},
    {"money-as-float", "amounts pass through a float"},
};

}  // namespace

TEST_CASE("simulation: every deliberate defect is found within 500 seeds") {
  REQUIRE_MESSAGE(kMutationsBuilt, "build with TILLSYNC_MUTATIONS=ON (presets dev, asan, tsan)");
  const int jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::string table = fmt::format("\n{:<26}{:<62}{:>6}  {}\n", "defect", "what it does", "seed", "found as");
  for (const auto& defect : kDefects) {
    set_mutation(defect.name);
    const auto campaign = run_seeds(1, kSeedsMax, defect.days, jobs, 1);
    set_mutation("");
    const bool found = !campaign.failures.empty();
    CHECK_MESSAGE(found, fmt::format("{} was not found within {} seeds", defect.name, kSeedsMax));
    table += fmt::format("{:<26}{:<62}{:>6}  {}\n", defect.name, defect.what,
                         found ? campaign.failures[0].seed : 0,
                         found ? campaign.failures[0].violation.substr(0, 90) : "NOT FOUND");
  }
  MESSAGE(table);
}
