#include "outbox/delivery/held.h"

#include <algorithm>

#include "outbox/delivery/lane.h"

namespace tillsync {
namespace {

class Spread {
 public:
  explicit Spread(const NeedTable& needs) : needs_(needs) {}

  void from(Delivery& root) {
    mark(root);
    while (!marked_.empty()) {
      const Delivery& delivery = *marked_.back();
      marked_.pop_back();
      for (const KeyUser::Use& use : delivery.uses) along(*use.queue, use.exclusive, delivery.key.document);
      for (Delivery* waiter : needs_.waiters(delivery.key)) mark(*waiter);
    }
  }

 private:
  void mark(Delivery& delivery) {
    if (delivery.held) return;
    delivery.held = true;
    delivery.lane->recount(delivery);
    marked_.push_back(&delivery);
  }

  /// Marks users after `from` up to `upto`: those beyond are marked already.
  void mark_between(const KeyQueue::Users& users, Sequence from, Sequence upto) {
    for (auto it = users.lower_bound(JournalOrder::After{from});
         it != users.end() && (*it)->key.document <= upto; ++it) {
      mark(static_cast<Delivery&>(**it));
    }
  }

  void along(KeyQueue& queue, bool exclusive, Sequence document) {
    if (exclusive && document < queue.held_exclusive_from) {
      const Sequence upto = std::exchange(queue.held_exclusive_from, document);
      mark_between(queue.shared, document, upto);
      mark_between(queue.exclusive, document, upto);
    }
    if (document < queue.held_from) {
      const Sequence upto = std::exchange(queue.held_from, document);
      if (!exclusive) mark_between(queue.exclusive, document, upto);
    }
  }

  const NeedTable& needs_;
  std::vector<Delivery*> marked_;
};

}  // namespace

void mark_held(Delivery& root, const NeedTable& needs) {
  Spread(needs).from(root);
}

bool waits_behind_held(const Delivery& delivery) {
  return std::any_of(delivery.uses.begin(), delivery.uses.end(), [&](const KeyUser::Use& use) {
    return (use.exclusive ? use.queue->held_from : use.queue->held_exclusive_from) < delivery.key.document;
  });
}

void refresh_held(Shared& shared) {
  shared.held_is_stale = false;
  for (Lane* lane : shared.lanes) lane->clear_held();
  for (Lane* lane : shared.lanes) lane->mark_quarantined_held();
}

}  // namespace tillsync
