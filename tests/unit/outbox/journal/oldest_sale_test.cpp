// Which sale a target lacks the longest.
#include "tests/unit/outbox/journal/everything.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

std::string oldest(JournalBench& bench, const std::string& target) {
  auto found = bench.reader()->oldest_sale_not_at(target);
  REQUIRE(found.has_value());
  return *found ? (*found)->document.id : "none";
}

DocumentPost stock_count(const std::string& id) {
  auto checked =
      parse_document(R"({"id":")" + id +
                         R"(","type":"stock_count","terminal":"T1",)"
                         R"("occurred_at":"2026-11-23T10:00:00Z","lines":[{"sku":"X","counted":1}]})",
                     journal_store());
  REQUIRE(std::holds_alternative<Document>(checked));
  return make_post(std::get<Document>(std::move(checked)), {});
}

}  // namespace

TEST_CASE(
    "reader: the oldest sale that a target lacks, attempted or not, quarantined too; nothing but sales") {
  JournalBench bench;
  bench.route();
  CHECK(oldest(bench, "erp") == "none");
  const auto count = bench.append(stock_count("COUNT")).sequence;
  CHECK(oldest(bench, "erp") == "none");
  const auto first = bench.append(sale_post("FIRST")).sequence;
  const auto second = bench.append(sale_post("SECOND")).sequence;
  CHECK(oldest(bench, "erp") == "FIRST");  // no attempt yet
  bench.record(outcome_fact(second, "erp", OutcomeKind::kRetryable));
  bench.record(outcome_fact(count, "erp", OutcomeKind::kRetryable));
  CHECK(oldest(bench, "erp") == "FIRST");
  bench.record(outcome_fact(first, "erp", OutcomeKind::kRejected));
  CHECK(oldest(bench, "erp") == "FIRST");
  decide(bench, first, DecisionFact::Kind::kDiscard);
  CHECK(oldest(bench, "erp") == "SECOND");
  bench.record(outcome_fact(second, "erp", OutcomeKind::kDelivered, 2));
  CHECK(oldest(bench, "erp") == "none");
  CHECK(oldest(bench, "crm") == "FIRST");  // each target for itself
  CHECK(oldest(bench, "nobody") == "none");
}
