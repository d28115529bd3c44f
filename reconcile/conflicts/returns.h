// A return against the sale that it names, the returns before it, and central's refund policy. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "outbox/journal/conflict_facts.h"
#include "outbox/journal/reader.h"
#include "reconcile/conflicts/policies.h"

namespace tillsync {

/// Another return of the same sale.
struct OtherReturn {
  std::string reference;   ///< "STORE/ID"
  bool elsewhere = false;  ///< booked by another store
  Trade trade;
};

/// What is known when a return is judged.
struct ReturnCase {
  Sequence document;
  const Document& content;
  std::string target;              ///< whose word stands against the store's
  std::vector<std::string> steps;  ///< of the document, that wait for a person where one is asked
  /// The sale, from this journal or as central has it; nothing: not found there.
  std::optional<Document> sale;
  enum class Sale {
    kKnown,    ///< to this journal or to central
    kUnknown,  ///< to both: central was asked, and has none
    kUntold,   ///< not in this journal, and central could not tell
  } known = Sale::kUntold;
  std::vector<OtherReturn> others;  ///< before this one in the journal, and those of other stores at central
  struct Policy {
    std::optional<std::int64_t> days;  ///< after the sale
    bool receipt_required = false;
  };
  std::optional<Policy> policy;  ///< nothing: not known
  /// Where a person last had this delivery sent again: what was rejected before that is overruled.
  Sequence retried_at;
};

/// Found conflicts that `decided` does not have, each with its policy's decision. Kinds whose policy is off
/// are not looked for.
struct ReturnReview {
  std::vector<ConflictFact> found;
  bool waits = false;     ///< a person has to approve first
  bool rejected = false;  ///< a policy, or a person, will not have it sent
  std::string reason;     ///< of the first that stands in the way
};
ReturnReview review_return(const ReturnCase& what, const ConflictPolicies& policies,
                           const std::vector<ConflictView>& decided);

/// central's refund policy (CONTRACT section 6): {"days": integer, "receipt_required": bool}, both optional.
std::optional<ReturnCase::Policy> refund_policy_of(const json::Value& value);

}  // namespace tillsync
