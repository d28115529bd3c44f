#include "outbox/delivery/live_window.h"

#include <algorithm>

#include "platform/base/mutation.h"

namespace tillsync {

bool LiveWindow::time_is(SteadyTime now, Sequence head, Sequence cursor, bool behind, bool flows) {
  if (!behind) {
    behind_since_.reset();
    behind_.clear();
    return std::exchange(on_, false);
  }
  if (!behind_since_) behind_since_ = now;
  if (!flows) return false;
  if (!on_) {
    if (now - *behind_since_ < limits_.after) return false;
    on_ = true;
    from_ = next_from_ = position_ = head;
    stretch_from_ = Sequence{head.value + 1};
    known_through_ = cursor;
    moved_at_ = now;
    return true;
  }
  if (now - moved_at_ < limits_.span) return false;
  from_ = now - moved_at_ < 2 * limits_.span ? next_from_ : head;
  next_from_ = head;
  moved_at_ = now;
  if (std::max(position_, cursor) < from_) {  // what lies between is backlog now
    position_ = from_;
    stretch_from_ = Sequence{from_.value + 1};
  }
  return true;
}

std::optional<Sequence> LiveWindow::unknown_after(Sequence cursor) const {
  const Sequence known = std::max(known_through_, cursor);
  if (known >= position_) return std::nullopt;
  return known;
}

void LiveWindow::note(const OrderingKey& key, Sequence document) {
  if (full()) return;
  LastUse& last = behind_[key.hash];
  Sequence& use = key.use == KeyUse::kExclusive ? last.exclusive : last.shared;
  use = std::max(use, document);
}

void LiveWindow::add(const BacklogKeys& keys) {
  for (const auto& use : keys.uses) note(use.key, use.document);
  known_through_ = std::max(known_through_, keys.through);
}

void LiveWindow::add(const std::vector<OrderingKey>& keys, Sequence document) {
  if (!on_) return;
  for (const OrderingKey& key : keys) note(key, document);
}

bool LiveWindow::may_overtake(const BacklogEntry& entry, Sequence cursor) const {
  if (mutated("overtake-anything")) return true;
  if (!entry.overtakes || full()) return false;
  return std::none_of(entry.keys.begin(), entry.keys.end(), [&](const OrderingKey& key) {
    const auto found = behind_.find(key.hash);
    if (found == behind_.end()) return false;
    // A use behind the entry (an amendment's) may hide one before it.
    return found->second.exclusive > cursor ||
           (key.use == KeyUse::kExclusive && found->second.shared > cursor);
  });
}

}  // namespace tillsync
