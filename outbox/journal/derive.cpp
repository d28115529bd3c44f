#include "outbox/journal/derive.h"

#include <algorithm>

namespace tillsync {

const DeliveryRow* row_of(const std::vector<DeliveryRow>& rows, std::string_view step) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const DeliveryRow& row) { return row.step == step; });
  return found == rows.end() ? nullptr : &*found;
}

DocumentStatus derive_status(const std::vector<RouteStep>& plan, const std::vector<DeliveryRow>& rows) {
  bool open = false;
  bool discarded = false;
  for (const auto& step : plan) {
    const auto* row = row_of(rows, step.step);
    const auto state = row == nullptr ? DeliveryState::kPending : row->state;
    if (state == DeliveryState::kQuarantined) return DocumentStatus::kQuarantined;
    open = open || is_open(state);
    discarded = discarded || state == DeliveryState::kDiscarded;
  }
  if (open) return DocumentStatus::kJournaled;
  return discarded ? DocumentStatus::kDiscarded : DocumentStatus::kDelivered;
}

DeliveryState state_after(OutcomeKind outcome) {
  switch (outcome) {
    case OutcomeKind::kDelivered:
      return DeliveryState::kDelivered;
    case OutcomeKind::kRetryable:
      return DeliveryState::kRetrying;
    case OutcomeKind::kRejected:
      return DeliveryState::kQuarantined;
    case OutcomeKind::kUnknown:
      return DeliveryState::kUnknown;
  }
  return DeliveryState::kUnknown;
}

const RouteStep* step_of(const std::vector<RouteStep>& plan, std::string_view step) {
  const auto found =
      std::find_if(plan.begin(), plan.end(), [&](const RouteStep& entry) { return entry.step == step; });
  return found == plan.end() ? nullptr : &*found;
}

std::optional<DeliveryRow> row_after(const RouteStep& step, const DeliveryRow* before,
                                     const OutcomeFact& fact, Sequence at) {
  if (before != nullptr && is_settled(before->state)) return std::nullopt;
  DeliveryRow row = before != nullptr ? *before : DeliveryRow{step.step, step.target};
  row.state = state_after(fact.outcome.kind);
  row.attempts = std::max(row.attempts, fact.attempt);
  row.last_fact = at;
  return row;
}

std::optional<DeliveryRow> row_after(const RouteStep& step, const DeliveryRow* before,
                                     const DecisionFact& fact, Sequence at) {
  using Kind = DecisionFact::Kind;
  const auto state = before == nullptr ? DeliveryState::kPending : before->state;
  const bool applies = state == DeliveryState::kQuarantined || (fact.kind == Kind::kRetry && is_open(state));
  if (!applies || fact.kind == Kind::kPause || fact.kind == Kind::kResume) return std::nullopt;
  DeliveryRow row = before != nullptr ? *before : DeliveryRow{step.step, step.target};
  if (fact.kind == Kind::kDiscard) {
    row.state = DeliveryState::kDiscarded;
  } else if (row.state == DeliveryState::kQuarantined) {
    row.state = DeliveryState::kRetrying;
  }
  if (fact.kind == Kind::kAmend) row.version = at;
  row.last_fact = at;
  return row;
}

void RouteHistory::add(Sequence from, Routes routes) {
  entries_.emplace_back(from, std::move(routes));
}

void RouteHistory::drop_after(Sequence sequence) {
  while (!entries_.empty() && entries_.back().first > sequence) entries_.pop_back();
}

const std::vector<RouteStep>& RouteHistory::plan(Sequence sequence, DocumentType type) const {
  static const std::vector<RouteStep> kNowhere;
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->first < sequence) return entry->second.plan(type);
  }
  return kNowhere;
}

const Routes& RouteHistory::current() const {
  static const Routes kNone;
  return entries_.empty() ? kNone : entries_.back().second;
}

}  // namespace tillsync
