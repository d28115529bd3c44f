#include "agent/connectors/metered_fetch.h"

namespace tillsync {
namespace {

constexpr std::chrono::hours kDay{24};

/// A limit's part, at least one request of it.
std::int64_t part(std::int64_t limit, std::int64_t of, std::int64_t in) {
  return limit == 0 ? 0 : std::max<std::int64_t>(1, limit * of / in);
}

}  // namespace

FetchAllowance::FetchAllowance(const PaceLimits& limits, const Clock& clock)
    : clock_(clock),
      day_(TokenBucket::per_window(part(limits.day_requests, limits.day_kept_back_percent, 200), kDay)),
      burst_(TokenBucket::per_window(part(limits.burst_requests, 1, 4), limits.burst_window)),
      rate_(TokenBucket::per_second(limits.rate_per_s / 4)) {}

Result<void> FetchAllowance::take() {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.steady_now();
  for (const auto* bucket : {&day_, &burst_, &rate_}) {
    if (bucket->limits() && bucket->free_at(1) > now) {
      return Error{ErrorKind::kUnavailable, kFetchLimit,
                   "the requests that the target's limits leave for questions are used up"};
    }
  }
  for (auto* bucket : {&day_, &burst_, &rate_}) {
    if (bucket->limits()) bucket->take(1, now);
  }
  return ok();
}

std::shared_ptr<FetchAllowance> FetchAllowances::of(const std::string& target, const PaceLimits& limits) {
  const std::lock_guard lock(mutex_);
  auto& allowance = allowances_[target];
  if (!allowance) allowance = std::make_shared<FetchAllowance>(limits, clock_);
  return allowance;
}

}  // namespace tillsync
