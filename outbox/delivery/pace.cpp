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
  if (limits()) full_at_ = std::max(full_at_, now) + period_ * requests;
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

SteadyTime Pace::next_at(std::int64_t requests, Claim claim) const {
  const std::int64_t for_live = claim == Claim::kBacklog ? day_.depth() / kLiveShare : 0;
  return std::max({rate_.free_at(requests), burst_.free_at(requests), day_.free_at(requests, for_live),
                   burst_told_.next_at(requests, claim), day_told_.next_at(requests, claim)});
}

bool Pace::take(std::int64_t requests, Claim claim, SteadyTime now) {
  if (now < next_at(requests, claim)) return false;
  for (TokenBucket* bucket : {&rate_, &burst_, &day_}) bucket->take(requests, now);
  for (Told* told : {&burst_told_, &day_told_}) {
    if (now >= told->until && told->asks) {
      told->until = now + kAskAgainAfter;
      told->left = 0;
    } else if (now >= told->until) {
      *told = Told{};
    } else {
      told->left -= requests;
      if (told->scarce && claim == Claim::kBacklog && told->left > 0) {
        told->backlog_at = now + (told->until - now) / told->left * requests;
      }
    }
  }
  return true;
}

void Pace::give_back(std::int64_t requests) {
  for (TokenBucket* bucket : {&rate_, &burst_, &day_}) bucket->give_back(requests);
  for (Told* told : {&burst_told_, &day_told_}) told->left += requests;
}

void Pace::told(const LimitsLeft& left, std::int64_t under_way, SteadyTime now) {
  if (left.burst) {
    burst_told_.left = std::max<std::int64_t>(0, left.burst->requests - under_way);
    burst_told_.until = now + window_of(*left.burst, limits_.burst_window);
    burst_.lower_to(burst_told_.left, now);
  }
  if (left.day) {
    Told& told = day_told_;
    told.left = std::max<std::int64_t>(0, left.day->requests - under_way - day_kept_);
    told.asks = told.left == 0 && !left.day->resets;
    told.until = now + window_of(*left.day, told.asks ? kAskAgainAfter : kDay);
    told.scarce = told.left < day_.depth();
    told.backlog_at = std::min(told.backlog_at, told.until);
    day_.lower_to(told.left, now);
  }
}

}  // namespace tillsync
