// One thread's desk: its own readers and ports, and the review of one delivery at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/review/reviewer.h"
#include "outbox/journal/policy_verdict.h"

namespace tillsync {

/// Nothing was sent, and it may be later.
Outcome put_off(const std::string& reason);

class Reviewer::Desk {
 public:
  Desk(const Parts& parts, const ConflictPolicies& policies);
  ~Desk();

  /// Nothing: it may be sent.
  std::optional<Outcome> review(const std::string& target, const OutgoingDelivery& delivery);

 private:
  Result<void> open();
  Result<std::optional<Outcome>> judge(const OutgoingDelivery& delivery);
  Result<std::optional<Outcome>> judge_return(const OutgoingDelivery& delivery, const Document& document,
                                              Sequence retried_at);
  Result<std::optional<Outcome>> judge_customer(const OutgoingDelivery& delivery, const Document& document);
  /// A customer whose record cannot be read now: whether that has to be waited for.
  bool may_alter(const Document& document) const;
  FetchPort* port(const std::string& target);

  /// What a person last said about this delivery.
  struct LastWord {
    Sequence retried_at;   ///< 0: never
    bool amended = false;  ///< what is sent is a person's own wording
  };
  Result<LastWord> last_word(const DeliveryKey& key);

  const Parts& parts_;
  const ConflictPolicies& policies_;
  std::unique_ptr<JournalReader> reader_;
  std::unique_ptr<CentralFacts> facts_;
  std::map<std::string, std::unique_ptr<FetchPort>> ports_;
  std::optional<Inquiry> inquiry_;
};

}  // namespace tillsync
