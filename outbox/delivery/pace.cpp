#include "outbox/delivery/pace.h"

#include <algorithm>
#include <cmath>

namespace tillsync {
namespace {

constexpr std::chrono::nanoseconds kFloor = std::chrono::milliseconds(1);
constexpr double kPeriodMaxNs = 86'400e9;  // slower than one request a day is one a day
constexpr std::chrono::nanoseconds kDay = std::chrono::hours(24);
constexpr std::chrono::nanoseconds kAskAgainAfter = std::chrono::hours(1);
constexpr std::int64_t kLiveShare = 4;  ///< a part in so many of the day's depth

std::chrono::nanoseconds window_of(const LimitLeft& left, std::chrono::nanoseconds otherwise) {
  if (!left.resets) return otherwise;
  return std::clamp<std::chrono::nanoseconds>(*left.resets, kFloor, kDay);
}

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

TokenBucket TokenBucket::per_second(double requests) {
  TokenBucket bucket;
  if (!(requests > 0)) return bucket;
  bucket.period_ =
      std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil(std::min(1e9 / requests, kPeriodMaxNs))));
  bucket.depth_ =
      std::max<std::int64_t>(1, std::chrono::nanoseconds(std::chrono::seconds(1)) / bucket.period_);
  return bucket;
}

TokenBucket TokenBucket::per_window(std::int64_t requests, std::chrono::nanoseconds window) {
  TokenBucket bucket;
  if (requests <= 0) return bucket;
  bucket.depth_ = (requests + 1) / 2;
  // A window that begins with a full bucket sees all of it, and what comes back until it ends.
  bucket.period_ = window / (requests - bucket.depth_ + 1) + std::chrono::nanoseconds(1);
  return bucket;
}

SteadyTime TokenBucket::free_at(std::int64_t requests, std::int64_t kept) const {
  if (!limits()) return SteadyTime::min();
  return full_at_ - period_ * std::max<std::int64_t>(0, depth_ - kept - requests);
}

void TokenBucket::take(std::int64_t requests, SteadyTime now) {
  if (limits() && requests > 0) full_at_ = std::max(full_at_, now) + period_ * requests;
}

void TokenBucket::lower_to(std::int64_t requests, SteadyTime now) {
  const std::int64_t gone = depth_ - std::clamp<std::int64_t>(requests, 0, depth_);
  if (limits()) full_at_ = std::max(full_at_, now + period_ * gone);
}

void TokenBucket::full_at(SteadyTime at, SteadyTime now) {
  full_at_ = std::min(at, now + period_ * depth_);
}

Pace::Pace(const PaceLimits& limits)
    : limits_(limits),
      rate_(TokenBucket::per_second(limits.rate_per_s)),
      burst_(TokenBucket::per_window(limits.burst_requests, limits.burst_window)),
      day_kept_((limits.day_requests * limits.day_kept_back_percent + 99) / 100) {
  // With less than two requests a day for deliveries there is one all the same.
  if (limits.day_requests > 0) {
    day_ = TokenBucket::per_window(std::max<std::int64_t>(1, limits.day_requests - day_kept_), kDay);
  }
}

SteadyTime Pace::Told::next_at(std::int64_t requests, Claim claim) const {
  if (until == SteadyTime::min()) return SteadyTime::min();
  if (requests > left) return until;
  return scarce && claim == Claim::kBacklog ? std::min(backlog_at, until) : SteadyTime::min();
}

void Pace::Told::take(std::int64_t requests, Claim claim, SteadyTime now) {
  if (until == SteadyTime::min()) return;
  if (now >= until && asks) {
    until = now + kAskAgainAfter;
    left = 0;
  } else if (now >= until) {
    *this = Told{};
  } else {
    left -= requests;
    if (scarce && claim == Claim::kBacklog && left > 0) backlog_at = now + (until - now) / left * requests;
  }
}

SteadyTime Pace::next_at(int requests_max, Claim claim) const {
  const std::int64_t kept = claim == Claim::kBacklog ? day_.depth() / kLiveShare : 0;
  const std::int64_t requests = requests_max + held_;
  // One that may take more than a bucket holds goes alone.
  const auto never = [&](const TokenBucket& bucket) {
    return bucket.limits() && held_ > 0 && requests > bucket.depth();
  };
  if (never(rate_) || never(burst_) || never(day_)) return SteadyTime::max();
  return std::max({rate_.free_at(requests), burst_.free_at(requests), day_.free_at(requests, kept),
                   burst_told_.next_at(1, claim), day_told_.next_at(1, claim)});
}

std::chrono::nanoseconds Pace::slowest() const {
  std::chrono::nanoseconds slowest{0};
  for (const TokenBucket* bucket : {&rate_, &burst_, &day_}) {
    if (bucket->depth() < 2) slowest = std::max(slowest, bucket->period());
  }
  return slowest;
}

bool Pace::begin(int requests_max, Claim claim, SteadyTime now) {
  if (now < next_at(requests_max, claim)) return false;
  for (TokenBucket* bucket : {&rate_, &burst_, &day_}) bucket->take(1, now);
  for (Told* told : {&burst_told_, &day_told_}) told->take(1, claim, now);
  held_ += requests_max - 1;
  ++under_way_;
  return true;
}

void Pace::end(int requests_max, int requests, SteadyTime now) {
  requests = std::clamp(requests, 1, requests_max);
  held_ -= requests_max - 1;
  --under_way_;
  for (TokenBucket* bucket : {&rate_, &burst_, &day_}) bucket->take(requests - 1, now);
  for (Told* told : {&burst_told_, &day_told_}) told->left -= requests - 1;
}

void Pace::told(const LimitsLeft& left, SteadyTime now) {
  if (left.burst) {
    burst_told_.left = std::max<std::int64_t>(0, left.burst->requests - under_way_);
    burst_told_.until = now + window_of(*left.burst, limits_.burst_window);
    burst_.lower_to(burst_told_.left, now);
  }
  if (left.day) {
    Told& told = day_told_;
    told.left = std::max<std::int64_t>(0, left.day->requests - under_way_ - day_kept_);
    told.asks = told.left == 0 && !left.day->resets;
    told.until = now + window_of(*left.day, told.asks ? kAskAgainAfter : kDay);
    told.scarce = told.left < day_.depth();
    told.backlog_at = std::min(told.backlog_at, told.until);
    day_.lower_to(told.left, now);
  }
}

}  // namespace tillsync
