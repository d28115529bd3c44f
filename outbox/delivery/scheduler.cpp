#include "outbox/delivery/scheduler.h"

#include <algorithm>

#include "outbox/delivery/held.h"
#include "outbox/delivery/lane.h"
#include "platform/base/check.h"

namespace tillsync {
namespace {

/// Up to so many held deliveries are marked anew at once; more, at most once in kRefreshEvery.
constexpr std::size_t kRefreshAtOnceMax = 1'024;
constexpr std::chrono::seconds kRefreshEvery{1};

}  // namespace

struct Scheduler::Impl {
  Impl(BacklogSource& backlog, Random& random, const SchedulerLimits& limits)
      : source(backlog), shared{random, limits, {}, {}, false} {}

  Lane& lane(const std::string& target) {
    const auto found = lanes.find(target);
    TILLSYNC_CHECK(found != lanes.end(), "a target that was added");
    return *found->second;
  }
  /// Something has changed: the next step may have work at once.
  Lane& stir(const std::string& target) {
    wake = now;
    return lane(target);
  }
  void refresh() {
    if (shared.held_is_stale) refresh_held(shared);
  }
  void refresh_when_due();
  std::optional<SteadyTime> next_wake() const;

  BacklogSource& source;
  Shared shared;
  std::map<std::string, std::unique_ptr<Lane>> lanes;
  SteadyTime now{};
  std::optional<SteadyTime> wake = SteadyTime{};
  SteadyTime refresh_at = SteadyTime::min();
};

void Scheduler::Impl::refresh_when_due() {
  if (!shared.held_is_stale) return;
  std::size_t held = 0;
  for (const Lane* lane : shared.lanes) held += lane->held();
  if (held > kRefreshAtOnceMax && now < refresh_at) return;
  refresh_held(shared);
  refresh_at = now + kRefreshEvery;
}

std::optional<SteadyTime> Scheduler::Impl::next_wake() const {
  std::optional<SteadyTime> first;
  const auto consider = [&first](std::optional<SteadyTime> at) {
    if (at && (!first || *at < *first)) first = at;
  };
  for (const Lane* lane : shared.lanes) consider(lane->wake());
  if (shared.held_is_stale) consider(std::max(now, refresh_at));
  return first;
}

bool in_any(const std::vector<SequenceRange>& ranges, Sequence document) {
  return std::any_of(ranges.begin(), ranges.end(), [document](const SequenceRange& range) {
    return range.first <= document && document <= range.last;
  });
}

Scheduler::Scheduler(BacklogSource& source, Random& random, SchedulerLimits limits)
    : impl_(std::make_unique<Impl>(source, random, limits)) {}
Scheduler::~Scheduler() = default;

void Scheduler::add_target(const std::string& name, const LaneOptions& options, const LaneMemory& memory,
                           Sequence head) {
  auto lane = std::make_unique<Lane>(name, options, memory, head, impl_->shared);
  Lane* added = lane.get();
  TILLSYNC_CHECK(impl_->lanes.emplace(name, std::move(lane)).second, "a target is added once");
  impl_->shared.lanes.push_back(added);
}

void Scheduler::head_is(Sequence head) {
  for (Lane* lane : impl_->shared.lanes) lane->head_is(head);
  impl_->wake = impl_->now;
}

bool Scheduler::wants_documents() const {
  return std::any_of(impl_->shared.lanes.begin(), impl_->shared.lanes.end(),
                     [](const Lane* lane) { return lane->wants_documents(); });
}

Result<std::vector<Action>> Scheduler::step(SteadyTime now) {
  impl_->now = std::max(impl_->now, now);
  impl_->refresh_when_due();
  std::optional<Error> failure;
  for (Lane* lane : impl_->shared.lanes) {
    lane->time_is(impl_->now);
    if (auto admitted = lane->admit(impl_->source); !admitted && !failure) failure = admitted.error();
  }
  if (failure) {
    impl_->wake = impl_->now;  // the other lanes' work, at once; the reading, later
    return *failure;
  }
  std::vector<Action> actions;
  for (Lane* lane : impl_->shared.lanes) lane->act(actions);
  impl_->wake = impl_->next_wake();
  return actions;
}

std::optional<SteadyTime> Scheduler::next_wake() const {
  return impl_->wake;
}

void Scheduler::outcome(const std::string& target, const Attempt& attempt, const Outcome& outcome,
                        SteadyTime now) {
  Lane& lane = impl_->stir(target);
  lane.time_is(now);
  lane.outcome(attempt, outcome);
}

void Scheduler::look_up_answer(const std::string& target, const Attempt& attempt, const LookUpAnswer& answer,
                               SteadyTime now) {
  Lane& lane = impl_->stir(target);
  lane.time_is(now);
  lane.look_up_answer(attempt, answer);
}

void Scheduler::not_attempted(const std::string& target, const Attempt& attempt, SteadyTime now) {
  Lane& lane = impl_->stir(target);
  lane.time_is(now);
  lane.not_attempted(attempt);
}

void Scheduler::reserved(const std::string& target, Sequence through, std::optional<Sequence> from) {
  impl_->stir(target).reserved(through, from);
}
void Scheduler::day_reserved(const std::string& target, SteadyTime full_at) {
  impl_->stir(target).day_reserved(full_at);
}
void Scheduler::pause(const std::string& target) {
  impl_->stir(target).pause();
}
void Scheduler::resume(const std::string& target) {
  impl_->stir(target).resume();
}
void Scheduler::retry(const std::string& target, const DeliveryKey& key) {
  impl_->stir(target).retry(key);
}
void Scheduler::discard(const std::string& target, const DeliveryKey& key) {
  impl_->stir(target).discard(key);
}
void Scheduler::amend(const std::string& target, const DeliveryKey& key, std::vector<OrderingKey> keys) {
  impl_->stir(target).amend(key, std::move(keys));
}

TargetStatus Scheduler::status(const std::string& target) const {
  impl_->refresh();
  return impl_->lane(target).status();
}

std::vector<DeliveryKey> Scheduler::blocked() const {
  impl_->refresh();
  std::vector<DeliveryKey> keys;
  for (const Lane* lane : impl_->shared.lanes) lane->blocked(keys);
  return keys;
}

}  // namespace tillsync
