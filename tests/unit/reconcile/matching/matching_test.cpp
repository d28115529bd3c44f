// Matching, as a report shows it: what is found, and nothing else.
#include "reconcile/matching/day_matcher.h"
#include "tests/unit/reconcile/world.h"

namespace tillsync {
namespace {

using namespace testing;

TEST_CASE("matching: what is delivered and equal is matched, and the report is balanced") {
  ReportWorld world;
  world.traded(sale("S1", "2.50"));
  world.traded(document("R1", R"("type":"return","lines":[{"sku":"A","quantity":"1","unit_price":"1.00"}])"));
  world.traded(document("C1", R"("type":"stock_count","lines":[{"sku":"A","counted":"4.500"}])"));
  world.read_back();
  const Report report = world.report();
  const TargetFindings& found = report.targets[0].findings;
  CHECK(found.matched == 3);
  CHECK(found.clean());
  CHECK(report.balanced());
  CHECK(found.journal_count == 3);
  CHECK(totals_text(found.journal_total) == R"({"GBP":"1.50"})");
  CHECK(found.central_count == 3);
  CHECK(found.central_total == found.journal_total);
}

TEST_CASE("matching: delivered and not at central is missing") {
  ReportWorld world;
  world.traded(sale("S1"));
  world.traded(sale("S2"));
  world.central.rows.pop_back();
  world.read_back();
  const auto found = world.findings();
  REQUIRE(found.missing.size() == 1);
  CHECK(found.missing[0].id == "S2");
  CHECK(found.missing[0].sequence == Sequence{3});
  CHECK(found.missing[0].step == "erp");
  CHECK(found.matched == 1);
  CHECK_FALSE(world.report().balanced());
}

TEST_CASE(
    "matching: what was delivered after the read-back is unconfirmed, never missing and never balanced") {
  ReportWorld world;
  world.traded(sale("S1"));
  auto& waiting = world.journal.add(sale("S2"));
  world.read_back();
  world.journal.deliver(waiting, "erp");
  world.traded(sale("S3"));
  const Report report = world.report();
  CHECK(report.targets[0].findings.missing.empty());
  CHECK(report.targets[0].findings.unconfirmed == 2);
  CHECK_FALSE(report.targets[0].read_back_is_current);
  CHECK_FALSE(report.balanced());
}

TEST_CASE("matching: a target never read back has nothing missing, no read-back time, and is not balanced") {
  ReportWorld world;
  world.traded(sale("S1"));
  const Report report = world.report();
  CHECK(report.targets[0].findings.unconfirmed == 1);
  CHECK(report.targets[0].findings.missing.empty());
  CHECK_FALSE(report.targets[0].read_back_at);
  CHECK_FALSE(report.balanced());
}

TEST_CASE("matching: what the target cannot list is counted apart, and unbalances nothing") {
  ReportWorld world;
  world.central.listed = std::set{DocumentType::kSale};
  world.traded(sale("S1", "2.50"));
  for (const char* id : {"R1", "R2"}) {
    world.traded(document(id, R"("type":"return","lines":[{"sku":"A","quantity":"1","unit_price":"1.00"}])"));
    world.central.rows.pop_back();
  }
  world.traded(document("C1", R"("type":"customer_update","customer":"7","changes":{"name":"N"})"));
  world.central.rows.pop_back();
  world.read_back();
  const Report report = world.report();
  const TargetFindings& found = report.targets[0].findings;
  CHECK(found.matched == 1);
  CHECK(found.missing.empty());
  CHECK(found.unconfirmed == 0);
  REQUIRE(found.not_listed.size() == 2);
  CHECK(found.not_listed.at(DocumentType::kReturn).count == 2);
  CHECK(totals_text(found.not_listed.at(DocumentType::kReturn).total) == R"({"GBP":"-2.00"})");
  CHECK(found.not_listed.at(DocumentType::kCustomerUpdate).count == 1);
  CHECK(found.not_listed.at(DocumentType::kCustomerUpdate).total.empty());
  CHECK(report.balanced());
  const json::Value written = report_json(report);
  CHECK(json::dump(*written.find("targets")->find("erp")->find("not_listed")) ==
        R"({"return":{"count":2,"total":{"GBP":"-2.00"}},"customer_update":{"count":1,"total":{}}})");

  SUBCASE("a sale that is not there is missing as ever") {
    world.traded(sale("S2"));
    world.central.rows.pop_back();
    world.read_back();
    CHECK(world.findings().missing.size() == 1);
    CHECK_FALSE(world.report().balanced());
  }
  SUBCASE("what is owed or refused of such a type counts as ever") {
    auto& waiting = world.journal.add(
        document("C2", R"("type":"customer_update","customer":"7","changes":{"name":"N"})"));
    world.journal.deliver(waiting, "erp", DeliveryState::kPending);
    auto& refused = world.journal.add(
        document("C3", R"("type":"customer_update","customer":"7","changes":{"name":"N"})"));
    world.journal.deliver(refused, "erp", DeliveryState::kQuarantined);
    world.read_back();
    CHECK(world.findings().pending.size() == 1);
    CHECK(world.findings().quarantined.size() == 1);
    CHECK(world.findings().not_listed.at(DocumentType::kCustomerUpdate).count == 1);
    CHECK_FALSE(world.report().balanced());
  }
  SUBCASE("a row of such a type that is there all the same is compared") {
    const Document& sent = world.journal.entries().back().document.stored.document;
    world.central.rows.push_back(honest_row(sent, "erp"));
    world.read_back();
    CHECK(world.findings().matched == 2);
    CHECK_FALSE(world.findings().not_listed.contains(DocumentType::kCustomerUpdate));
    set_at(world.central.rows.back().document, "/customer", "8");
    world.read_back();
    CHECK(world.findings().different.size() == 1);
  }
  SUBCASE("a target that was never read is not known to be unable") {
    ReportWorld other;
    other.central.listed = std::set{DocumentType::kSale};
    other.traded(document("C1", R"("type":"customer_update","customer":"7","changes":{"name":"N"})"));
    CHECK(other.findings().unconfirmed == 1);
    CHECK(other.findings().not_listed.empty());
    CHECK_FALSE(other.report().balanced());
  }
}

TEST_CASE("matching: open, quarantined and discarded deliveries, with and without central having them") {
  ReportWorld world;
  const auto add = [&](const std::string& id, DeliveryState state, bool at_central) {
    auto& entry = world.journal.add(sale(id));
    world.journal.deliver(entry, "erp", state);
    entry.document.deliveries[0].last_error = "because";
    if (at_central) world.central.rows.push_back(honest_row(entry.document.stored.document, "erp"));
  };
  add("P1", DeliveryState::kPending, false);
  add("P2", DeliveryState::kUnknown, true);
  add("P3", DeliveryState::kRetrying, false);
  add("Q1", DeliveryState::kQuarantined, false);
  add("Q2", DeliveryState::kQuarantined, true);
  add("D1", DeliveryState::kDiscarded, false);
  add("D2", DeliveryState::kDiscarded, true);
  world.read_back();
  const auto found = world.findings();
  REQUIRE(found.pending.size() == 3);
  CHECK(found.pending[0].reason == "because");
  CHECK(found.pending[1].state == DeliveryState::kUnknown);
  CHECK(found.pending[1].reason == "central has it already; not confirmed yet");
  REQUIRE(found.quarantined.size() == 2);
  CHECK(found.quarantined[0].reason == "because");
  REQUIRE(found.unexpected.size() == 2);
  CHECK(found.unexpected[0].id == "Q2");
  CHECK(found.unexpected[1].id == "D2");
  CHECK(found.discarded.size() == 2);
  CHECK(found.journal_count == 5);
  CHECK(found.central_count == 3);
}

TEST_CASE("matching: a row's total and currency are compared with the document's, each named once") {
  ReportWorld world;
  world.traded(sale("S1", "2.50"));
  CentralRow& row = world.central.rows[0];
  std::vector<std::string> members{"/total"};
  json::Value central = "2.51";
  SUBCASE("the row's total") {
    row.total = "2.51";
  }
  SUBCASE("the row's and the document's alike") {
    row.total = "2.51";
    set_at(row.document, "/total", "2.51");
  }
  SUBCASE("the document's only") {
    set_at(row.document, "/total", "2.51");
  }
  SUBCASE("no document to compare") {
    row.total = "2.51";
    row.document.clear();
  }
  SUBCASE("a total that is none") {
    row.total = "2,51";
    central = "2,51";
  }
  SUBCASE("no total") {
    row.total.reset();
    central = nullptr;
  }
  SUBCASE("the currency") {
    row.currency = "EUR";
    members = {"/currency"};
    central = "EUR";
  }
  world.read_back();
  const auto found = world.findings();
  REQUIRE(found.different.size() == members.size());
  CHECK(found.different[0].document.id == "S1");
  CHECK(found.different[0].document.sequence == Sequence{1});
  CHECK(found.different[0].member == members[0]);
  CHECK(found.different[0].journal == json::Value(members[0] == "/total" ? "2.50" : "GBP"));
  CHECK(found.different[0].central == central);
  CHECK(found.matched == 0);
}

TEST_CASE("matching: money where the journal has none is different; none on both sides is equal") {
  ReportWorld world;
  world.traded(document("C1", R"("type":"stock_count","lines":[{"sku":"A","counted":"4"}])"));
  world.traded(document("C2", R"("type":"stock_count","lines":[{"sku":"A","counted":"4"}])"));
  world.central.rows[1].total = "1.00";
  world.read_back();
  const auto found = world.findings();
  CHECK(found.matched == 1);
  REQUIRE(found.different.size() == 1);
  CHECK(found.different[0].member == "/total");
  CHECK(found.different[0].journal.is_null());
}

TEST_CASE(
    "matching: an exact sum that the till did not round may be rounded half up by central, and only so") {
  ReportWorld world;
  for (const char* id : {"S1", "S2", "S3"}) {
    world.traded(
        document(id, R"("type":"sale","lines":[{"sku":"A","quantity":"0.333","unit_price":"2.50"}])"));
  }
  world.central.rows[0].total = "0.83";
  world.central.rows[1].total = "0.8325";
  world.central.rows[2].total = "0.84";
  world.read_back();
  const auto found = world.findings();
  CHECK(found.matched == 2);
  REQUIRE(found.different.size() == 1);
  CHECK(found.different[0].document.id == "S3");
  CHECK(found.different[0].journal == json::Value("0.8325"));
}

TEST_CASE("matching: a document that central has twice is doubled, once for each further row") {
  ReportWorld world;
  world.traded(sale("S1"));
  CentralRow again = world.central.rows[0];
  again.central_reference = "C-other";
  again.total = "9.99";
  SUBCASE("after the right one") {
    world.central.rows.push_back(again);
    world.central.rows.push_back(again);
  }
  SUBCASE("before the right one") {
    world.central.rows.insert(world.central.rows.begin(), 2, again);
  }
  world.read_back();
  const auto found = world.findings();
  CHECK(found.matched == 1);
  CHECK(found.different.empty());
  REQUIRE(found.unexpected.size() == 2);
  CHECK(found.unexpected[0].reason == "doubled");
  CHECK(found.unexpected[0].id == "S1");
  CHECK(found.central_count == 3);
}

TEST_CASE("matching: what central has and the journal has not says why it is unexpected") {
  ReportWorld world;
  world.traded(sale("S1"));
  auto& other = world.journal.add(sale("S2", "1.00", "", "T1", "2026-11-22"));
  world.journal.deliver(other, "erp");
  world.central.rows.push_back(honest_row(other.document.stored.document, "erp"));  // on the wrong day
  world.central.rows.push_back(honest_row(sale("S1"), "other-step"));
  world.central.rows.push_back(honest_row(sale("S9", "7.00"), "erp"));
  CentralRow stranger;
  stranger.reference = "0999/S1";
  stranger.step = "erp";
  world.central.rows.push_back(stranger);
  world.read_back();
  const auto found = world.findings();
  REQUIRE(found.unexpected.size() == 4);
  CHECK(found.matched == 1);
  std::map<std::string, const Finding*> by_reason;
  for (const Finding& one : found.unexpected) by_reason[one.reason] = &one;
  CHECK(by_reason.at("the journal has it on business day 2026-11-22")->sequence == Sequence{3});
  CHECK(by_reason.at("the journal plans no such step for this target")->step == "other-step");
  CHECK_FALSE(by_reason.at("the journal has no such document")->sequence);
  CHECK(by_reason.at("the journal has no such document")->type == DocumentType::kSale);
  CHECK(by_reason.at("no document of this store has such a reference")->id == "0999/S1");
  CHECK_FALSE(by_reason.at("no document of this store has such a reference")->type);
}

TEST_CASE("matching: an amended delivery is compared with what it sent") {
  ReportWorld world;
  auto& entry = world.journal.add(sale("S1", "2.50"));
  world.journal.deliver(entry, "erp");
  entry.amended["erp"] = sale("S1", "3.00");
  entry.document.deliveries[0].version = Sequence{99};
  SUBCASE("central has the amended one") {
    world.central.rows.push_back(honest_row(sale("S1", "3.00"), "erp"));
    world.read_back();
    const auto found = world.findings();
    CHECK(found.matched == 1);
    CHECK(totals_text(found.journal_total) == R"({"GBP":"3.00"})");
  }
  SUBCASE("central has the first one") {
    world.central.rows.push_back(honest_row(sale("S1", "2.50"), "erp"));
    world.read_back();
    CHECK(world.findings().different.size() == 2);  // its total and its price
  }
}

TEST_CASE("matching: a changed line is named by its pointers, and a removed line by its own") {
  ReportWorld world;
  const std::string lines =
      R"("type":"sale","lines":[{"sku":"A","quantity":"1","unit_price":"1.00"},{"sku":"B","quantity":"2","unit_price":"1.00"}])";
  world.traded(document("S1", lines));
  world.traded(document("S2", lines));
  set_at(world.central.rows[0].document, "/lines/1/sku", "Z");
  const auto shorter = json::parse(world.central.rows[1].document);
  json::Value lines_left = *shorter->find("lines");
  lines_left.as_array()->pop_back();
  set_at(world.central.rows[1].document, "/lines", lines_left);
  world.read_back();
  const auto found = world.findings();
  REQUIRE(found.different.size() == 2);
  CHECK(found.different[0].member == "/lines/1/sku");
  CHECK(found.different[1].member == "/lines/1");
  CHECK(found.different[1].central.is_null());
}

}  // namespace
}  // namespace tillsync
