// Where one delivery stands. Derived from the journal's facts; never a fact itself.
#pragma once

#include <string_view>

namespace tillsync {

/// Numbers are persisted: never reuse one.
enum class DeliveryState : unsigned char {
  kPending = 0,      ///< planned, nothing has come back yet
  kRetrying = 1,     ///< the last attempt was retryable, or an operator asked for another
  kUnknown = 2,      ///< a request left and no whole answer came; it is looked up next
  kDelivered = 3,    ///< settled: central has it
  kQuarantined = 4,  ///< central refused it: a person decides
  kDiscarded = 5,    ///< settled: a person decided that central shall not get it
};
std::string_view state_name(DeliveryState state);

/// Nothing more will be done for it.
constexpr bool is_settled(DeliveryState state) {
  return state == DeliveryState::kDelivered || state == DeliveryState::kDiscarded;
}
/// The scheduler will act on it by itself.
constexpr bool is_open(DeliveryState state) {
  return state == DeliveryState::kPending || state == DeliveryState::kRetrying ||
         state == DeliveryState::kUnknown;
}

/// CONTRACT section 2. What is owed decides: `quarantined` where a person is needed, else `journaled` while
/// something is open.
enum class DocumentStatus : unsigned char {
  kJournaled = 0,
  kDelivered = 1,
  kQuarantined = 2,
  kCompensated = 3,
  kDiscarded = 4,
};
inline constexpr int kDocumentStatusCount = 5;
std::string_view status_name(DocumentStatus status);

}  // namespace tillsync
