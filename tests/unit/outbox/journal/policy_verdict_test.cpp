// What a policy decides before sending becomes facts of the journal together with the outcome.
#include "outbox/journal/policy_verdict.h"

#include "tests/unit/outbox/journal/everything.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

OutcomeFact stopped(Sequence document, PolicyVerdict verdict) {
  OutcomeFact fact = outcome_fact(document, "crm", OutcomeKind::kRejected);
  fact.outcome.verdict = std::make_shared<const PolicyVerdict>(std::move(verdict));
  return fact;
}

Result<std::optional<DecisionFact>> record(JournalBench& bench, const OutcomeFact& fact) {
  return bench.alone([&](Journal& j) { return record_with_verdict(j, fact); });
}

}  // namespace

TEST_CASE("policy verdict: an amendment is what is sent next, and its conflicts stand beside it") {
  JournalBench bench;
  bench.route();
  const auto document = bench.append(sale_post("A2")).sequence;
  PolicyVerdict verdict;
  auto conflict = open_conflict(document);
  conflict.choices.clear();
  conflict.decision = "central";
  verdict.conflicts = {conflict};
  verdict.decision = DecisionFact::Kind::kAmend;
  verdict.amended = sale_document("A2", "9");
  verdict.reason = "central's word stands on email";
  const auto decided = record(bench, stopped(document, verdict));
  REQUIRE(decided.has_value());
  REQUIRE(decided->has_value());
  CHECK((*decided)->by == "policy");
  CHECK((*decided)->target == "crm");
  const auto reader = bench.reader();
  CHECK(reader->conflicts_of(document)->size() == 1);
  const auto sent = reader->load_version({document, "crm"});
  CHECK(std::get<Trade>((*sent)->document.content).lines[0].unit_price == *Decimal::parse("9", 2));
  CHECK(reader->quarantine(10)->empty());
  CHECK(reader->history(document)->size() == 4);  // document, conflict, outcome, decision
  CHECK(bench.verify().whole);
}

TEST_CASE(
    "policy verdict: without a decision a person is waited for, and a crash leaves all of it or nothing") {
  JournalBench bench;
  bench.route();
  const auto document = bench.append(sale_post("A2")).sequence;
  PolicyVerdict verdict;
  verdict.conflicts = {open_conflict(document)};
  REQUIRE(bench.journal->begin().has_value());
  REQUIRE(record_with_verdict(*bench.journal, stopped(document, verdict)).has_value());
  bench.journal->rollback();
  CHECK(bench.reader()->conflicts_of(document)->empty());
  CHECK(bench.reader()->quarantine(10)->empty());
  const auto decided = record(bench, stopped(document, verdict));
  REQUIRE(decided.has_value());
  CHECK(!decided->has_value());
  CHECK(bench.reader()->quarantine(10)->size() == 1);
  CHECK(bench.reader()->open_conflicts(Sequence{}, 10)->size() == 1);
}

TEST_CASE("policy verdict: on what somebody else has settled meanwhile a policy has nothing to say") {
  JournalBench bench;
  bench.route();
  const auto document = bench.append(sale_post("A2")).sequence;
  bench.record(outcome_fact(document, "crm", OutcomeKind::kDelivered));
  PolicyVerdict verdict;
  verdict.decision = DecisionFact::Kind::kDiscard;
  verdict.reason = "nothing is left to send";
  const auto decided = record(bench, stopped(document, verdict));
  REQUIRE(decided.has_value());
  CHECK(!decided->has_value());
  CHECK((*bench.reader()->deliveries(document))[0].state == DeliveryState::kDelivered);
  CHECK(bench.verify().whole);
}
