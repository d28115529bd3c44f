// Lane: live trade goes before a backlog.
#include <algorithm>

#include "outbox/delivery/lane.h"

namespace tillsync {

void Lane::move_live_window() {
  const bool behind = cursor_ < head_ || ready_.size() > under_way_max();
  const bool flows = breaker_.closed() && !paused_ && !halted();
  if (!live_.time_is(now_, head_, cursor_, behind, flows)) return;
  live_count_ = 0;
  if (!live_.on()) return;
  for (auto it = deliveries_.upper_bound({live_.from(), "\x7f"}); it != deliveries_.end(); ++it)
    ++live_count_;
}

bool Lane::wants_live_documents() const {
  return live_.on() && breaker_.closed() && !paused_ && !halted() && !live_.full() &&
         live_count_ < shared_.limits.live.deliveries_max;
}

bool Lane::wants_live_page() const {
  return on_record_read_ && !live_is_dry_ && std::max(live_.position(), cursor_) < head_ &&
         wants_live_documents();
}

Result<void> Lane::admit_live(BacklogSource& source) {
  if (const auto after = live_.unknown_after(cursor_)) {
    auto keys = source.read_keys(name_, *after, live_.position(), shared_.limits.page_documents);
    if (!keys) return keys.error();
    live_.add(*keys);
    return ok();
  }
  const Sequence from = std::max(live_.position(), cursor_);
  const std::size_t unread = static_cast<std::size_t>(head_.value - from.value);
  const std::size_t room = shared_.limits.live.deliveries_max - live_count_;
  auto page = source.read_live(name_, from, std::min({shared_.limits.page_documents, room, unread}));
  if (!page) return page.error();
  live_is_dry_ = page->through <= from;
  for (BacklogEntry& entry : page->entries) {
    if (entry.key.document > page->through) continue;
    if (from == cursor_ || may_overtake(entry)) {
      enter(std::move(entry));
    } else {
      live_.add(entry.keys, entry.key.document);
    }
  }
  live_.read_to(std::max(from, page->through));
  if (from == cursor_) cursor_ = std::max(cursor_, page->through);
  return ok();
}

bool Lane::may_overtake(const BacklogEntry& entry) const {
  const bool waits = std::any_of(entry.follows.begin(), entry.follows.end(), [&](Sequence document) {
    const auto in_memory = deliveries_.lower_bound({document, ""});
    const bool known = in_memory != deliveries_.end() && in_memory->first.document == document;
    return !known && document > cursor_ && document < entry.key.document;
  });
  return !waits && live_.may_overtake(entry, cursor_);
}

Claim Lane::claim_of(const Delivery& delivery) const {
  return live_.on() && !is_live(delivery) ? Claim::kBacklog : Claim::kLive;
}

void Lane::reserve_live(Sequence document, std::vector<Action>& actions) {
  if (reserving_ahead_) return;
  reserving_ahead_ = true;
  Sequence from = live_.stretch_from();
  const bool is_new = reserved_ahead_.empty() || reserved_ahead_.back().first != from;
  if (is_new && reserved_ahead_.size() >= shared_.limits.reserved_ahead_max)
    from = reserved_ahead_.back().first;
  actions.emplace_back(Reserve{name_, reserve_through(document), from});
}

void Lane::reserved(Sequence through, std::optional<Sequence> from) {
  if (from) {
    reserving_ahead_ = false;
    if (reserved_ahead_.empty() || reserved_ahead_.back().first != *from) {
      reserved_ahead_.push_back({*from, through});
    } else {
      reserved_ahead_.back().last = std::max(reserved_ahead_.back().last, through);
    }
    return;
  }
  reserving_ = false;
  reserved_ = std::max(reserved_, through);
  std::erase_if(reserved_ahead_, [&](const SequenceRange& range) { return range.last <= reserved_; });
}

/// Caught up, what was reserved out of order is part of what is reserved in order.
void Lane::join_reserved_ahead(std::vector<Action>& actions) {
  if (live_.on() || reserved_ahead_.empty() || reserving_ || cursor_ < reserved_ahead_.back().last) return;
  reserving_ = true;
  actions.emplace_back(Reserve{name_, reserved_ahead_.back().last});
}

}  // namespace tillsync
