// A small journal with something of everything in it.
#pragma once

#include "tests/unit/outbox/journal/fixture.h"

namespace tillsync::test {

inline void decide(JournalBench& bench, Sequence document, DecisionFact::Kind kind,
                   const std::string& step = "erp") {
  DecisionFact fact{kind, {document, step}, "", "because", "Ann", std::nullopt, ""};
  if (kind == DecisionFact::Kind::kAmend)
    fact.amended = sale_document("A" + std::to_string(document.value), "9");
  REQUIRE(bench.alone([&](Journal& j) { return j.decide(fact); }).has_value());
}

inline void pause(JournalBench& bench, const std::string& target, DecisionFact::Kind kind) {
  const DecisionFact fact{kind, {}, target, "", "Ann", std::nullopt, ""};
  REQUIRE(bench.alone([&](Journal& j) { return j.decide(fact); }).has_value());
}

/// The till and central changed the same field; a person is asked.
inline ConflictFact open_conflict(Sequence document) {
  ConflictFact fact;
  fact.kind = "customer-field";
  fact.document = document;
  fact.document_id = "A" + std::to_string(document.value);
  fact.subject = "email";
  fact.target = "crm";
  fact.business_day = BusinessDay{std::chrono::sys_days(std::chrono::year(2026) / 11 / 23)};
  fact.policy = "customers = ask";
  fact.decision = "open";
  fact.choices = {"store", "central"};
  fact.steps = {"crm"};
  fact.explanation = "both changed it";
  fact.store = json::Object{{"value", "a@example.com"}};
  fact.central = json::Object{{"value", "b@example.com"}};
  return fact;
}

/// Documents A2 to A9 at the sequences 2 to 9, in every state; crm is paused; 9 is parked at crm; 2 has a
/// key, and one that came with a replay; 4 and 5 have a conflict each, of which 5's is resolved.
inline JournalBench& fill_with_everything(JournalBench& bench) {
  using Kind = DecisionFact::Kind;
  bench.route();
  for (int i = 2; i < 10; ++i) {
    bench.append(sale_post("A" + std::to_string(i), "2.50", "2026-11-2" + std::to_string(i),
                           {"", "", i == 2 ? "key" : ""}));
  }
  bench.append(sale_post("A2", "2.50", "2026-11-22", {"", "", "replayed"}));
  bench.deliver(Sequence{2});
  bench.record(outcome_fact(Sequence{3}, "erp", OutcomeKind::kDelivered));
  bench.record(outcome_fact(Sequence{4}, "erp", OutcomeKind::kRetryable, 3));
  bench.record(outcome_fact(Sequence{5}, "erp", OutcomeKind::kUnknown));
  for (const int i : {6, 7, 8}) bench.record(outcome_fact(Sequence{i}, "erp", OutcomeKind::kRejected));
  decide(bench, Sequence{7}, Kind::kDiscard);
  decide(bench, Sequence{8}, Kind::kAmend);
  pause(bench, "erp", Kind::kPause);
  pause(bench, "erp", Kind::kResume);
  pause(bench, "crm", Kind::kPause);
  for (const int i : {4, 5}) {
    const auto fact = open_conflict(Sequence{i});
    REQUIRE(bench.alone([&](Journal& j) { return j.note_conflict(fact); }).has_value());
  }
  const ResolutionFact choice{bench.journal->head().sequence, "store", "because", "Ann"};
  REQUIRE(bench.alone([&](Journal& j) { return j.resolve_conflict(choice); }).has_value());
  const std::vector<DeliveryKey> waiting{{Sequence{9}, "crm"}};
  REQUIRE(bench.alone([&](Journal& j) { return j.park("crm", waiting); }).has_value());
  REQUIRE(bench.alone([](Journal& j) { return j.save_frontier("erp", Sequence{8}); }).has_value());
  return bench;
}

}  // namespace tillsync::test
