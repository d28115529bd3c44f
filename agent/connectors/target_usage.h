// What requests cost a target's limits, and what its answers say is left of them. Pure.
#pragma once

#include <vector>

#include "outbox/delivery/outcome.h"
#include "platform/http/client.h"

namespace tillsync {

/// More than that left of a limit is told as that.
inline constexpr std::int64_t kRequestsLeftMax = 1'000'000'000;
/// The longest time until a limit is full again.
inline constexpr std::chrono::hours kResetsMax{24};

/// What some requests to one target came to.
struct TargetUsage {
  int requests = 0;  ///< made: those of which nothing left this machine are not
  LimitsLeft left;   ///< of each limit what the last answer that told of it said

  /// Adds what came later.
  void add(const TargetUsage& later);
};

/// 1; 0 where nothing was sent.
int requests_in(const http::Exchange& exchange);

/// What the headers that many targets share say is left, as `burst`: `RateLimit-Remaining` and
/// `RateLimit-Reset`, `RateLimit` in both its later forms (draft-ietf-httpapi-ratelimit-headers; of several
/// policies the one with the fewest), `X-RateLimit-Remaining` and `X-RateLimit-Reset`. A reset of more than
/// kResetsMax is a time of day, and left out: a store's clock is not trusted.
LimitsLeft limits_told(const http::Answer& answer);

/// Puts the usage on what came of the requests; of a batch on the first, and none on the others.
void charge(Outcome& outcome, const TargetUsage& usage);
void charge(std::vector<Outcome>& outcomes, const TargetUsage& usage);

}  // namespace tillsync
