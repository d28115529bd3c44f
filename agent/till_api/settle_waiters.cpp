#include "agent/till_api/settle_waiters.h"

namespace tillsync {

void SettleWaiters::wait(Sequence document, std::chrono::milliseconds patience,
                         std::function<void(DocumentStatus)> done) {
  const auto number = ++next_;
  waiting_.emplace(document, std::pair(number, std::move(done)));
  loop_.call_after(patience, [this, document, number] {
    const auto [first, last] = waiting_.equal_range(document);
    for (auto waiter = first; waiter != last; ++waiter) {
      if (waiter->second.first == number) return finish(waiter, DocumentStatus::kJournaled);
    }
  });
}

void SettleWaiters::changed(const std::vector<StatusChange>& changes) {
  for (const auto& change : changes) {
    if (change.status == DocumentStatus::kJournaled) continue;
    for (auto waiter = waiting_.find(change.document); waiter != waiting_.end();
         waiter = waiting_.find(change.document)) {
      finish(waiter, change.status);
    }
  }
}

void SettleWaiters::release_all() {
  while (!waiting_.empty()) finish(waiting_.begin(), DocumentStatus::kJournaled);
}

void SettleWaiters::finish(Waiting::iterator waiter, DocumentStatus status) {
  auto done = std::move(waiter->second.second);
  waiting_.erase(waiter);
  --expected_;
  done(status);
}

}  // namespace tillsync
