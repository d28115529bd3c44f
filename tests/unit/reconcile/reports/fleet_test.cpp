#include "reconcile/reports/fleet.h"

#include "reconcile/reports/signed_report.h"
#include "tests/unit/reconcile/world.h"

namespace tillsync {
namespace {

using namespace testing;

const SigningKey& key() {
  static const SigningKey kKey = *SigningKey::from_pem(make_ed25519_pair().private_key);
  return kKey;
}

std::string answer(const Report& report) {
  return signed_json_text(report_json(report), &key());
}

FleetEntry entry(const std::string& text, const std::string& store = "0417", const std::string& on = kDay) {
  return fleet_entry(store, day(on), text, key().public_key());
}

TEST_CASE("fleet: balanced, not balanced and late, each by what the store's report says") {
  ReportWorld world;
  world.traded(sale("S1", "2.50"));
  world.read_back();
  CHECK(entry(answer(world.report())).verdict == StoreVerdict::kBalanced);
  world.journal.deliver(world.journal.add(sale("P1", "1.00")), "erp", DeliveryState::kPending);
  FleetEntry late = entry(answer(world.report()));
  CHECK(late.verdict == StoreVerdict::kLate);
  CHECK(late.reason == "1 pending");
  world.traded(sale("S2", "1.00"));
  late = entry(answer(world.report()));
  CHECK(late.verdict == StoreVerdict::kLate);
  CHECK(late.reason == "1 pending, not read back since the last delivery");
  world.central.rows.pop_back();
  world.read_back();
  const FleetEntry bad = entry(answer(world.report()));
  CHECK(bad.verdict == StoreVerdict::kNotBalanced);
  CHECK(bad.reason == "1 missing, 1 pending");
  CHECK(bad.missing == 1);
}

TEST_CASE("fleet: another key, another store, another day, or no signature: nothing is taken from it") {
  ReportWorld world;
  world.traded(sale("S1", "2.50"));
  world.read_back();
  const Report report = world.report();
  const auto other = *SigningKey::from_pem(make_ed25519_pair().private_key);
  for (const FleetEntry& refused :
       {entry(signed_json_text(report_json(report), &other)), entry(answer(report), "0418"),
        entry(answer(report), "0417", "2026-11-24"), entry(json::dump(report_json(report))), entry("<html>"),
        entry(signed_html(report_html(report), report_json(report), &key()))}) {
    CHECK(refused.verdict == StoreVerdict::kNotTrusted);
    CHECK(!refused.reason.empty());
    CHECK(refused.totals.documents.empty());
  }
}

TEST_CASE("fleet: totals are exact, per type and currency; one store that is not balanced is one too many") {
  FleetReport fleet{day(kDay), {}, {}};
  for (int i = 0; i < 300; ++i) {
    ReportWorld world;
    world.traded(sale("S1", "0.10"));
    world.traded(sale("S2", "1000000.01", R"(,"currency":"EUR")"));
    world.read_back();
    fleet.stores.push_back(entry(answer(world.report())));
    if (i >= 2) fleet.stores.push_back(fleet.stores.back());
    if (fleet.stores.size() >= 300) break;
  }
  REQUIRE(fleet.stores.size() == 300);
  CHECK(fleet.balanced());
  CHECK(json::dump(*fleet_json(fleet).find("documents")) ==
        R"({"sale":{"count":600,"total":{"EUR":"300000003.00","GBP":"30.00"}}})");
  fleet.stores.push_back(unreachable_entry("0999", "no route"));
  CHECK_FALSE(fleet.balanced());
  CHECK(fleet_json(fleet).find("counts")->integer_of("unreachable") == 1);
  CHECK(fleet_csv(fleet).find("store,0999,unreachable,no route,0,0,0,0,0,,,,\r\n") != std::string::npos);
  CHECK(fleet_csv(fleet).find("total,,,,,,,,,sale,600,GBP,30.00\r\n") != std::string::npos);
  CHECK(fleet_html(fleet).find("300 balanced, 1 unreachable") != std::string::npos);
}

}  // namespace
}  // namespace tillsync
