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
/// Live deliveries that go out for each one of a backlog that is ready as well.
constexpr int kLiveTurns = 3;
/// A day's depth is reserved in so many parts.
constexpr std::int64_t kDayReservations = 32;
/// For so long a look-up's "absent" is taken for true. What an earlier attempt sent may arrive later; the
/// idempotency key covers it only while central keeps it.
constexpr std::chrono::seconds kAbsentHolds{10};

}  // namespace

void Lane::act(std::vector<Action>& actions) {
  dispatch(actions);
  join_reserved_ahead(actions);
  park(actions);
  save_frontier(actions);
}

bool Lane::has_slot() const {
  return requests_.size() < static_cast<std::size_t>(options_.concurrency);
}

/// While the target fails, each ready delivery in turn is the probe: one that fails for its own sake (a
/// document on which the target breaks) must not keep the others from proving that the target serves.
Delivery* Lane::probe_candidate() const {
  if (ready_.empty() || !failed_probe_) return ready_.empty() ? nullptr : *ready_.begin();
  Delivery after;
  after.key = *failed_probe_;
  const auto next = ready_.upper_bound(&after);
  return next == ready_.end() ? *ready_.begin() : *next;
}

std::array<Delivery*, 2> Lane::candidates() const {
  if (!breaker_.closed()) return {probe_candidate(), nullptr};
  if (ready_.empty()) return {};
  for (Delivery* absent : absent_) {
    if (absent->queued == Delivery::Queued::kReady && !must_ask(*absent)) return {absent, nullptr};
  }
  Delivery* first = *ready_.begin();
  if (!live_.on() || live_.is_live(first->key.document)) return {first, nullptr};
  const auto live = ready_.upper_bound(JournalOrder::After{live_.from()});
  if (live == ready_.end()) return {first, nullptr};
  if (live_turn_ < kLiveTurns) return {*live, first};
  return {first, *live};
}

bool Lane::must_ask(const Delivery& delivery) const {
  const bool may_arrive = delivery.maybe_sent || delivery.put_off;
  return delivery.look_up_first || (may_arrive && now_ - delivery.absent_at > kAbsentHolds + pace_.slowest());
}

bool Lane::may_send(const Delivery& delivery) const {
  return must_ask(delivery) || delivery.key.document <= reserved_ ||
         in_any(reserved_ahead_, delivery.key.document) || mutated("send-before-reserve");
}

std::int64_t Lane::reserve_ahead() const {
  return std::max(shared_.limits.reserve_ahead,
                  static_cast<std::int64_t>(std::min(under_way_max(), shared_.limits.reserve_wave_max)));
}

Sequence Lane::reserve_through(Sequence document) const {
  return std::max(document, std::min(head_, Sequence{document.value + reserve_ahead()}));
}

void Lane::reserve_beyond(Sequence document, std::vector<Action>& actions) {
  if (reserving_) return;
  reserving_ = true;
  actions.emplace_back(Reserve{name_, reserve_through(document)});
}

bool Lane::reserve_for(const Delivery& delivery, std::vector<Action>& actions) {
  if (may_send(delivery)) return true;
  if (is_live(delivery)) {
    reserve_live(delivery.key.document, actions);
  } else {
    reserve_beyond(delivery.key.document, actions);
  }
  return false;
}

/// While a backlog drains the next reservation is under way before this one is used up. A store without a
/// backlog never has anything ready beyond its reservation, and pays for none ahead.
void Lane::reserve_on(std::vector<Action>& actions) {
  if (ready_.empty() || !breaker_.closed() || (*ready_.rbegin())->key.document <= reserved_) return;
  if (reserved_.value - sent_through_.value < reserve_ahead() / 2) reserve_beyond(sent_through_, actions);
}

int Lane::cost(Delivery& first) const {
  if (!pace_.limits()) return 1;  // nobody asks
  // What is found absent is sent at once, while that is true.
  if (must_ask(first)) return 2 * options_.requests_max(1);
  const bool alone = options_.batch_max == 1 || !breaker_.closed();
  return options_.requests_max(alone ? 1 : batch(first).size());
}

/// A process that dies must not forget what it has used up of the day: what it may use is on record first, a
/// little ahead.
bool Lane::reserve_day(int requests, std::vector<Action>& actions) {
  const TokenBucket& day = pace_.day();
  if (!day.limits()) return true;
  const SteadyTime full_at = pace_.day_full_at_with(requests, now_);
  if (full_at <= day_reserved_) return true;
  if (!reserving_day_) {
    reserving_day_ = true;
    const std::int64_t ahead = std::max<std::int64_t>(1, day.depth() / kDayReservations);
    actions.emplace_back(ReserveDay{name_, full_at + day.period() * ahead});
  }
  return false;
}

bool Lane::try_start(Delivery& first, std::vector<Action>& actions) {
  const int requests = cost(first);
  const Claim claim = claim_of(first);
  // In order: what follows one that must wait for its reservation must wait for it too.
  if (!reserve_for(first, actions) || now_ < pace_.next_at(requests, claim)) return false;
  if (!reserve_day(requests, actions) || !pace_.begin(requests, claim, now_)) return false;
  start(first, requests, actions);
  return true;
}

void Lane::dispatch(std::vector<Action>& actions) {
  if (paused_ || halted()) return;
  while (has_slot()) {
    if (!breaker_.closed() && !breaker_.may_probe(now_)) return;
    const auto [first, second] = candidates();
    const bool started = first != nullptr && try_start(*first, actions);
    if (!started && (second == nullptr || !try_start(*second, actions))) break;
    if (second == nullptr) continue;
    const Delivery& chosen = started ? *first : *second;
    live_turn_ = is_live(chosen) ? live_turn_ + 1 : 0;
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

void Lane::start(Delivery& first, int charged, std::vector<Action>& actions) {
  const std::uint64_t id = ++last_request_;
  const bool ask = must_ask(first);
  const bool probe = !breaker_.closed();
  const std::vector<Delivery*> together = ask || probe ? std::vector<Delivery*>{&first} : batch(first);
  if (probe) breaker_.started_probe();
  requests_[id] = Request{together.size(), probe, charged, 0, std::nullopt, std::nullopt, {}};
  std::vector<Attempt> attempts;
  for (Delivery* delivery : together) {
    TILLSYNC_CHECK(is_open(delivery->state) && !delivery->in_flight() && !delivery->waits_for_another(),
                   "only what is free is sent (I4)");
    unplace(*delivery);
    absent_.erase(delivery);
    delivery->request = id;
    delivery->asked = ask;
    if (!ask && !is_live(*delivery)) sent_through_ = std::max(sent_through_, delivery->key.document);
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
  std::optional<SteadyTime> wake;
  const auto consider = [&wake](SteadyTime at) {
    if (at != SteadyTime::max()) wake = wake ? std::min(*wake, at) : at;  // max(): what ends comes by itself
  };
  if (wants_page() || wants_live_page()) consider(std::max(now_, read_again_at_));
  if (paused_ || halted() || !has_slot() || breaker_.probing()) return wake;

  const SteadyTime breaker_at = breaker_.retry_at().value_or(now_);
  for (Delivery* next : candidates()) {
    if (next == nullptr) continue;
    const bool reserving = is_live(*next) ? reserving_ahead_ : reserving_;
    if (reserving_day_ || (reserving && !may_send(*next))) continue;  // told when that is done
    consider(std::max({now_, pace_.next_at(cost(*next), claim_of(*next)), breaker_at}));
  }
  // What becomes due may be one that goes before those.
  if (!timed_.empty()) {
    consider(std::max({timed_.begin()->first, pace_.next_at(1, Claim::kLive), breaker_at}));
  }
  return wake;
}

}  // namespace tillsync
