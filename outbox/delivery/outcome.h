// What became of one attempt to deliver.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tillsync {

/// Numbers are persisted: never reuse one.
enum class OutcomeKind : unsigned char {
  kDelivered = 1,  ///< central has it, and said so
  kRetryable = 2,  ///< central does not have it, and may take it later
  kRejected = 3,   ///< a business answer: central will not take it as it is
  kUnknown = 4,    ///< the request left and no whole answer came: look up before sending again
};
std::string_view outcome_name(OutcomeKind kind);

/// What an outcome says of the target as a whole, beyond this one delivery.
enum class TargetSignal : unsigned char {
  kFine,          ///< the target serves
  kUnreachable,   ///< it did not answer, or as one that cannot serve (connect, time-out, 500, 502, 503, 504)
  kThrottled,     ///< it asks everyone to wait (429, 503 with Retry-After)
  kUnauthorized,  ///< it refuses our credential (401)
};

/// What a target said is left of one of its limits.
struct LimitLeft {
  std::int64_t requests = 0;                        ///< that it takes yet, whoever makes them
  std::optional<std::chrono::milliseconds> resets;  ///< until it takes all again, where it said so
  bool operator==(const LimitLeft&) const = default;
};
struct LimitsLeft {
  std::optional<LimitLeft> burst;  ///< of a window of seconds or minutes
  std::optional<LimitLeft> day;
  /// Takes over what a later answer told; of what it did not tell the earlier word stands.
  void update(const LimitsLeft& later) {
    if (later.burst) burst = later.burst;
    if (later.day) day = later.day;
  }
  bool operator==(const LimitsLeft&) const = default;
};

struct PolicyVerdict;  // outbox/journal/policy_verdict.h

struct Outcome {
  OutcomeKind kind = OutcomeKind::kUnknown;
  TargetSignal signal = TargetSignal::kFine;
  std::string central_reference;  ///< of delivered, at most kCentralReferenceBytesMax
  std::string reason;             ///< for people, one line: what the target or the network said
  int http_status = 0;            ///< 0 where no answer came
  /// The target's own words, at most kAnswerBytesMax; never logged. Kept in the journal, but for those of a
  /// delivered one, which may be left out.
  std::string answer;
  std::optional<std::chrono::milliseconds> retry_after;
  /// Requests to the target that it took, signing in included; of a batch's outcomes the first has them all.
  int requests = 0;
  LimitsLeft left;  ///< as the last answer told; of a batch's outcomes the first has it
  /// Of a rejected one that never left: what a policy found, and decided in the place of a person. Becomes
  /// facts of the journal together with the outcome.
  std::shared_ptr<const PolicyVerdict> verdict;
};
inline constexpr std::size_t kAnswerBytesMax = 4096;
/// As much as reconcile keeps of a row that it reads back, so that both are the same where a target's is
/// longer.
inline constexpr std::size_t kCentralReferenceBytesMax = 1024;

}  // namespace tillsync
