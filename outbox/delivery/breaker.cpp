#include "outbox/delivery/breaker.h"

#include <algorithm>

namespace tillsync {

bool Breaker::answered(TargetSignal signal, std::optional<std::chrono::milliseconds> retry_after, bool probe,
                       SteadyTime now) {
  if (retry_after) retry_after = std::clamp(*retry_after, std::chrono::milliseconds(0), retry_after_max_);
  if (signal == TargetSignal::kFine) {
    fine(probe);
    return false;
  }
  const bool decides = closed() || (probe && probing());
  if (!decides) {
    // A request that was under way when the breaker opened: only a longer wait asked for is news.
    if (signal == TargetSignal::kThrottled && retry_after && mode_ == Mode::kWaiting) {
      until_ = std::max(until_, now + *retry_after);
    }
    return false;
  }
  if (closed() && signal == TargetSignal::kUnreachable && ++failures_ < failures_max_) return false;
  open(signal, retry_after, now);
  return true;
}

void Breaker::fine(bool probe) {
  // While the target asks for a pause, or refuses our credential, what was under way before proves nothing.
  const bool proves = closed() || probe || cause_ == TargetSignal::kUnreachable;
  if (!proves) return;
  mode_ = Mode::kClosed;
  cause_ = TargetSignal::kFine;
  failures_ = 0;
  openings_ = 0;
}

void Breaker::open(TargetSignal cause, std::optional<std::chrono::milliseconds> retry_after, SteadyTime now) {
  // A refused credential is read again by the connector: the first try with it comes soon, whatever failed
  // before.
  const bool first_refusal = cause == TargetSignal::kUnauthorized && cause_ != TargetSignal::kUnauthorized;
  openings_ = first_refusal ? 1 : std::min(openings_ + 1, 62);
  std::chrono::nanoseconds wait = first_refusal ? backoff_.min() : backoff_.after(openings_);
  if (retry_after) {
    // A target that throttles knows its time best, unless it says "at once" again and again.
    const bool trusted = cause == TargetSignal::kThrottled && *retry_after >= backoff_.min();
    const auto asked = backoff_.at_least(*retry_after);
    wait = trusted ? asked : std::max(wait, asked);
  }
  mode_ = Mode::kWaiting;
  cause_ = cause;
  until_ = now + wait;
  failures_ = 0;
}

void Breaker::lost_probe() {
  if (mode_ == Mode::kProbing) mode_ = Mode::kWaiting;
}

std::optional<SteadyTime> Breaker::retry_at() const {
  if (mode_ != Mode::kWaiting) return std::nullopt;
  return until_;
}

}  // namespace tillsync
