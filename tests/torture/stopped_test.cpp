// Processes that stand still for longer than everybody's patience, and go on as if nothing had been.
#include <fmt/format.h>
#include <signal.h>

#include "tests/torture/trade.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr std::chrono::milliseconds kTillPatience{400};
constexpr const char* kTargetTimeoutS = "0.4";
constexpr std::chrono::milliseconds kStop{1'200};

/// Stops a process for longer than anyone waits for it.
void stand_still(ChildProcess& process) {
  process.signal(SIGSTOP);
  const auto end = std::chrono::steady_clock::now() + kStop;
  while (std::chrono::steady_clock::now() < end) sleep_briefly();
  process.signal(SIGCONT);
}

struct Impatient {
  Impatient()
      : central(CENTRAL_PROGRAM, dir.path().string()),
        store({.central = fmt::format("http://127.0.0.1:{}", central.port()), .timeout_s = kTargetTimeoutS}) {
    // A little slow, so that something is always under way when a process stops.
    for (const char* target : {"erp", "crm"})
      central.faults(target, R"({"delay_ms":10,"delay_jitter":true})");
    store.start();
  }
  TempDir dir;
  CentralProcess central;
  Store store;
};

}  // namespace

TEST_CASE("the daemon stands still beyond every time-out, again and again, and nothing is lost or doubled") {
  Impatient run;
  BusyShop shop(run.store,
                {.seed = torture_seed(), .documents = 1'200, .tills = 6, .patience = kTillPatience});
  constexpr int kTimes = 3;
  for (int i = 1; i <= kTimes; ++i) {
    shop.allow(i, kTimes);
    const auto share = shop.documents() * static_cast<std::size_t>(i) / kTimes;
    REQUIRE(eventually([&] { return shop.done() > share - shop.documents() / kTimes / 2; }));
    stand_still(run.store.daemon());
  }
  REQUIRE(shop.finish(std::chrono::seconds(60)));
  CHECK(shop.retries() > 0);  // they had lost patience
  check_all_came_through(run.store, run.central, shop);
}

TEST_CASE("central stands still beyond the target's time-out, again and again: looked up, not sent twice") {
  Impatient run;
  BusyShop shop(run.store, {.seed = torture_seed(), .documents = 1'200, .tills = 6});
  constexpr int kTimes = 3;
  for (int i = 1; i <= kTimes; ++i) {
    shop.allow(i, kTimes);
    const auto share = static_cast<std::int64_t>(shop.documents()) * i / kTimes;
    const auto half = share - static_cast<std::int64_t>(shop.documents()) / kTimes / 2;
    REQUIRE(eventually([&] { return run.central.ledger("erp").integer_of("effects") > half; }));
    stand_still(run.central.process());
  }
  REQUIRE(shop.finish(std::chrono::seconds(60)));
  check_all_came_through(run.store, run.central, shop);
}
