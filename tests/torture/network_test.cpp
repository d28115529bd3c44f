// Bad networks: packets lost, late and twice, cables pulled, connections half open. In a network namespace of
// the test's own by what this kernel has (netem, else nftables), and always by a proxy in user space.
#include <fmt/format.h>

#include <fstream>

#include "tests/torture/proxy.h"
#include "tests/torture/sandbox.h"
#include "tests/torture/trade.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr const char* kTc = "/usr/sbin/tc";
constexpr const char* kNft = "/usr/sbin/nft";

void wait_for_s(double time) {
  const auto begun = std::chrono::steady_clock::now();
  while (seconds_since(begun) < time) sleep_briefly();
}

/// What befalls the packets of this network namespace.
class Packets {
 public:
  /// "" or why nothing can be done to packets here.
  std::string open() {
    netem_ = run({kTc, "qdisc", "add", "dev", "lo", "root", "netem", "loss", "3%", "delay", "2ms", "2ms",
                  "reorder", "20%", "duplicate", "3%"});
    if (netem_) run({kTc, "qdisc", "del", "dev", "lo", "root"});
    if (!rules("")) return fmt::format("{} does not work here; install Debian's package nftables", kNft);
    return {};
  }
  std::string means() const {
    return netem_ ? "tc netem (loss, delay, reordering, duplicates) and nftables (cuts)"
                  : "nftables alone (loss, cuts): this kernel has no netem, so nothing is late, reordered or "
                    "doubled";
  }
  /// A few of a hundred lost, and where the kernel can, others late, twice and out of order.
  void impair() {
    if (netem_) {
      REQUIRE(run({kTc, "qdisc", "replace", "dev", "lo", "root", "netem", "loss", "3%", "delay", "2ms", "2ms",
                   "reorder", "20%", "duplicate", "3%"}));
    } else {
      REQUIRE(rules("numgen random mod 100 < 5 drop"));
    }
  }
  /// Everything to and from this port vanishes; nobody is told.
  void cut(std::uint16_t port) {
    REQUIRE(rules(fmt::format("tcp dport {0} drop\n    tcp sport {0} drop", port)));
  }
  void heal() {
    if (netem_) run({kTc, "qdisc", "del", "dev", "lo", "root"});
    REQUIRE(rules(""));
  }

 private:
  bool run(std::vector<std::string> command) const {
    try {
      return run_program({.argv = std::move(command)}, std::chrono::seconds(10)).status == 0;
    } catch (const std::runtime_error&) {
      return false;  // no such program
    }
  }
  bool rules(const std::string& rule) const {
    const auto file = dir_.file("rules");
    std::ofstream(file) << "table ip torture\ndelete table ip torture\ntable ip torture {\n  chain input {\n"
                        << "    type filter hook input priority 0; policy accept;\n    " << rule
                        << "\n  }\n}\n";
    return run({kNft, "-f", file});
  }

  TempDir dir_;
  bool netem_ = false;
};

StoreOptions impatient(std::uint16_t central_port) {
  return {.central = fmt::format("http://127.0.0.1:{}", central_port), .timeout_s = "0.8"};
}

void trade_on_bad_network() {
  Packets packets;
  const auto why = packets.open();
  REQUIRE_MESSAGE(why.empty(), why);
  MESSAGE("by " << packets.means());
  const auto seed = torture_seed();
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Store store(impatient(central.port()));
  store.start();
  BusyShop shop(store,
                {.seed = seed, .documents = 900, .tills = 6, .patience = std::chrono::milliseconds(800)});

  packets.impair();
  shop.allow(1, 3);
  REQUIRE(eventually([&] { return shop.done() + 6 >= shop.documents() / 3; }, std::chrono::seconds(60)));
  packets.heal();

  // The line to central is cut in the middle of deliveries; tills trade on.
  shop.allow(3, 6);
  wait_for_s(0.02);
  packets.cut(central.port());
  const auto before = shop.done();
  shop.allow(4, 6);
  CHECK(eventually([&] { return shop.done() > before; }));
  wait_for_s(1.5);
  packets.heal();

  // The tills' own TCP is cut, those on the Unix socket trade on; a socket that is cut knows nothing of it.
  shop.allow(5, 6);
  wait_for_s(0.02);
  packets.cut(store.till_port());
  wait_for_s(1.5);
  packets.heal();
  REQUIRE(shop.finish(std::chrono::seconds(60)));
  check_all_came_through(store, central, shop);
}

}  // namespace

TEST_CASE("a bad network below TCP: lost packets and cut lines lose and double nothing") {
  const auto why = in_own_network(trade_on_bad_network);
  REQUIRE_MESSAGE(why.empty(), why);
}

TEST_CASE("a bad network between the store and central: nothing is lost or doubled") {
  const auto seed = torture_seed();
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Proxy proxy(central.port(), seed);
  Store store(impatient(proxy.port()));
  store.start();
  BusyShop shop(store, {.seed = seed, .documents = 900, .tills = 4});
  const ProxyFaults bad{.refused = 10,
                        .swallowed = 5,
                        .request_cut = 35,
                        .reply_cut = 35,
                        .reply_lost = 15,
                        .cut_bytes_max = 2'500,
                        .delay_ms_max = 8};
  proxy.set(bad);
  for (int i = 1; i <= 6; ++i) {
    shop.allow(i, 6);
    wait_for_s(0.3);
    if (i % 3 == 0) proxy.reset_all();
    if (i % 3 == 1) {
      proxy.freeze();
      wait_for_s(1.2);  // longer than the target's time-out
      proxy.thaw();
    }
  }
  REQUIRE(shop.finish(std::chrono::seconds(30)));
  wait_for_s(0.5);
  proxy.set({});
  REQUIRE(eventually([&] { return store.status().integer_of("backlog") == 0; }, std::chrono::seconds(60)));
  MESSAGE(proxy.told());
  check_all_came_through(store, central, shop);
}

TEST_CASE("a bad network between tills and the store: every document is taken once") {
  const auto seed = torture_seed();
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Store store({.central = fmt::format("http://127.0.0.1:{}", central.port())});
  store.start();
  Proxy proxy(store.till_port(), seed);
  proxy.set({.refused = 10,
             .swallowed = 4,
             .request_cut = 40,
             .reply_cut = 36,
             .reply_lost = 10,
             .cut_bytes_max = 2'000,
             .delay_ms_max = 8});
  BusyShop shop(proxy.port(),
                {.seed = seed, .documents = 600, .tills = 6, .patience = std::chrono::milliseconds(300)});
  for (int i = 1; i <= 4; ++i) {
    shop.allow(i, 4);
    wait_for_s(0.3);
    if (i % 2 == 0) proxy.reset_all();
    if (i % 2 == 1) {
      proxy.freeze();
      wait_for_s(0.6);
      proxy.thaw();
    }
  }
  REQUIRE(shop.finish(std::chrono::seconds(60)));
  MESSAGE(proxy.told() << "; " << shop.retries() << " posts were made again");
  CHECK(shop.retries() > 50);
  check_all_came_through(store, central, shop);
}
