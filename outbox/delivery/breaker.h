// What the answers say of a target as a whole: whether requests may flow, wait, or be tried with one (circuit
// breaker).
#pragma once

#include <optional>

#include "outbox/delivery/outcome.h"
#include "outbox/delivery/pace.h"
#include "platform/base/time.h"

namespace tillsync {

class Breaker {
 public:
  Breaker(int failures_max, std::chrono::milliseconds retry_after_max, Backoff backoff)
      : failures_max_(failures_max), retry_after_max_(retry_after_max), backoff_(backoff) {}

  /// What a whole request came to. `probe`: it was the one sent by started_probe(). True: the breaker has
  /// just opened or opened anew.
  bool answered(TargetSignal signal, std::optional<std::chrono::milliseconds> retry_after, bool probe,
                SteadyTime now);

  /// Requests flow.
  bool closed() const { return mode_ == Mode::kClosed; }
  /// One request may be tried.
  bool may_probe(SteadyTime now) const { return mode_ == Mode::kWaiting && now >= until_; }
  void started_probe() { mode_ = Mode::kProbing; }
  /// The probe was not made after all.
  void lost_probe();
  bool probing() const { return mode_ == Mode::kProbing; }

  /// Not closed because the target asked us to wait.
  bool throttled() const { return !closed() && cause_ == TargetSignal::kThrottled; }
  /// When it is tried again, while it waits.
  std::optional<SteadyTime> retry_at() const;

 private:
  enum class Mode : unsigned char { kClosed, kWaiting, kProbing };

  void fine(bool probe);
  void open(TargetSignal cause, std::optional<std::chrono::milliseconds> retry_after, SteadyTime now);

  int failures_max_;
  std::chrono::milliseconds retry_after_max_;
  Backoff backoff_;
  Mode mode_ = Mode::kClosed;
  TargetSignal cause_ = TargetSignal::kFine;
  SteadyTime until_{};
  int failures_ = 0;  ///< in a row
  int openings_ = 0;  ///< in a row
};

}  // namespace tillsync
