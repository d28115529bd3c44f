#include "outbox/delivery/lane.h"

#include <algorithm>

#include "outbox/delivery/held.h"
#include "platform/base/check.h"

namespace tillsync {
namespace {

/// A target that gets nothing for so long, by its own limits, is shown as throttled.
constexpr std::chrono::seconds kPacedForLong{5};

/// A journal restored from an older copy may end before what was reserved: what comes now is new.
std::vector<SequenceRange> up_to(std::vector<SequenceRange> ranges, Sequence head) {
  std::erase_if(ranges, [head](const SequenceRange& range) { return range.first > head; });
  for (SequenceRange& range : ranges) range.last = std::min(range.last, head);
  return ranges;
}

}  // namespace

Lane::Lane(std::string name, const LaneOptions& options, const LaneMemory& memory, Sequence head,
           Shared& shared)
    : name_(std::move(name)),
      options_(options),
      maybe_sent_through_(std::min(memory.reserved, head)),
      maybe_sent_ahead_(up_to(memory.reserved_ahead, head)),
      // A journal restored from an older copy may end before the frontier.
      started_from_(std::min(memory.frontier, head)),
      shared_(shared),
      head_(head),
      paused_(memory.paused),
      cursor_(started_from_),
      saved_frontier_(started_from_),
      live_(shared.limits.live),
      reserved_(memory.reserved),
      reserved_ahead_(memory.reserved_ahead),
      backoff_(options.backoff_min, options.backoff_max, shared.random),
      breaker_(shared.limits.breaker_failures, shared.limits.retry_after_max, backoff_),
      pace_(options.pace),
      day_owed_at_start_(memory.day_owed) {
  TILLSYNC_CHECK(options.concurrency > 0 && options.batch_max > 0, "checked by the settings");
}

void Lane::head_is(Sequence head) {
  if (head <= head_) return;
  head_ = head;
  source_is_dry_ = false;
  live_is_dry_ = false;
}

void Lane::time_is(SteadyTime now) {
  now_ = std::max(now_, now);
  if (day_owed_at_start_.count() > 0) {
    pace_.day_full_at(now_ + std::exchange(day_owed_at_start_, {}), now_);
  }
  std::erase_if(absent_, [this](const Delivery* delivery) { return must_ask(*delivery); });
  while (!timed_.empty() && timed_.begin()->first <= now_) place(*timed_.begin()->second);
}

Delivery* Lane::find(const DeliveryKey& key) {
  const auto found = deliveries_.find(key);
  return found == deliveries_.end() ? nullptr : &found->second;
}

std::size_t& Lane::counter(Delivery::Counted counted) {
  switch (counted) {
    case Delivery::Counted::kHeld:
      return held_;
    case Delivery::Counted::kNeeding:
      return needing_;
    default:
      return sendable_;
  }
}

void Lane::recount(Delivery& delivery) {
  if (delivery.counted != Delivery::Counted::kNowhere) --counter(delivery.counted);
  delivery.counted = delivery.held             ? Delivery::Counted::kHeld
                     : !delivery.needs.empty() ? Delivery::Counted::kNeeding
                                               : Delivery::Counted::kSendable;
  ++counter(delivery.counted);
  if (delivery.held) delivery.document.reset();  // it may wait for days
}

void Lane::unplace(Delivery& delivery) {
  if (delivery.queued == Delivery::Queued::kReady) ready_.erase(&delivery);
  if (delivery.queued == Delivery::Queued::kTimed) timed_.erase({delivery.due, &delivery});
  delivery.queued = Delivery::Queued::kNowhere;
  if (!waits_for_target_.empty()) waits_for_target_.erase(&delivery);
}

void Lane::place(Delivery& delivery) {
  const bool of_target = waits_for_target_.count(&delivery) > 0;
  unplace(delivery);
  if (!is_open(delivery.state) || delivery.in_flight() || delivery.waits_for_another()) return;
  if (delivery.due <= now_) {
    delivery.queued = Delivery::Queued::kReady;
    ready_.insert(ready_.end(), &delivery);  // mostly they come in order
  } else {
    delivery.queued = Delivery::Queued::kTimed;
    timed_.insert({delivery.due, &delivery});
    if (of_target) waits_for_target_.insert(&delivery);
  }
}

void Lane::due_at(Delivery& delivery, SteadyTime due) {
  unplace(delivery);
  delivery.due = due;
  place(delivery);
}

void Lane::place_all(const std::vector<KeyUser*>& users) {
  for (KeyUser* user : users) place(static_cast<Delivery&>(*user));
}

void Lane::clear_held() {
  for (auto& [key, delivery] : deliveries_) {
    if (!delivery.held) continue;
    delivery.held = false;
    recount(delivery);
    for (const KeyUser::Use& use : delivery.uses) {
      use.queue->held_from = kNoSequence;
      use.queue->held_exclusive_from = kNoSequence;
    }
  }
}

void Lane::mark_quarantined_held() {
  for (Delivery* delivery : quarantined_) mark_held(*delivery, shared_.needs);
}

void Lane::day_reserved(SteadyTime full_at) {
  day_reserved_ = std::max(day_reserved_, full_at);
  reserving_day_ = false;
}

TargetStatus Lane::status() const {
  TargetStatus status;
  status.in_flight = requests_.size();
  status.held = quarantined_.size();
  status.blocked = held_ - quarantined_.size();
  if (paused_) {
    status.state = TargetState::kPaused;
  } else if (halted()) {
    status.state = TargetState::kHalted;
  } else if (!breaker_.closed()) {
    status.state = breaker_.throttled() ? TargetState::kThrottled : TargetState::kDown;
  }
  status.retry_at = breaker_.retry_at();
  const SteadyTime paced = pace_.next_at(1, Claim::kLive);
  if (status.state == TargetState::kUp && !ready_.empty() && paced > now_ + kPacedForLong) {
    status.state = TargetState::kThrottled;
    status.retry_at = paced;
  }
  for (const auto& [key, delivery] : deliveries_) {
    if (!is_open(delivery.state)) continue;
    status.oldest_open = key.document;
    status.oldest_open_recorded_at = delivery.recorded_at;
    break;
  }
  return status;
}

void Lane::blocked(std::vector<DeliveryKey>& into) const {
  for (const auto& [key, delivery] : deliveries_) {
    if (delivery.held && delivery.state != DeliveryState::kQuarantined) into.push_back(key);
  }
}

}  // namespace tillsync
