// Wall clocks that are years off, and jump by years while everything runs (I5). libfaketime (Debian package
// faketime) gives the daemon such a clock; the steady clock stays as it is.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "tests/torture/trade.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

/// "" where the package is not installed.
std::string faketime_library() {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib", none)) {
    const auto library = entry.path() / "faketime" / "libfaketimeMT.so.1";
    if (std::filesystem::exists(library, none)) return library.string();
  }
  return {};
}

std::map<std::string, std::string> with_clock(std::map<std::string, std::string> settings) {
  settings.emplace("LD_PRELOAD", faketime_library());
  settings.emplace("FAKETIME_DONT_FAKE_MONOTONIC", "1");
  // A sanitizer's runtime wants to be the first library.
  const char* asan = std::getenv("ASAN_OPTIONS");
  settings.emplace("ASAN_OPTIONS",
                   (asan != nullptr ? std::string(asan) + ":" : std::string()) + "verify_asan_link_order=0");
  return settings;
}

int this_year() {
  const std::chrono::year_month_day today(
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
  return static_cast<int>(today.year());
}

/// The year that the daemon's clock shows, by what it last put into the journal.
int year_of(const Store& store, const std::string& id) {
  return std::stoi(std::string(store.document(id).text_of("recorded_at").substr(0, 4)));
}

struct Clocked {
  Clocked()
      : central(CENTRAL_PROGRAM, dir.path().string()),
        store({.central = fmt::format("http://127.0.0.1:{}", central.port()),
               .journal_lines = "disk_reserve_mib = 1\nretention_trading_days = 30\n"}) {}
  int probe_year() {
    const auto id = fmt::format("PROBE-{}", ++probes);
    const auto answer = store.post(simple_sale(id));
    REQUIRE(answer.has_value());
    REQUIRE(answer->status == 201);
    const auto sequence = parsed(answer->body).integer_of("sequence");
    CHECK(sequence > last_sequence);  // whatever the clock says
    last_sequence = sequence;
    return year_of(store, id);
  }
  void outage(bool on) {
    for (const char* target : {"erp", "crm"})
      central.faults(target, on ? R"({"outage":"refuse503","retry_after_s":1})" : "{}");
  }
  /// The probes are no part of the shop's days: each has its one effect.
  void check_probes() {
    for (const char* target : {"erp", "crm"}) {
      const auto ledger = central.ledger(target);
      CHECK(ledger.find("doubles")->as_array()->empty());
    }
    for (int i = 1; i <= probes; ++i) CHECK(store.status_of(fmt::format("PROBE-{}", i)) == "delivered");
  }

  TempDir dir;
  CentralProcess central;
  Store store;
  int probes = 0;
  std::int64_t last_sequence = 0;
};

/// Every document of the shop is in the journal as posted, and each target has all documents once.
void check_delivered(Clocked& run, const BusyShop& shop) {
  for (const auto& till : shop.tills()) CHECK(till->outrage() == "");
  REQUIRE(run.store.drain(60) == 0);
  run.check_probes();
  for (const char* target : {"erp", "crm"}) {
    CHECK(run.central.ledger(target).integer_of("effects") ==
          static_cast<std::int64_t>(shop.documents()) + run.probes);
  }
  check_journal(run.store, shop, run.probes);
  CHECK(run.store.settled_report("2026-11-20", "2026-11-20").exit_status == 0);
  CHECK(run.store.stop() == 0);
  CHECK(run.store.command({"journal", "verify"}).status == 0);
}

}  // namespace

TEST_CASE("a clock that is years off at each start loses, reorders and expires nothing") {
  REQUIRE_MESSAGE(!faketime_library().empty(), "install Debian's package faketime");
  const int now = this_year();
  Clocked run;
  run.outage(true);  // owed across all these years
  BusyShop shop(run.store, {.seed = torture_seed(), .documents = 1'000, .tills = 4});
  const std::vector<std::string> clocks{"+8y", "-6y", "+20y", "-10y", "+0"};
  int years = 0;
  for (std::size_t i = 0; i < clocks.size(); ++i) {
    CAPTURE(clocks[i]);
    run.store.set_env(with_clock({{"FAKETIME", clocks[i]}}));
    run.store.start();
    const int year = run.probe_year();
    CHECK(std::abs(year - now - std::stoi(clocks[i])) <= 1);  // the clock is what this test says
    years = std::max(years, std::abs(year - now));
    shop.allow(static_cast<int>(i) + 1, static_cast<int>(clocks.size()));
    const auto share = shop.documents() * (i + 1) / clocks.size();
    REQUIRE(eventually([&] { return shop.done() + 8 >= share; }));
    if (i % 2 == 0) {
      run.store.kill();
    } else {
      CHECK(run.store.stop() == 0);
    }
  }
  CHECK(years >= 19);
  run.store.set_env(with_clock({{"FAKETIME", "+3y"}}));
  run.store.start();
  REQUIRE(shop.finish(std::chrono::seconds(30)));
  run.outage(false);
  check_delivered(run, shop);
}

TEST_CASE("a clock that jumps by years and races while everything runs loses, reorders and delays nothing") {
  REQUIRE_MESSAGE(!faketime_library().empty(), "install Debian's package faketime");
  Clocked run;
  const auto file = run.dir.file("clock");
  const auto set_clock = [&](const std::string& text) {  // whole or not at all
    std::ofstream(file + ".new") << text << "\n";
    std::filesystem::rename(file + ".new", file);
  };
  set_clock("+0");
  run.store.set_env(with_clock({{"FAKETIME_TIMESTAMP_FILE", file}, {"FAKETIME_NO_CACHE", "1"}}));
  run.store.start();
  CHECK(std::abs(run.probe_year() - this_year()) <= 1);
  BusyShop shop(run.store, {.seed = torture_seed(), .documents = 1'200, .tills = 4});
  const std::vector<std::string> clocks{"+7y", "-7y", "+0 x1000", "-3y x10", "+15y x0.1", "-12y", "+0"};
  int furthest = 0, earliest = 9'999;
  for (std::size_t i = 0; i < clocks.size(); ++i) {
    CAPTURE(clocks[i]);
    run.outage(i % 3 == 1);  // back-off and outages span the jumps
    set_clock(clocks[i]);
    const int year = run.probe_year();
    furthest = std::max(furthest, year);
    earliest = std::min(earliest, year);
    shop.allow(static_cast<int>(i) + 1, static_cast<int>(clocks.size()));
    const auto share = shop.documents() * (i + 1) / clocks.size();
    REQUIRE(eventually([&] { return shop.done() + 8 >= share; }));
  }
  CHECK(furthest >= this_year() + 14);  // the clock did jump
  CHECK(earliest <= this_year() - 11);
  REQUIRE(shop.finish(std::chrono::seconds(30)));
  run.outage(false);
  check_delivered(run, shop);
}
