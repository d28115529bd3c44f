// How long to wait, and how often to ask: jittered backoff, and the requests that a target may get. Steady
// time only (I5).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "outbox/delivery/outcome.h"
#include "platform/base/random.h"
#include "platform/base/time.h"

namespace tillsync {

/// Exponential backoff with full jitter: uniform in (0, min(max, min * 2^(n-1))], so that a fleet whose
/// central comes back does not ask all at once (Brooker, "Exponential Backoff And Jitter", AWS Architecture
/// Blog). Never less than a millisecond.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds min, std::chrono::milliseconds max, Random& random)
      : min_(min), max_(max), random_(random) {}

  /// After the n-th failure in a row, n from 1.
  std::chrono::nanoseconds after(int failures) const;
  /// At least `wait`, and up to a tenth more.
  std::chrono::nanoseconds at_least(std::chrono::nanoseconds wait) const;
  std::chrono::milliseconds min() const { return min_; }

 private:
  std::chrono::milliseconds min_;
  std::chrono::milliseconds max_;
  Random& random_;
};

/// A token bucket, kept as one instant in whole nanoseconds (GCRA, ITU-T I.371): no rounding makes a wake-up
/// come too early.
class TokenBucket {
 public:
  /// No limit.
  TokenBucket() = default;
  /// So many requests a second, and one second's worth at once (at least one); 0: no limit.
  static TokenBucket per_second(double requests);
  /// Never more than `requests` in any stretch of `window`, wherever it begins: half of them at once, the
  /// other half spread over it. 0: no limit.
  static TokenBucket per_window(std::int64_t requests, std::chrono::nanoseconds window);

  bool limits() const { return period_.count() > 0; }
  /// From when on it holds so many requests, `kept` of its depth left untouched; or all of it, where it never
  /// holds so many.
  SteadyTime free_at(std::int64_t requests, std::int64_t kept = 0) const;
  void take(std::int64_t requests, SteadyTime now);
  /// No more than so many are in it now.
  void lower_to(std::int64_t requests, SteadyTime now);

  std::int64_t depth() const { return depth_; }
  std::chrono::nanoseconds period() const { return period_; }
  /// When it will be full again. What a bucket is owed outlives the process as this one instant.
  SteadyTime full_at() const { return full_at_; }
  /// For a bucket of an earlier process; never emptier than empty.
  void full_at(SteadyTime at, SteadyTime now);

 private:
  std::chrono::nanoseconds period_{0};  ///< a request comes back after it; 0: no limit
  std::int64_t depth_ = 0;              ///< requests at once
  SteadyTime full_at_{};
};

/// What a target bears, from its settings. A 0 means no limit.
struct PaceLimits {
  double rate_per_s = 0;            ///< with one second's worth at once
  std::int64_t burst_requests = 0;  ///< in any `burst_window`
  std::chrono::milliseconds burst_window{10'000};
  std::int64_t day_requests = 0;            ///< in any 24 hours
  std::int64_t day_kept_back_percent = 20;  ///< of the day's requests, left to others
  std::int64_t concurrency_max = 0;         ///< requests at a time, whatever the settings say
};

/// Who wants to send. Of a day's requests a quarter of what may go at once is for live trade alone, so that a
/// backlog that drains does not keep a new sale from central.
enum class Claim : unsigned char { kBacklog, kLive };

/// All limits of one target at once: its rate, its burst and its day, and what it says itself is left of
/// them.
class Pace {
 public:
  explicit Pace(const PaceLimits& limits);

  /// From when on begin() succeeds, if nothing else begins; max() where something under way has to end first.
  SteadyTime next_at(int requests_max, Claim claim) const;
  /// Leave for what may take so many requests, one of them now; false where there is none at `now`.
  bool begin(int requests_max, Claim claim, SteadyTime now);
  /// It has ended, and took so many.
  void end(int requests_max, int requests, SteadyTime now);
  /// What an answer said.
  void told(const LimitsLeft& left, SteadyTime now);

  bool limits() const { return rate_.limits() || burst_.limits() || day_.limits(); }
  /// So long a second request may have to wait for a first; 0 where two can be made at once.
  std::chrono::nanoseconds slowest() const;

  const TokenBucket& day() const { return day_; }
  void day_full_at(SteadyTime at, SteadyTime now) { day_.full_at(at, now); }
  /// TokenBucket::full_at() of the day if all under way, and what may take so many requests, took them.
  SteadyTime day_full_at_with(int requests_max, SteadyTime now) const {
    return std::max(day_.full_at(), now) + day_.period() * (held_ + requests_max);
  }

 private:
  /// What the target said is left of one limit, counted down until it is told anew or over.
  struct Told {
    std::int64_t left = 0;
    SteadyTime until = SteadyTime::min();
    bool asks = false;    ///< nothing is left, and nobody knows until when: then one request is to find out
    bool scarce = false;  ///< the backlog's requests are spread over what is left of the time
    SteadyTime backlog_at = SteadyTime::min();
    SteadyTime next_at(std::int64_t requests, Claim claim) const;
    void take(std::int64_t requests, Claim claim, SteadyTime now);
  };

  const PaceLimits limits_;
  TokenBucket rate_, burst_, day_;
  /// Requests that those under way may yet make: taken when they have ended, since how many were made when is
  /// not known before. What came back meanwhile cannot be given back a second time.
  std::int64_t held_ = 0;
  std::int64_t under_way_ = 0;  ///< what has begun and not ended: an answer may not know of it yet
  std::int64_t day_kept_ = 0;   ///< left to others
  Told burst_told_, day_told_;
};

}  // namespace tillsync
