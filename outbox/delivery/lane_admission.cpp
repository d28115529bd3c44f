// Lane: reading the backlog into a bounded window, and how far the journal need not be read again after a
// restart.
#include <algorithm>

#include "outbox/delivery/held.h"
#include "outbox/delivery/lane.h"
#include "platform/base/check.h"
#include "platform/base/mutation.h"

namespace tillsync {
namespace {

/// A backlog that could not be read is read again after it.
constexpr std::chrono::seconds kReadAgainAfter{1};
constexpr int kPagesPerStep =
    1;  // a page of large documents takes some 10 ms; what is ready goes out in between
constexpr std::size_t kParkMax = 512;  ///< deliveries in one Park

}  // namespace

std::size_t Lane::room() const {
  const SchedulerLimits& limits = shared_.limits;
  const std::size_t total_max = limits.window_max + limits.held_max;
  if (sendable_ >= limits.window_max || deliveries_.size() >= total_max) return 0;
  return std::min(limits.window_max - sendable_, total_max - deliveries_.size());
}

std::size_t Lane::page_worth() const {
  return std::max<std::size_t>(1, shared_.limits.window_max / 4);
}

bool Lane::wants_page() const {
  if (halted()) return false;
  if (!on_record_read_) {
    return deliveries_.empty() ||
           deliveries_.size() + page_worth() <= shared_.limits.window_max + shared_.limits.held_max;
  }
  return !source_is_dry_ && cursor_ < head_ && wants_backlog();
}

bool Lane::wants_documents() const {
  return wants_live_documents() || wants_backlog();
}

bool Lane::wants_backlog() const {
  if (halted() || room() == 0) return false;
  // No further ahead than sending needs: what waits in memory costs memory, and each of its keys time. Nor a
  // page for every delivery that leaves, unless there is too little left to send.
  if (ready_.size() < under_way_max()) return true;
  return ready_.size() < shared_.limits.page_documents && room() >= page_worth();
}

Result<void> Lane::admit(BacklogSource& source) {
  if (now_ < read_again_at_) return ok();
  auto read = read_on(source);
  if (!read) read_again_at_ = now_ + kReadAgainAfter;
  return read;
}

Result<void> Lane::read_on(BacklogSource& source) {
  for (int page = 0; page < kPagesPerStep && wants_page(); ++page) {
    if (!on_record_read_) {
      if (auto read = admit_on_record(source); !read) return read.error();
      continue;
    }
    const auto progress = admit_page(source);
    if (!progress) return progress.error();
    if (!*progress) break;
  }
  move_live_window();
  return wants_live_page() ? admit_live(source) : ok();
}

Result<void> Lane::admit_on_record(BacklogSource& source) {
  const std::size_t limit = shared_.limits.window_max + shared_.limits.held_max;
  auto rows = source.read_on_record(name_, started_from_, limit);
  if (!rows) return rows.error();
  // Where there are more than memory takes (settings were made smaller), the first of them go first, and
  // nothing after them yet.
  on_record_read_ = rows->size() < limit;
  for (BacklogEntry& entry : *rows) {
    entry.on_record = true;
    enter(std::move(entry));
  }
  return ok();
}

Result<bool> Lane::admit_page(BacklogSource& source) {
  const std::size_t unread = static_cast<std::size_t>(head_.value - cursor_.value);
  const std::size_t documents = std::min({shared_.limits.page_documents, room(), unread});
  auto page = source.read(name_, cursor_, documents);
  if (!page) return page.error();
  source_is_dry_ = page->through <= cursor_;
  for (BacklogEntry& entry : page->entries) {
    // What lies beyond the page's own word would be read again, and would confuse the frontier.
    if (entry.key.document <= page->through) enter(std::move(entry));
  }
  cursor_ = std::max(cursor_, page->through);
  return !source_is_dry_;
}

void Lane::enter(BacklogEntry entry) {
  if (is_settled(entry.state)) return;
  const std::size_t before = deliveries_.size();
  Delivery& delivery = deliveries_.try_emplace(deliveries_.end(), entry.key)->second;
  if (deliveries_.size() == before) return;  // it is here already
  delivery.key = std::move(entry.key);
  delivery.lane = this;
  delivery.state = entry.state;
  delivery.attempts = entry.attempts;
  delivery.on_record = entry.on_record;
  delivery.recorded_at = entry.recorded_at;
  delivery.document = std::move(entry.document);
  delivery.look_up_first = delivery.state == DeliveryState::kUnknown ||
                           (is_open(delivery.state) && maybe_sent_before(delivery.key.document) &&
                            !mutated("no-look-up-after-crash"));
  if (is_live(delivery)) ++live_count_;
  if (!delivery.on_record) off_record_.insert(off_record_.end(), &delivery);

  std::vector<KeyUser*> changed;
  keys_.add(delivery, std::move(entry.keys), changed);
  bool held = delivery.state == DeliveryState::kQuarantined || waits_behind_held(delivery);
  delivery.needs = std::move(entry.needs);
  if (mutated("needs-ignored")) delivery.needs.clear();
  for (const std::string& step : delivery.needs) {
    const DeliveryKey needed{delivery.key.document, step};
    shared_.needs.wait(needed, delivery);
    for (Lane* lane : shared_.lanes) {
      const Delivery* other = lane->find(needed);
      held = held || (other != nullptr && other->held);
    }
  }
  if (delivery.state == DeliveryState::kQuarantined) quarantined_.insert(&delivery);
  recount(delivery);
  if (held) mark_held(delivery, shared_.needs);
  place(delivery);
  place_all(changed);
}

bool Lane::maybe_sent_before(Sequence document) const {
  return document <= maybe_sent_through_ || in_any(maybe_sent_ahead_, document);
}

Sequence Lane::frontier() const {
  if (off_record_.empty()) return cursor_;
  return std::min(cursor_, Sequence{(*off_record_.begin())->key.document.value - 1});
}

void Lane::park(std::vector<Action>& actions) {
  if (cursor_.value - frontier().value <= shared_.limits.frontier_lag_max) return;
  Park parked{name_, {}};
  // Only what waits at the frontier itself: behind one that can be sent, parking would move nothing yet.
  while (!off_record_.empty() && parked.deliveries.size() < kParkMax) {
    Delivery& first = **off_record_.begin();
    const bool waiting = first.attempts == 0 && !first.in_flight() && first.waits_for_another();
    if (!waiting) break;
    parked.deliveries.push_back(first.key);
    put_on_record(first);
  }
  if (!parked.deliveries.empty()) actions.emplace_back(std::move(parked));
}

void Lane::save_frontier(std::vector<Action>& actions) {
  const Sequence reached = frontier();
  if (reached <= saved_frontier_) return;
  const bool idle = deliveries_.size() == quarantined_.size();
  if (!idle && reached.value - saved_frontier_.value < shared_.limits.frontier_step) return;
  saved_frontier_ = reached;
  actions.emplace_back(SaveFrontier{name_, reached});
}

}  // namespace tillsync
