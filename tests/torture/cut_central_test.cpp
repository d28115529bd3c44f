// Central dies in the middle of its answers and comes back; answers are cut anywhere.
#include <fmt/format.h>

#include "tests/torture/proxy.h"
#include "tests/torture/trade.h"

using namespace tillsync;
using namespace tillsync::testing;

TEST_CASE("central is killed in the middle of its answers, again and again: each document has one effect") {
  const auto seed = torture_seed();
  SeededRandom random(seed);
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Store store({.central = fmt::format("http://127.0.0.1:{}", central.port()), .timeout_s = "2"});
  const auto slow = [&] {
    for (const char* target : {"erp", "crm"})
      central.faults(target, R"({"delay_ms":5,"delay_jitter":true,"forget_keys_after_s":0})");
  };
  slow();
  store.start();
  constexpr int kKills = 18;
  BusyShop shop(store, {.seed = seed, .documents = 60 * kKills, .tills = 4});
  for (int i = 1; i <= kKills; ++i) {
    shop.allow(i, kKills);
    const auto before = central.ledger("erp").integer_of("effects");
    REQUIRE(eventually([&] { return central.ledger("erp").integer_of("effects") > before; }));
    for (auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(random.below(40));
         std::chrono::steady_clock::now() < end;)
      sleep_briefly();
    central.kill();
    central.start();
    slow();
  }
  REQUIRE(shop.finish(std::chrono::seconds(60)));
  check_all_came_through(store, central, shop);
  for (const char* target : {"erp", "crm"}) CHECK(central.counters(target).integer_of("known") == 0);
}

TEST_CASE("central's answers are cut after any number of bytes: what is not whole is no answer") {
  const auto seed = torture_seed();
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Proxy proxy(central.port(), seed);
  Store store({.central = fmt::format("http://127.0.0.1:{}", proxy.port()), .timeout_s = "1"});
  // Where nothing is late on its way, a lookup alone must do. A request that arrives after the lookup that it
  // made necessary is for its key to tell from a new one: no order of asking and sending again can.
  const auto forget_keys = [&] {
    for (const char* target : {"erp", "crm"}) central.faults(target, R"({"forget_keys_after_s":0})");
  };
  SUBCASE("answers") {
    forget_keys();
    proxy.set({.reply_cut = 90, .cut_bytes_max = 900});
  }
  SUBCASE("requests") {
    forget_keys();
    proxy.set({.request_cut = 90, .cut_bytes_max = 3'000});
  }
  SUBCASE("both, a few bytes at a time") {
    proxy.set({.request_cut = 40, .reply_cut = 50, .cut_bytes_max = 2'000, .dribble = true});
  }
  store.start();
  BusyShop shop(store, {.seed = seed, .documents = 300, .tills = 4});
  REQUIRE(shop.finish(std::chrono::seconds(60)));
  REQUIRE(eventually([&] { return store.status().integer_of("backlog") == 0; }, std::chrono::seconds(60)));
  MESSAGE(proxy.told());
  proxy.set({});
  check_all_came_through(store, central, shop);
}
