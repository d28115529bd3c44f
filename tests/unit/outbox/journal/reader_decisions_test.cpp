// What people decided in a period, as a report asks for it.
#include "tests/unit/outbox/journal/everything.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

std::vector<std::string> told(JournalBench& bench, const std::string& from, const std::string& to) {
  auto decisions =
      bench.reader()->decisions(BusinessDay::parse(from).value(), BusinessDay::parse(to).value());
  REQUIRE(decisions.has_value());
  std::vector<std::string> out;
  for (const JournaledDecision& one : *decisions) {
    out.push_back(std::string(decision_name(one.fact.kind)) + " " +
                  (one.document_id.empty() ? one.fact.target : one.document_id) + " " + one.fact.by);
  }
  return out;
}

}  // namespace

TEST_CASE("reader: decisions of a period are those about its documents, and the pauses within it") {
  JournalBench bench;
  fill_with_everything(bench);
  using Told = std::vector<std::string>;
  CHECK(told(bench, "2026-11-27", "2026-11-27") == Told{"discard A7 Ann"});
  CHECK(told(bench, "2026-11-22", "2026-11-29") ==
        Told{"discard A7 Ann", "amend A8 Ann", "pause erp Ann", "resume erp Ann", "pause crm Ann"});
  // A day that has documents only later takes the pauses from there on; one without documents has none.
  CHECK(told(bench, "2026-12-24", "2026-12-24").empty());
  bench.append(sale_post("LATER", "1.00", "2026-12-24"));
  pause(bench, "crm", DecisionFact::Kind::kResume);
  CHECK(told(bench, "2026-12-24", "2026-12-24") == Told{"resume crm Ann"});
  CHECK(told(bench, "2026-11-29", "2026-11-29") == Told{"pause erp Ann", "resume erp Ann", "pause crm Ann"});
}

TEST_CASE("reader: a day's documents tell when each settled delivery was settled") {
  JournalBench bench;
  fill_with_everything(bench);
  bench.clock.utc += std::chrono::seconds(90);
  bench.record(outcome_fact(Sequence{3}, "crm", OutcomeKind::kDelivered));
  const auto day = BusinessDay::parse("2026-11-23").value();
  std::map<std::string, std::optional<UtcTime>> settled;
  REQUIRE(bench.reader()
              ->for_each_document(day, day,
                                  [&](const DayDocument& one) {
                                    for (const auto& view : one.deliveries)
                                      settled[view.target] = view.settled_at;
                                    return true;
                                  })
              .has_value());
  const UtcTime begun = bench.clock.utc - std::chrono::seconds(90);
  CHECK(settled == std::map<std::string, std::optional<UtcTime>>{{"erp", begun}, {"crm", bench.clock.utc}});
}
