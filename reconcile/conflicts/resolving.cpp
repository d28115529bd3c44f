#include "reconcile/conflicts/resolving.h"

#include <algorithm>

namespace tillsync {

std::vector<DecisionFact> consequences(const ConflictView& resolved, const std::vector<ConflictView>& all) {
  std::vector<DecisionFact> decisions;
  if (!resolved.resolution || !resolved.fact.document) return decisions;
  const auto& choice = resolved.resolution->fact;
  const bool given_up = choice.choice == "reject";
  const bool others_wait = std::any_of(all.begin(), all.end(), [](const ConflictView& other) {
    return other.is_open() && !other.fact.steps.empty();
  });
  if (others_wait && !given_up) return decisions;
  for (const auto& step : resolved.fact.steps) {
    DecisionFact decision;
    decision.kind = given_up ? DecisionFact::Kind::kDiscard : DecisionFact::Kind::kRetry;
    decision.delivery = DeliveryKey{*resolved.fact.document, step};
    decision.reason = "conflict " + std::to_string(resolved.record.value) + " resolved: " + choice.choice +
                      "; " + choice.reason;
    decision.by = choice.by;
    decisions.push_back(std::move(decision));
  }
  return decisions;
}

}  // namespace tillsync
