#include "outbox/delivery/memory.h"

#include <algorithm>

namespace tillsync {

void NeedTable::forget(Delivery& waiter) {
  for (const std::string& step : waiter.needs) {
    const auto found = waiters_.find(DeliveryKey{waiter.key.document, step});
    if (found == waiters_.end()) continue;
    std::erase(found->second, &waiter);
    if (found->second.empty()) waiters_.erase(found);
  }
  waiter.needs.clear();
}

std::vector<Delivery*> NeedTable::settled(const DeliveryKey& needed) {
  if (waiters_.empty()) return {};
  const auto found = waiters_.find(needed);
  if (found == waiters_.end()) return {};
  std::vector<Delivery*> waiters = std::move(found->second);
  waiters_.erase(found);
  for (Delivery* waiter : waiters) std::erase(waiter->needs, needed.step);
  return waiters;
}

const std::vector<Delivery*>& NeedTable::waiters(const DeliveryKey& needed) const {
  static const std::vector<Delivery*> nobody;
  const auto found = waiters_.find(needed);
  return found == waiters_.end() ? nobody : found->second;
}

}  // namespace tillsync
