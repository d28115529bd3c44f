// Bounds how often one event name is written. Plain object; the caller serialises.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/base/time.h"

namespace tillsync::log {

class RateLimiter {
 public:
  RateLimiter(int per_second_max, std::size_t names_max)
      : per_second_max_(per_second_max), names_max_(names_max) {}

  /// Whether the event may be written now; where not, it is counted.
  bool admit(std::string_view event, SteadyTime now);
  /// Takes the counts of events whose second is over (all with `everything`), to be told in a line each.
  std::vector<std::pair<std::string, std::int64_t>> take_suppressed(SteadyTime now, bool everything = false);

 private:
  struct Window {
    SteadyTime began{};
    int written = 0;
    std::int64_t suppressed = 0;
  };
  int per_second_max_;
  std::size_t names_max_;
  std::map<std::string, Window, std::less<>> windows_;
  std::int64_t suppressed_total_ = 0;  // so that the usual call need not look through all windows
};

}  // namespace tillsync::log
