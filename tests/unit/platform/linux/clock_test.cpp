#include <doctest/doctest.h>
#include <time.h>

#include "platform/base/time.h"

using namespace tillsync;

TEST_CASE("clock: the steady one is the one that goes on through sleep") {
  const SystemClock clock;
  const auto before = clock.steady_now();
  timespec boot{};
  REQUIRE(clock_gettime(CLOCK_BOOTTIME, &boot) == 0);
  const SteadyTime since_boot(std::chrono::seconds(boot.tv_sec) + std::chrono::nanoseconds(boot.tv_nsec));
  CHECK(since_boot >= before);
  CHECK(clock.steady_now() >= since_boot);
}
