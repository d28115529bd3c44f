// The world's time: one queue of events, taken in order; and the clocks that a store's machine shows, which
// drift, jump and stand still.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "platform/base/time.h"

namespace tillsync::sim {

/// True time since the world began. Nobody in the world can read it but central.
using Moment = std::chrono::nanoseconds;

class Timeline {
 public:
  Moment now() const { return now_; }
  /// Runs `event` at that moment, or now where it has passed; those of one moment in the order of their
  /// coming.
  void at(Moment when, std::function<void()> event) {
    queue_.push(Event{when < now_ ? now_ : when, ++order_, std::move(event)});
  }
  void after(Moment delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }
  /// Runs the next event, if there is one before or at `until`; else moves time there. False: none was left.
  bool step(Moment until) {
    if (queue_.empty() || queue_.top().when > until) {
      if (until > now_) now_ = until;
      return false;
    }
    auto event = std::move(const_cast<Event&>(queue_.top()).run);  // it is popped before it can be compared
    now_ = queue_.top().when;
    queue_.pop();
    event();
    return true;
  }

 private:
  struct Event {
    Moment when;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const Event& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };
  Moment now_{0};
  std::uint64_t order_ = 0;
  std::priority_queue<Event> queue_;
};

/// What the store's machine takes for the time. The steady clock goes on while the machine sleeps and begins
/// anew when it boots; the wall clock drifts and is set by whoever wants to.
class StoreClock final : public Clock {
 public:
  explicit StoreClock(const Timeline& timeline) : timeline_(timeline) {}

  UtcTime utc_now() const override {
    const auto true_us = std::chrono::duration_cast<std::chrono::microseconds>(timeline_.now());
    const auto drift = true_us.count() / 1'000'000 * drift_ppm_;
    return kBegin + true_us + std::chrono::microseconds(drift) + wall_offset_;
  }
  SteadyTime steady_now() const override { return SteadyTime(timeline_.now() + booted_at_); }
  /// When the steady clock will show that.
  Moment moment_of(SteadyTime steady) const { return steady.time_since_epoch() - booted_at_; }

  void step_wall(std::chrono::microseconds by) { wall_offset_ += by; }
  void drift(std::int64_t parts_per_million) { drift_ppm_ = parts_per_million; }
  /// The machine boots: its steady clock begins near zero again.
  void boot() { booted_at_ = std::chrono::seconds(5) - timeline_.now(); }

  /// 09:00 UTC of 2 March 2026, a Monday.
  static constexpr UtcTime kBegin{std::chrono::sys_days(std::chrono::year(2026) / 3 / 2) +
                                  std::chrono::hours(9)};

 private:
  const Timeline& timeline_;
  std::chrono::microseconds wall_offset_{0};
  std::int64_t drift_ppm_ = 0;
  Moment booted_at_{std::chrono::hours(3)};
};

}  // namespace tillsync::sim
