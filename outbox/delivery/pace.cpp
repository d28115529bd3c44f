#include "outbox/delivery/pace.h"

#include <algorithm>
#include <cmath>

namespace tillsync {
namespace {

constexpr std::chrono::nanoseconds kFloor = std::chrono::milliseconds(1);
constexpr double kPeriodMaxNs = 86'400e9;  // slower than one request a day is one a day

}  // namespace

std::chrono::nanoseconds Backoff::after(int failures) const {
  std::chrono::nanoseconds cap = min_;
  for (int n = 1; n < failures && cap < max_; ++n) cap *= 2;
  cap = std::max<std::chrono::nanoseconds>(std::min<std::chrono::nanoseconds>(cap, max_), kFloor);
  return std::max(kFloor,
                  std::chrono::nanoseconds(random_.below(static_cast<std::uint64_t>(cap.count()) + 1)));
}

std::chrono::nanoseconds Backoff::at_least(std::chrono::nanoseconds wait) const {
  wait = std::max(wait, kFloor);
  return wait + std::chrono::nanoseconds(random_.below(static_cast<std::uint64_t>(wait.count() / 10) + 1));
}

Pace::Pace(double rate_per_s) {
  if (!(rate_per_s > 0)) return;
  period_ = std::chrono::nanoseconds(
      static_cast<std::int64_t>(std::ceil(std::min(1e9 / rate_per_s, kPeriodMaxNs))));
  const auto requests =
      std::max<std::int64_t>(1, std::chrono::nanoseconds(std::chrono::seconds(1)) / period_);
  burst_ = period_ * (requests - 1);
}

bool Pace::take(SteadyTime now) {
  if (period_.count() == 0) return true;
  if (now < next_at()) return false;
  full_at_ = std::max(full_at_, now) + period_;
  return true;
}

SteadyTime Pace::next_at() const {
  return full_at_ == SteadyTime::min() ? full_at_ : full_at_ - burst_;
}

}  // namespace tillsync
