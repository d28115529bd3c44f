// What a policy decides on a delivery before it is sent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "outbox/journal/conflict_facts.h"
#include "outbox/journal/facts.h"

namespace tillsync {

struct PolicyVerdict {
  std::vector<ConflictFact> conflicts;
  /// kAmend: what is sent in its place; kDiscard: nothing is left to send. Nothing: a person is waited for.
  std::optional<DecisionFact::Kind> decision;
  std::optional<Document> amended;
  std::string reason;  ///< of the decision
};

/// The decision as a fact on the outcome's delivery; nothing where the policy leaves it to a person, and for
/// an outcome without a verdict.
std::optional<DecisionFact> decision_of(const OutcomeFact& fact);

class Journal;
/// Records an outcome, its conflicts and its decision. The decision that applied, so that who sends learns
/// of it.
Result<std::optional<DecisionFact>> record_with_verdict(Journal& journal, const OutcomeFact& fact);

}  // namespace tillsync
