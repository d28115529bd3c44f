#include "reconcile/reports/report.h"

#include "tests/unit/reconcile/world.h"

namespace tillsync {
namespace {

using namespace testing;

std::vector<std::string> names(const json::Value& object) {
  std::vector<std::string> out;
  REQUIRE(object.as_object() != nullptr);
  for (const json::Member& member : *object.as_object()) out.push_back(member.first);
  return out;
}

json::Value at(const json::Value& value, std::initializer_list<const char*> path) {
  const json::Value* found = &value;
  for (const char* name : path) {
    found = found->find(name);
    if (found == nullptr) FAIL("no member " << name);
  }
  return *found;
}

TEST_CASE("report: the JSON has the members of CONTRACT section 5, and their shapes") {
  ReportWorld world;
  world.traded(sale("S1", "2.50", R"(,"terminal_sequence":1)"));
  world.traded(document(
      "R1",
      R"("type":"return","terminal_sequence":4,"lines":[{"sku":"A","quantity":"1","unit_price":"1.00"}])"));
  world.traded(document("C1", R"("type":"stock_count","lines":[{"sku":"A","counted":"4"}])"));
  auto& pending = world.journal.add(sale("P1", "1.00"));
  world.journal.deliver(pending, "erp", DeliveryState::kPending);
  world.traded(sale("M1", "5.00"));
  world.central.rows.pop_back();
  world.traded(sale("D1", "6.00"));
  world.central.rows.back().total = "6.01";
  world.central.rows.push_back(honest_row(sale("X1", "7.00"), "erp"));
  world.read_back();
  const json::Value report = report_json(world.report());

  CHECK(names(report) == std::vector<std::string>{"store", "from", "to", "generated_at", "balanced",
                                                  "journal", "targets", "conflicts", "decisions", "sums",
                                                  "slo", "key"});
  CHECK(at(report, {"store"}) == json::Value("0417"));
  CHECK(at(report, {"from"}) == json::Value(kDay));
  CHECK(at(report, {"to"}) == json::Value(kDay));
  CHECK(at(report, {"generated_at"}) == json::Value("2026-11-24T00:00:00.000Z"));
  CHECK(at(report, {"balanced"}) == json::Value(false));
  CHECK(at(report, {"conflicts"}) == json::Value(json::Array{}));
  CHECK(at(report, {"journal", "head", "sequence"}) == json::Value(11));
  CHECK(at(report, {"journal", "head", "hash"}).as_string()->size() == 64);
  CHECK(json::dump(at(report, {"journal", "documents"})) ==
        R"({"sale":{"count":4,"total":{"GBP":"14.50"}},"return":{"count":1,"total":{"GBP":"1.00"}},)"
        R"("stock_count":{"count":1,"total":{}}})");
  CHECK(json::dump(at(report, {"journal", "sequence_gaps"})) ==
        R"([{"terminal":"T1","after":1,"before":4}])");
  CHECK(at(report, {"journal", "till_closes"}) == json::Value(json::Array{}));

  const json::Value erp = at(report, {"targets", "erp"});
  CHECK(at(erp, {"read_back_at"}) == json::Value("2026-11-24T00:00:00.000Z"));
  CHECK(json::dump(at(erp, {"journal"})) == R"({"count":6,"total":{"GBP":"13.50"}})");
  CHECK(json::dump(at(erp, {"central"})) == R"({"count":5,"total":{"GBP":"14.51"}})");
  CHECK(at(erp, {"matched"}) == json::Value(3));
  CHECK(json::dump(at(erp, {"pending"})) ==
        R"([{"id":"P1","type":"sale","sequence":7,"step":"erp","state":"pending"}])");
  CHECK(at(erp, {"quarantined"}) == json::Value(json::Array{}));
  CHECK(json::dump(at(erp, {"missing"})) ==
        R"([{"id":"M1","type":"sale","sequence":8,"step":"erp","state":"delivered",)"
        R"("reason":"delivered, but not in central's list"}])");
  CHECK(
      json::dump(at(erp, {"unexpected"})) ==
      R"([{"id":"X1","type":"sale","sequence":null,"step":"erp","reason":"the journal has no such document"}])");
  CHECK(
      json::dump(at(erp, {"different"})) ==
      R"([{"id":"D1","type":"sale","sequence":10,"step":"erp","member":"/total","journal":"6.00","central":"6.01"}])");
}

TEST_CASE("report: an empty day is balanced, with a target that was never read back") {
  ReportWorld world;
  const json::Value report = report_json(world.report());
  CHECK(at(report, {"balanced"}) == json::Value(true));
  CHECK(at(report, {"targets", "erp", "read_back_at"}).is_null());
  CHECK(json::dump(at(report, {"journal", "documents"})) == "{}");
}

TEST_CASE(
    "report: what central holds on a day of which the journal has nothing is unexpected once it was read "
    "back") {
  ReportWorld world;
  world.central.rows.push_back(honest_row(sale("X1"), "erp"));
  world.read_back();
  CHECK(world.findings().unexpected.size() == 1);
  CHECK_FALSE(world.report().balanced());
}

TEST_CASE("report: a period counts both its days in, and its read-back time is the oldest day's") {
  ReportWorld world;
  world.traded(sale("S1", "1.00", "", "T1", "2026-11-22"));
  world.read_back("2026-11-22");
  const UtcTime oldest = world.clock.utc;
  world.central.rows.clear();
  world.traded(sale("S2", "2.00", "", "T1", "2026-11-23"));
  world.clock.utc += std::chrono::hours(1);
  world.read_back("2026-11-23");
  world.central.rows.clear();
  world.traded(sale("S3", "4.00", "", "T1", "2026-11-24"));
  const Report both = world.report("2026-11-22", "2026-11-23");
  CHECK(both.balanced());
  CHECK(both.targets[0].findings.matched == 2);
  CHECK(both.targets[0].read_back_at == oldest);
  CHECK(totals_text(both.targets[0].findings.central_total) == R"({"GBP":"3.00"})");
  const Report three = world.report("2026-11-22", "2026-11-24");
  CHECK_FALSE(three.balanced());
  CHECK_FALSE(three.targets[0].read_back_at);
}

TEST_CASE("report: a target that the settings no longer name is reported where it is still owed something") {
  ReportWorld world;
  auto& entry = world.journal.add(sale("S1"));
  world.journal.deliver(entry, "old", DeliveryState::kPending);
  const Report report = world.report();
  REQUIRE(report.targets.size() == 2);
  CHECK(report.targets[1].name == "old");
  CHECK(report.targets[1].findings.pending.size() == 1);
  CHECK_FALSE(report.balanced());
}

TEST_CASE("report: numbers that a terminal used twice are listed with their documents") {
  ReportWorld world;
  for (const char* id : {"A", "B"}) world.traded(sale(id, "1.00", R"(,"terminal_sequence":7)"));
  world.traded(sale("C", "1.00", R"(,"terminal_sequence":7)", "T2"));
  const Report report = world.report();
  CHECK(report.sequence_gaps.empty());
  CHECK(report.sequence_repeats == std::vector<SequenceRepeat>{{"T1", 7, {"A", "B"}}});
}

TEST_CASE("report: a till's close is compared with its terminal's tenders and documents of the day") {
  ReportWorld world;
  const auto tender = [](const std::string& type, const std::string& amount) {
    return R"(,"tenders":[{"type":")" + type + R"(","amount":")" + amount + "\"}]";
  };
  world.traded(sale("S1", "10.00", tender("cash", "10.00")));
  world.traded(sale("S2", "4.00", tender("card", "4.00")));
  world.traded(document("R1", R"("type":"return","lines":[{"sku":"A","quantity":"1","unit_price":"3.00"}])" +
                                  tender("cash", "3.00")));
  world.traded(sale("S3", "90.00", tender("cash", "90.00"), "T2"));
  world.traded(document("Z1",
                        R"("type":"till_close","documents":4,"tenders":[{"type":"cash","amount":"6.50"},)"
                        R"({"type":"card","amount":"4.00"},{"type":"voucher","amount":"1.00"}])"));
  world.traded(sale("S4", "1.00", tender("card", "1.00")));
  world.traded(document("Z2",
                        R"("type":"till_close","documents":4,"tenders":[{"type":"cash","amount":"7.00"},)"
                        R"({"type":"card","amount":"5.00"}])"));
  const json::Value report = report_json(world.report());
  const json::Array closes = *at(report, {"journal", "till_closes"}).as_array();
  REQUIRE(closes.size() == 2);
  CHECK(
      json::dump(closes[0]) ==
      R"({"id":"Z1","sequence":9,"terminal":"T1","business_day":"2026-11-23",)"
      R"("counted":[{"type":"card","amount":"4.00","currency":"GBP"},{"type":"cash","amount":"6.50","currency":"GBP"},)"
      R"({"type":"voucher","amount":"1.00","currency":"GBP"}],)"
      R"("journal":[{"type":"card","amount":"5.00","currency":"GBP"},{"type":"cash","amount":"7.00","currency":"GBP"}],)"
      R"("difference":[{"type":"card","amount":"-1.00","currency":"GBP"},{"type":"cash","amount":"-0.50","currency":"GBP"},)"
      R"({"type":"voucher","amount":"1.00","currency":"GBP"}],)"
      R"("documents":{"said":4,"journal":4},"after_close":1,"agrees":false})");
  CHECK(at(closes[1], {"agrees"}) == json::Value(true));
  CHECK(at(closes[1], {"after_close"}) == json::Value(0));
}

TEST_CASE("report: a period that is too long or ends before it begins is refused with its cure (I8)") {
  ReportWorld world;
  const auto build = [&](const std::string& from, const std::string& to) {
    return build_report(world.journal, *world.view, ReportQuery{"0417", {}, day(from), day(to), {}});
  };
  CHECK(build("2026-01-02", "2026-01-01").error().kind == ErrorKind::kInvalid);
  CHECK(build("2025-01-01", "2026-02-04").has_value());  // 400 days
  CHECK(build("2025-01-01", "2026-02-05").error().code == "bad-period");
}

}  // namespace
}  // namespace tillsync
