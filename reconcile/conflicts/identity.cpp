#include "platform/crypto/sha256.h"
#include "reconcile/conflicts/detector.h"
#include "reconcile/matching/findings.h"

namespace tillsync {
namespace {

ConflictFact start(std::string_view kind, const Finding& finding, const std::string& target, BusinessDay day,
                   const ConflictPolicies& policies) {
  ConflictFact fact;
  fact.kind = kind;
  fact.document = finding.sequence;
  fact.document_id = finding.id;
  fact.target = target;
  fact.business_day = day;
  fact.policy = policies.text(kind);
  const bool ask = policies.of(kind) == ConflictAction::kAsk;
  fact.decision = ask ? "open" : "flagged";
  if (ask) fact.choices = {"noted"};
  return fact;
}

/// Tells one state of central from the next without keeping it twice.
std::string version_of(const json::Value& value) {
  return to_hex(sha256(json::dump(value))).substr(0, 16);
}

}  // namespace

std::vector<ConflictFact> review_identity(const TargetFindings& findings, const std::string& target,
                                          BusinessDay day, const ConflictPolicies& policies) {
  std::vector<ConflictFact> found;
  if (policies.of(conflict_kind::kOtherContent) != ConflictAction::kOff) {
    for (const auto& different : findings.different) {
      auto fact = start(conflict_kind::kOtherContent, different.document, target, day, policies);
      fact.subject = different.document.step + " " + different.member;
      fact.version = version_of(different.central);
      fact.explanation = "document " + different.document.id + " is at " + target + " with another " +
                         (different.member.empty() ? "content" : different.member);
      fact.store = json::Object{{"value", different.journal}};
      fact.central = json::Object{{"value", different.central}};
      found.push_back(std::move(fact));
    }
  }
  if (policies.of(conflict_kind::kForeign) != ConflictAction::kOff) {
    for (const auto& unexpected : findings.unexpected) {
      if (unexpected.sequence) continue;  // the store wrote it: the report tells what is wrong
      auto fact = start(conflict_kind::kForeign, unexpected, target, day, policies);
      fact.subject = unexpected.step;
      fact.explanation = "document " + unexpected.id + " is at " + target +
                         " under this store's name, and the store never wrote it";
      fact.central = json::Object{{"reason", unexpected.reason}};
      found.push_back(std::move(fact));
    }
  }
  return found;
}

}  // namespace tillsync
