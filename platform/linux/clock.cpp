#include <time.h>

#include "platform/base/check.h"
#include "platform/base/time.h"

namespace tillsync {

UtcTime SystemClock::utc_now() const {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

// CLOCK_MONOTONIC, which std::chrono::steady_clock shows, stands still while the machine sleeps.
SteadyTime SystemClock::steady_now() const {
  timespec now{};
  TILLSYNC_CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0, "Linux has this clock since 2.6.39");
  return SteadyTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace tillsync
