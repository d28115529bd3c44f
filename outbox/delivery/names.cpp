// Names of states and outcomes as the contract shows them.
#include "outbox/delivery/delivery_state.h"
#include "outbox/delivery/outcome.h"
#include "outbox/delivery/scheduler.h"

namespace tillsync {

std::string_view state_name(DeliveryState state) {
  switch (state) {
    case DeliveryState::kPending:
      return "pending";
    case DeliveryState::kRetrying:
      return "retrying";
    case DeliveryState::kUnknown:
      return "unknown";
    case DeliveryState::kDelivered:
      return "delivered";
    case DeliveryState::kQuarantined:
      return "quarantined";
    case DeliveryState::kDiscarded:
      return "discarded";
  }
  return "invalid";
}

std::string_view status_name(DocumentStatus status) {
  switch (status) {
    case DocumentStatus::kJournaled:
      return "journaled";
    case DocumentStatus::kDelivered:
      return "delivered";
    case DocumentStatus::kQuarantined:
      return "quarantined";
    case DocumentStatus::kCompensated:
      return "compensated";
    case DocumentStatus::kDiscarded:
      return "discarded";
  }
  return "invalid";
}

std::string_view outcome_name(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::kDelivered:
      return "delivered";
    case OutcomeKind::kRetryable:
      return "retryable";
    case OutcomeKind::kRejected:
      return "rejected";
    case OutcomeKind::kUnknown:
      return "unknown";
  }
  return "invalid";
}

std::string_view target_state_name(TargetState state) {
  switch (state) {
    case TargetState::kUp:
      return "up";
    case TargetState::kDown:
      return "down";
    case TargetState::kPaused:
      return "paused";
    case TargetState::kThrottled:
      return "throttled";
    case TargetState::kHalted:
      return "halted";
  }
  return "invalid";
}

}  // namespace tillsync
