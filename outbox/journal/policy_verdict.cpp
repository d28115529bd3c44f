#include "outbox/journal/policy_verdict.h"

#include "outbox/journal/journal.h"

namespace tillsync {

std::optional<DecisionFact> decision_of(const OutcomeFact& fact) {
  const auto& verdict = fact.outcome.verdict;
  if (!verdict || !verdict->decision) return std::nullopt;
  DecisionFact decision;
  decision.kind = *verdict->decision;
  decision.delivery = fact.delivery;
  decision.target = fact.target;
  decision.reason = verdict->reason;
  decision.by = kPolicy;
  decision.amended = verdict->amended;
  return decision;
}

Result<std::optional<DecisionFact>> record_with_verdict(Journal& journal, const OutcomeFact& fact) {
  if (fact.outcome.verdict) {
    for (const auto& conflict : fact.outcome.verdict->conflicts) {
      if (auto noted = journal.note_conflict(conflict); !noted) return noted.error();
    }
  }
  if (auto recorded = journal.record(fact); !recorded) return recorded.error();
  auto decision = decision_of(fact);
  if (!decision) return decision;
  auto decided = journal.decide(*decision);
  if (decided) return decision;
  // Somebody was faster: it is settled, and the policy has nothing to say any more.
  if (decided.error().kind == ErrorKind::kInvalid) return std::optional<DecisionFact>();
  return decided.error();
}

}  // namespace tillsync
