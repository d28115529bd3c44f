#include "outbox/delivery/key_table.h"

#include <algorithm>

#include "platform/base/check.h"

namespace tillsync {
namespace {

/// These two say who is free: a shared use up to the first exclusive document, an exclusive one in the first
/// document.
struct Bounds {
  Sequence first;
  Sequence first_exclusive;
};

Sequence first_of(const KeyQueue::Users& users) {
  return users.empty() ? kNoSequence : (*users.begin())->key.document;
}

Bounds bounds(const KeyQueue& queue) {
  const Sequence exclusive = first_of(queue.exclusive);
  return {std::min(first_of(queue.shared), exclusive), exclusive};
}

/// A bound moved: the users between its old and its new place begin to wait, or wait no longer.
void bound_moved(const KeyQueue::Users& users, Sequence before, Sequence after, const KeyUser* except,
                 std::vector<KeyUser*>& changed) {
  if (before == after) return;
  const bool freed = after > before;
  const Sequence upto = std::max(before, after);
  for (auto it = users.lower_bound(JournalOrder::After{std::min(before, after)});
       it != users.end() && (*it)->key.document <= upto; ++it) {
    KeyUser& user = **it;
    if (&user == except) continue;
    if (freed) {
      TILLSYNC_CHECK(user.key_waits > 0, "a wait ends once");
      if (--user.key_waits == 0) changed.push_back(&user);
    } else if (++user.key_waits == 1) {
      changed.push_back(&user);
    }
  }
}

void bounds_moved(const KeyQueue& queue, Bounds before, const KeyUser* except,
                  std::vector<KeyUser*>& changed) {
  const Bounds after = bounds(queue);
  bound_moved(queue.shared, before.first_exclusive, after.first_exclusive, except, changed);
  bound_moved(queue.exclusive, before.first, after.first, except, changed);
}

}  // namespace

void KeyTable::add(KeyUser& user, std::vector<OrderingKey> keys, std::vector<KeyUser*>& changed) {
  TILLSYNC_CHECK(user.uses.empty() && user.key_waits == 0, "a user is in the table once");
  normalise(keys);
  user.uses.reserve(keys.size());
  for (const OrderingKey& key : keys) {
    KeyQueue& queue = queues_[key.hash];
    queue.hash = key.hash;
    const bool exclusive = key.use == KeyUse::kExclusive;
    const Bounds before = bounds(queue);
    KeyQueue::Users& users = exclusive ? queue.exclusive : queue.shared;
    const auto place = users.insert(users.end(), &user);
    const Bounds after = bounds(queue);
    if (user.key.document > (exclusive ? after.first : after.first_exclusive)) ++user.key_waits;
    bounds_moved(queue, before, &user, changed);
    user.uses.push_back({&queue, exclusive, place});
  }
}

void KeyTable::remove(KeyUser& user, std::vector<KeyUser*>& changed) {
  for (const KeyUser::Use& use : user.uses) {
    KeyQueue& queue = *use.queue;
    const Bounds before = bounds(queue);
    TILLSYNC_CHECK(*use.place == &user, "a user has its place");
    (use.exclusive ? queue.exclusive : queue.shared).erase(use.place);
    bounds_moved(queue, before, nullptr, changed);
    if (queue.shared.empty() && queue.exclusive.empty()) queues_.erase(queue.hash);
  }
  user.uses.clear();
  user.key_waits = 0;
}

}  // namespace tillsync
