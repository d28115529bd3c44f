#include "tests/bench/programs/support/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tillsync::bench {

double seconds_between(Instant from, Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string Latencies::members() {
  std::sort(nanoseconds_.begin(), nanoseconds_.end());
  const auto at = [this](double quantile) {
    if (nanoseconds_.empty()) return 0.0;
    const auto rank =
        static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(nanoseconds_.size())));
    return static_cast<double>(nanoseconds_[std::clamp<std::size_t>(rank, 1, nanoseconds_.size()) - 1]) / 1e3;
  };
  return fmt::format(R"("p50_us":{:.1f},"p90_us":{:.1f},"p99_us":{:.1f},"p999_us":{:.1f},"max_us":{:.1f})",
                     at(0.5), at(0.9), at(0.99), at(0.999), at(1.0));
}

}  // namespace tillsync::bench
