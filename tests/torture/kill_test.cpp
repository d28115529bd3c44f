// kill -9, hundreds of times, at any moment of a daemon's life: starting, posting, delivering.
#include <fmt/format.h>

#include "tests/torture/trade.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr const char* kFaults =
    R"({{"reply_lost_after_commit":"6","reply_lost_before_commit":"4","status_503":"2","status_500_after":"2",)"
    R"("status_500_before":"2","retry_after_s":0,"forget_keys_after_s":0,"delay_ms":3,"delay_jitter":true,)"
    R"("faults_on_get":true,"seed":{}}})";

void wait_ms(std::uint64_t time) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(time);
  while (std::chrono::steady_clock::now() < end) sleep_briefly();
}

}  // namespace

TEST_CASE(
    "kill -9: hundreds of rounds while tills post and central loses replies, and nothing is lost or "
    "doubled") {
  const auto seed = torture_seed();
  const int rounds = torture_rounds();
  SeededRandom random(seed);
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Store store({.central = fmt::format("http://127.0.0.1:{}", central.port())});
  for (const char* target : {"erp", "crm"})
    central.faults(target, fmt::format(fmt::runtime(kFaults), random.below(1'000'000)));
  constexpr int kDocumentsPerRound = 24;
  BusyShop shop(store, {.seed = seed, .documents = rounds * kDocumentsPerRound, .tills = 6});
  const auto begun = std::chrono::steady_clock::now();
  int killed_starting = 0;
  for (int round = 1; round <= rounds; ++round) {
    shop.allow(round, rounds + 1);
    if (random.below(4) == 0) {  // killed at some moment of its start, perhaps before it has read a line
      store.launch();
      wait_ms(random.below(80));
      ++killed_starting;
    } else {
      store.start();
      wait_ms(random.below(150));
    }
    store.kill();
  }
  MESSAGE(rounds << " kills, " << killed_starting << " of them while starting, in " << seconds_since(begun)
                 << " s; " << shop.done() << " of " << shop.documents() << " documents were taken by then, "
                 << shop.retries() << " posts were made again");
  store.start();
  REQUIRE(shop.finish(std::chrono::seconds(120)));
  CHECK(shop.retries() > rounds);
  for (const char* target : {"erp", "crm"}) central.faults(target, R"({"forget_keys_after_s":0})");
  check_all_came_through(store, central, shop);
  for (const char* target : {"erp", "crm"}) CHECK(central.counters(target).integer_of("known") == 0);
}
