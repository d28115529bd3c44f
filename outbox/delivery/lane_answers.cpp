// Lane: what answers and a person's decisions change.
#include <algorithm>

#include "outbox/delivery/held.h"
#include "outbox/delivery/lane.h"
#include "platform/base/check.h"
#include "platform/base/mutation.h"

namespace tillsync {

Delivery& Lane::answered(const Attempt& attempt, bool look_up) {
  Delivery* delivery = find(attempt.key);
  TILLSYNC_CHECK(delivery != nullptr && delivery->in_flight(), "an answer to a request under way");
  TILLSYNC_CHECK(delivery->asked == look_up, "a look-up is answered as one, a send as one");
  return *delivery;
}

void Lane::outcome(const Attempt& attempt, const Outcome& outcome) {
  Delivery& delivery = answered(attempt, false);
  const std::uint64_t request = std::exchange(delivery.request, 0);
  delivery.attempts = attempt.attempt;
  if (outcome.kind == OutcomeKind::kDelivered || delivery.discarded) {
    settle(delivery);
  } else if (outcome.kind == OutcomeKind::kRejected) {
    quarantine(delivery);
  } else {
    put_on_record(delivery);
    const bool unknown = outcome.kind == OutcomeKind::kUnknown;
    delivery.state = unknown ? DeliveryState::kUnknown : DeliveryState::kRetrying;
    // Later answers of that sort do not tell that it is absent still: central need not have looked.
    if (!unknown && outcome.http_status != 0 && !delivery.maybe_sent && !delivery.put_off) {
      delivery.put_off = true;
      delivery.absent_at = now_;
    }
    delivery.maybe_sent = (delivery.maybe_sent || unknown) && !mutated("send-again-on-unknown");
    delivery.look_up_first = delivery.maybe_sent;
    ++delivery.failures;
    // The first time, one whose fate is unknown is asked for at once; sent and lost again and again, it takes
    // its time.
    delay(delivery, outcome, unknown && delivery.failures == 1);
  }
  finish_part(request, &outcome, outcome.signal);
}

void Lane::look_up_answer(const Attempt& attempt, const LookUpAnswer& answer) {
  Delivery& delivery = answered(attempt, true);
  const std::uint64_t request = std::exchange(delivery.request, 0);
  TargetSignal signal = TargetSignal::kFine;
  if (answer.kind == LookUpAnswer::Kind::kFound || delivery.discarded) {
    settle(delivery);
  } else if (answer.kind == LookUpAnswer::Kind::kRefused) {
    quarantine(delivery);
  } else if (answer.kind == LookUpAnswer::Kind::kAbsent) {
    delivery.maybe_sent = !mutated("absent-for-ever");
    delivery.look_up_first = false;
    delivery.absent_at = now_;
    if (pace_.limits()) absent_.insert(&delivery);
    if (delivery.state == DeliveryState::kUnknown) delivery.state = DeliveryState::kRetrying;
    due_at(delivery, now_);
  } else {
    ++delivery.failures;
    delay(delivery, answer.outcome, false);
    signal = answer.outcome.signal;
  }
  finish_part(request, &answer.outcome, signal);
}

void Lane::not_attempted(const Attempt& attempt) {
  Delivery* delivery = find(attempt.key);
  TILLSYNC_CHECK(delivery != nullptr && delivery->in_flight(), "an answer to a request under way");
  const std::uint64_t request = std::exchange(delivery->request, 0);
  if (delivery->discarded) {
    settle(*delivery);
  } else {
    due_at(*delivery, now_ + options_.backoff_min);
  }
  finish_part(request, nullptr, TargetSignal::kFine);
}

/// Of the parts of one batch the strongest wish counts: to wait, then to be let in anew; one part served
/// shows that the target serves.
void Lane::finish_part(std::uint64_t id, const Outcome* outcome, TargetSignal signal) {
  const auto weight = [](std::optional<TargetSignal> s) {
    if (!s) return 0;
    switch (*s) {
      case TargetSignal::kUnreachable:
        return 1;
      case TargetSignal::kFine:
        return 2;
      case TargetSignal::kUnauthorized:
        return 3;
      case TargetSignal::kThrottled:
        return 4;
    }
    return 0;
  };
  const auto found = requests_.find(id);
  TILLSYNC_CHECK(found != requests_.end() && found->second.parts > 0, "a part of a request under way");
  Request& request = found->second;
  if (outcome != nullptr) {
    const auto retry_after = signal == TargetSignal::kFine ? std::nullopt : outcome->retry_after;
    if (weight(signal) > weight(request.signal)) {
      request.signal = signal;
      request.retry_after = retry_after;
    } else if (signal == request.signal) {
      request.retry_after = std::max(request.retry_after, retry_after);
    }
    request.used += outcome->requests;
    request.left.update(outcome->left);
  }
  if (--request.parts > 0) return;
  const Request whole = request;
  requests_.erase(found);
  pace_.end(whole.charged, whole.used, now_);
  pace_.told(whole.left, now_);
  if (!whole.signal) {
    if (whole.probe) breaker_.lost_probe();
    return;
  }
  if (breaker_.answered(*whole.signal, whole.retry_after, whole.probe, now_)) release_target_waiters();
  if (breaker_.closed()) failed_probe_.reset();
}

/// When it is tried again. A failure of the target is waited out by the breaker, for all alike; the
/// delivery's own backoff is for its own failures, and for those of the target that have not opened the
/// breaker.
void Lane::delay(Delivery& delivery, const Outcome& outcome, bool at_once) {
  const bool target_failed = outcome.signal != TargetSignal::kFine;
  if (target_failed && !breaker_.closed()) {
    delivery.failures = 0;
    if (breaker_.probing()) failed_probe_ = delivery.key;
    due_at(delivery, now_);
    return;
  }
  std::chrono::nanoseconds wait{0};
  if (target_failed || !at_once) wait = backoff_.after(delivery.failures);
  if (outcome.retry_after) {
    const auto asked =
        std::clamp(*outcome.retry_after, std::chrono::milliseconds(0), shared_.limits.retry_after_max);
    wait = std::max(wait, backoff_.at_least(asked));
  }
  due_at(delivery, now_ + wait);
  if (target_failed) waits_for_target_.insert(&delivery);
}

void Lane::release_target_waiters() {
  const InOrder waiting = std::exchange(waits_for_target_, {});
  for (Delivery* delivery : waiting) {
    delivery->failures = 0;
    due_at(*delivery, now_);
  }
}

void Lane::put_on_record(Delivery& delivery) {
  delivery.on_record = true;
  off_record_.erase(&delivery);
}

void Lane::quarantine(Delivery& delivery) {
  put_on_record(delivery);
  delivery.state = DeliveryState::kQuarantined;
  delivery.look_up_first = false;
  delivery.failures = 0;
  quarantined_.insert(&delivery);
  unplace(delivery);
  mark_held(delivery, shared_.needs);
}

void Lane::settle(Delivery& delivery) {
  unplace(delivery);
  absent_.erase(&delivery);
  if (!delivery.on_record) off_record_.erase(&delivery);
  if (delivery.state == DeliveryState::kQuarantined) quarantined_.erase(&delivery);
  shared_.needs.forget(delivery);
  if (delivery.held) shared_.held_is_stale = true;
  if (delivery.counted != Delivery::Counted::kNowhere) --counter(delivery.counted);
  if (is_live(delivery)) --live_count_;
  std::vector<KeyUser*> changed;
  keys_.remove(delivery, changed);
  place_all(changed);
  const DeliveryKey key = delivery.key;
  deliveries_.erase(key);
  for (Delivery* waiter : shared_.needs.settled(key)) {
    waiter->lane->recount(*waiter);
    waiter->lane->place(*waiter);
  }
}

void Lane::release_quarantined(Delivery& delivery) {
  quarantined_.erase(&delivery);
  shared_.held_is_stale = true;
  delivery.state = DeliveryState::kRetrying;
  delivery.failures = 0;
  // Before its rejection it may have been sent with no answer; that request, or an old key, may outlive
  // whatever time the person has taken.
  delivery.look_up_first = true;
}

void Lane::retry(const DeliveryKey& key) {
  Delivery* delivery = find(key);
  if (delivery == nullptr || delivery->in_flight()) return;
  if (delivery->state == DeliveryState::kQuarantined) release_quarantined(*delivery);
  due_at(*delivery, now_);
}

void Lane::discard(const DeliveryKey& key) {
  Delivery* delivery = find(key);
  if (delivery == nullptr) {
    for (Delivery* waiter : shared_.needs.settled(key)) {
      waiter->lane->recount(*waiter);
      waiter->lane->place(*waiter);
    }
  } else if (delivery->in_flight()) {
    delivery->discarded = true;
  } else {
    settle(*delivery);
  }
}

void Lane::amend(const DeliveryKey& key, std::vector<OrderingKey> keys) {
  Delivery* delivery = find(key);
  if (delivery == nullptr) return live_.add(keys, key.document);  // perhaps in the unread backlog
  std::vector<KeyUser*> changed;
  keys_.remove(*delivery, changed);
  keys_.add(*delivery, std::move(keys), changed);
  if (waits_behind_held(*delivery)) mark_held(*delivery, shared_.needs);
  if (delivery->held) shared_.held_is_stale = true;
  place_all(changed);
  retry(key);
}

}  // namespace tillsync
