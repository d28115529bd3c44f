#include "platform/log/rate_limiter.h"

namespace tillsync::log {

bool RateLimiter::admit(std::string_view event, SteadyTime now) {
  auto at = windows_.find(event);
  if (at == windows_.end()) {
    // Beyond the limit of names all new ones share a window: a defect that makes names up cannot take the
    // memory.
    const std::string_view name = windows_.size() < names_max_ ? event : std::string_view("others");
    at = windows_.try_emplace(std::string(name)).first;
    if (at->second.written == 0) at->second.began = now;
  }
  Window& window = at->second;
  if (now - window.began >= std::chrono::seconds(1)) {
    window.began = now;
    window.written = 0;
  }
  if (window.written < per_second_max_) {
    ++window.written;
    return true;
  }
  ++window.suppressed;
  ++suppressed_total_;
  return false;
}

std::vector<std::pair<std::string, std::int64_t>> RateLimiter::take_suppressed(SteadyTime now,
                                                                               bool everything) {
  std::vector<std::pair<std::string, std::int64_t>> taken;
  if (suppressed_total_ == 0) return taken;
  for (auto& [name, window] : windows_) {
    if (window.suppressed == 0) continue;
    if (!everything && now - window.began < std::chrono::seconds(1)) continue;
    taken.emplace_back(name, window.suppressed);
    suppressed_total_ -= window.suppressed;
    window.suppressed = 0;
  }
  return taken;
}

}  // namespace tillsync::log
