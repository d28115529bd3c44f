#include "agent/connectors/metered_fetch.h"

#include <doctest/doctest.h>

using namespace tillsync;

namespace {

class StillClock final : public Clock {
 public:
  UtcTime utc_now() const override { return {}; }
  SteadyTime steady_now() const override { return now; }
  SteadyTime now{std::chrono::hours(100)};
};

}  // namespace

TEST_CASE(
    "questions to a target: they live on half of what deliveries keep back of its day, in any 24 hours") {
  StillClock clock;
  PaceLimits limits;
  limits.day_requests = 1'000;  // 200 kept back, 100 for questions
  FetchAllowance allowance(limits, clock);
  CHECK(allowance.limits());
  int taken = 0;
  for (int minute = 0; minute < 24 * 60; ++minute) {
    while (allowance.take()) ++taken;
    clock.now += std::chrono::minutes(1);
  }
  CHECK(taken > 90);
  CHECK(taken <= 100);
  const auto refused = allowance.take();
  if (!refused) CHECK(refused.error().code == "fetch-limit");
}

TEST_CASE(
    "questions to a target: of a burst they take a quarter, all who ask together; without limits all they "
    "like") {
  StillClock clock;
  PaceLimits limits;
  limits.burst_requests = 100;
  FetchAllowances allowances(clock);
  const auto one = allowances.of("erp", limits), other = allowances.of("erp", limits);
  CHECK(one == other);
  int taken = 0;
  for (int second = 0; second < 10; ++second) {
    while ((taken % 2 == 0 ? one : other)->take()) ++taken;
    clock.now += std::chrono::seconds(1);
  }
  CHECK(taken <= 25);
  CHECK(taken >= 20);
  FetchAllowance free(PaceLimits{}, clock);
  CHECK(!free.limits());
  for (int i = 0; i < 1'000; ++i) CHECK(free.take().has_value());
}
