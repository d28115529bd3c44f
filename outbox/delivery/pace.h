// How long to wait, and how often to ask: jittered backoff and the request rate of a target. Steady time only
// (I5).
#pragma once

#include <chrono>

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
class Pace {
 public:
  /// Requests a second, with bursts of one second's worth (at least one request); 0 for no limit.
  explicit Pace(double rate_per_s);
  /// Takes leave for one request; false where none is left at `now`.
  bool take(SteadyTime now);
  /// From when on take() succeeds.
  SteadyTime next_at() const;

 private:
  std::chrono::nanoseconds period_{0};  ///< 0: no limit
  std::chrono::nanoseconds burst_{0};
  SteadyTime full_at_ = SteadyTime::min();  ///< when the bucket will be full again
};

}  // namespace tillsync
