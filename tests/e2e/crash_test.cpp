// kill -9 of everything, again and again: what was acknowledged stays, and has one effect.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <random>

#include "platform/base/random.h"
#include "tests/e2e/trading.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

std::uint64_t seed_of_run() {
  const char* given = std::getenv("TILLSYNC_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

constexpr const char* kFaults =
    R"({{"reply_lost_after_commit":"8","reply_lost_before_commit":"4","status_503":"1","retry_after_s":0,)"
    R"("forget_keys_after_s":0,"delay_ms":2,"delay_jitter":true,"seed":{}}})";

/// Lets the work go on for a random while, so that a kill strikes anywhere in it.
void let_go_on(Random& random, int ms_max) {
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::milliseconds(random.below(static_cast<std::uint64_t>(ms_max)));
  while (std::chrono::steady_clock::now() < end) sleep_briefly();
}

class CrashDay {
 public:
  explicit CrashDay(std::uint64_t seed)
      : random_(seed),
        central_(CENTRAL_PROGRAM, dir_.path().string()),
        store_({.central = fmt::format("http://127.0.0.1:{}", central_.port())}),
        day_(make_trading_day(
            {.seed = seed % 1'000'000, .documents = 3'000, .tills = 4, .day = day_of("2026-11-20")})) {
    set_faults();
    store_.start();
  }

  void set_faults() {
    for (const char* target : {"erp", "crm"})
      central_.faults(target, fmt::format(fmt::runtime(kFaults), random_.below(1'000'000)));
  }

  void kill_store(int after_ms_max) {
    let_go_on(random_, after_ms_max);
    store_.kill();
    store_.start();
    ++kills_;
  }
  void kill_central() {
    central_.kill();
    let_go_on(random_, 100);
    central_.start();
    set_faults();
  }

  std::int64_t owed() { return store_.status().integer_of("backlog"); }

  TempDir dir_;
  SeededRandom random_;
  CentralProcess central_;
  Store store_;
  const std::vector<TillDay> day_;
  std::atomic<int> kills_{0};
};

}  // namespace

TEST_CASE(
    "kill -9: twenty times during posting and replay, with central forgetting keys and losing replies") {
  const std::uint64_t seed = seed_of_run();
  MESSAGE("TILLSYNC_SEED=" << seed);
  CrashDay run(seed);
  Store& store = run.store_;

  constexpr int kKills = 20;
  constexpr std::size_t kKillsWhilePosting = 12;
  std::vector<std::unique_ptr<Till>> tills;
  for (const auto& till : run.day_) {
    tills.push_back(std::make_unique<Till>(store, bodies_of(till), 3));
    // A slice of the day for each kill, so that there is something to post when it strikes.
    tills.back()->set_gate([&, slice = till.size() / kKillsWhilePosting](std::size_t next) {
      while (next / slice > static_cast<std::size_t>(run.kills_)) sleep_briefly();
    });
  }
  std::atomic<bool> complete{false};
  std::thread posting([&] { complete = post_at_once(tills); });
  const auto kill_one = [&](int after_ms_max) {
    run.kill_store(after_ms_max);
    if (run.kills_ % 5 == 0) run.kill_central();
  };
  while (run.kills_ < static_cast<int>(kKillsWhilePosting)) kill_one(40);
  posting.join();
  REQUIRE(complete);
  MESSAGE("owed when all is posted: " << run.owed());
  while (run.kills_ < kKills) kill_one(200);

  REQUIRE(store.drain(120) == 0);
  const auto expected = expected_of(run.day_);
  int again = 0;
  std::set<std::int64_t> sequences;
  for (std::size_t i = 0; i < tills.size(); ++i) {
    again += tills[i]->retries();
    for (std::size_t n = 0; n < run.day_[i].size(); ++n) {
      const auto& answer = tills[i]->answers()[n];
      const bool acknowledged = answer.status == 201 || answer.status == 200;
      REQUIRE(acknowledged);
      CHECK(sequences.insert(answer.sequence).second);
      // The sequence that the till was told is the document's for good.
      if (n % 50 == 0) {
        const auto view = store.document(run.day_[i][n].id);
        CHECK(view.integer_of("sequence") == answer.sequence);
        CHECK(view.text_of("status") == "delivered");
      }
    }
  }
  CHECK(again > 0);
  for (const char* target : {"erp", "crm"}) {
    check_ledger(run.central_, target, expected);
    CHECK(run.central_.counters(target).integer_of("known") ==
          0);  // keys are forgotten at once: no help there
  }
  check_balanced(store.settled_report("2026-11-20", "2026-11-20"), expected, {"erp", "crm"});
  CHECK(store.stop() == 0);
  const auto verified = store.command({"journal", "verify"});
  CHECK_MESSAGE(verified.status == 0, verified.errors);
}

TEST_CASE("SIGTERM: during posting loses nothing that was acknowledged") {
  Store store({});
  store.start();
  const auto day = make_trading_day({.seed = 3, .documents = 2'000, .tills = 4, .day = day_of("2026-11-20")});
  std::vector<std::unique_ptr<Till>> tills;
  for (const auto& till : day) tills.push_back(std::make_unique<Till>(store, bodies_of(till), 10));
  std::atomic<bool> complete{false};
  std::thread posting([&] { complete = post_at_once(tills); });
  const auto some_are_there = [&](std::int64_t count) {
    return eventually([&] { return store.head() >= count; }, std::chrono::seconds(30));
  };
  for (const std::int64_t count : {200, 600, 1'000}) {
    CHECK(some_are_there(count));
    CHECK(store.stop() == 0);
    store.start();
  }
  posting.join();
  REQUIRE(complete);
  for (std::size_t i = 0; i < tills.size(); ++i) {
    for (std::size_t n = 0; n < day[i].size(); n += 7) {
      CHECK(store.document(day[i][n].id).integer_of("sequence") == tills[i]->answers()[n].sequence);
    }
  }
  CHECK(store.command({"journal", "verify"}).status == 0);
}
