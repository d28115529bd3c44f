// Lane: what goes out now, and when there is something to do again.
#include <algorithm>

#include "outbox/delivery/lane.h"
#include "platform/base/check.h"
#include "platform/base/mutation.h"

namespace tillsync {
namespace {

/// Ready deliveries looked at to fill a batch, per place in it (those that must be looked up first are passed
/// over).
constexpr std::size_t kLooksPerPlace = 4;
/// For so long a look-up's "absent" is taken for true. What an earlier attempt sent may arrive later; the
/// idempotency key covers it only while central keeps it.
constexpr std::chrono::seconds kAbsentHolds{10};

}  // namespace

void Lane::act(std::vector<Action>& actions) {
  dispatch(actions);
  park(actions);
  save_frontier(actions);
}

bool Lane::has_slot() const {
  return requests_.size() < static_cast<std::size_t>(options_.concurrency);
}

/// Whose turn it is. While the target fails, each ready delivery in turn is the probe: one that fails for its
/// own sake (a document on which the target breaks) must not keep the others from proving that the target
/// serves.
Delivery* Lane::candidate() const {
  if (ready_.empty()) return nullptr;
  if (breaker_.closed() || !failed_probe_) return *ready_.begin();
  Delivery after;
  after.key = *failed_probe_;
  const auto next = ready_.upper_bound(&after);
  return next == ready_.end() ? *ready_.begin() : *next;
}

bool Lane::must_ask(const Delivery& delivery) const {
  const bool may_arrive = delivery.maybe_sent || delivery.put_off;
  return delivery.look_up_first || (may_arrive && now_ - delivery.absent_at > kAbsentHolds);
}

bool Lane::may_send(const Delivery& delivery) const {
  return must_ask(delivery) || delivery.key.document <= reserved_ || mutated("send-before-reserve");
}

std::int64_t Lane::reserve_ahead() const {
  return std::max(shared_.limits.reserve_ahead,
                  static_cast<std::int64_t>(std::min(under_way_max(), shared_.limits.reserve_wave_max)));
}

void Lane::reserve_beyond(Sequence document, std::vector<Action>& actions) {
  if (reserving_) return;
  reserving_ = true;
  const std::int64_t ahead = document.value + reserve_ahead();
  actions.emplace_back(Reserve{name_, Sequence{std::max(document.value, std::min(head_.value, ahead))}});
}

bool Lane::reserve_for(const Delivery& delivery, std::vector<Action>& actions) {
  if (may_send(delivery)) return true;
  reserve_beyond(delivery.key.document, actions);
  return false;
}

/// While a backlog drains the next reservation is under way before this one is used up. A store without a
/// backlog never has anything ready beyond its reservation, and pays for none ahead.
void Lane::reserve_on(std::vector<Action>& actions) {
  if (ready_.empty() || !breaker_.closed() || (*ready_.rbegin())->key.document <= reserved_) return;
  if (reserved_.value - sent_through_.value < reserve_ahead() / 2) reserve_beyond(sent_through_, actions);
}

void Lane::dispatch(std::vector<Action>& actions) {
  if (paused_ || halted()) return;
  while (has_slot()) {
    if (!breaker_.closed() && !breaker_.may_probe(now_)) return;
    Delivery* first = candidate();
    // In order: what follows one that must wait for its reservation must wait for it too.
    if (first == nullptr || !reserve_for(*first, actions) || !pace_.take(now_)) return;
    start(*first, !breaker_.closed(), actions);
  }
  reserve_on(actions);
}

std::vector<Delivery*> Lane::batch(Delivery& first) const {
  const auto places = static_cast<std::size_t>(options_.batch_max);
  std::vector<Delivery*> together;
  std::size_t looks = places * kLooksPerPlace;
  for (auto it = ready_.find(&first); it != ready_.end() && together.size() < places && looks > 0;
       ++it, --looks) {
    if (must_ask(**it)) continue;
    if (!may_send(**it)) break;
    together.push_back(*it);
  }
  return together;
}

void Lane::start(Delivery& first, bool probe, std::vector<Action>& actions) {
  const std::uint64_t id = ++last_request_;
  const bool ask = must_ask(first);
  const std::vector<Delivery*> together = ask || probe ? std::vector<Delivery*>{&first} : batch(first);
  if (probe) breaker_.started_probe();
  requests_[id] = Request{together.size(), probe, std::nullopt, std::nullopt};
  std::vector<Attempt> attempts;
  for (Delivery* delivery : together) {
    TILLSYNC_CHECK(is_open(delivery->state) && !delivery->in_flight() && !delivery->waits_for_another(),
                   "only what is free is sent (I4)");
    unplace(*delivery);
    delivery->request = id;
    delivery->asked = ask;
    if (!ask) sent_through_ = std::max(sent_through_, delivery->key.document);
    // A look-up asks for the attempt that was made; a send makes the next.
    attempts.push_back({delivery->key, ask ? std::max(delivery->attempts, 1) : delivery->attempts + 1,
                        delivery->on_record, std::exchange(delivery->document, nullptr)});
  }
  if (ask) {
    actions.emplace_back(LookUp{name_, std::move(attempts.front())});
  } else {
    actions.emplace_back(Send{name_, std::move(attempts)});
  }
}

std::optional<SteadyTime> Lane::wake() const {
  std::optional<SteadyTime> reading;
  if (wants_page()) reading = std::max(now_, read_again_at_);
  if (paused_ || halted() || !has_slot() || breaker_.probing()) return reading;

  std::optional<SteadyTime> sending;
  const Delivery* next = candidate();
  if (next != nullptr && (may_send(*next) || !reserving_)) {
    sending = now_;
  } else if (!timed_.empty()) {
    sending = timed_.begin()->first;
  }
  if (!sending) return reading;
  sending = std::max(*sending, pace_.next_at());
  if (const auto retry_at = breaker_.retry_at()) sending = std::max(*sending, *retry_at);
  return reading ? std::min(*reading, *sending) : sending;
}

}  // namespace tillsync
