// Watches the journal's disk: at the reserve posts are refused, so that outcomes, decisions and reports still
// find room (I2).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "agent/http_server/event_loop.h"

namespace tillsync {

class DiskGuard {
 public:
  /// Looks now, and then every second on the loop.
  DiskGuard(EventLoop& loop, std::string folder, std::int64_t reserve_bytes);
  bool has_room() const { return has_room_.load(); }
  std::int64_t free_bytes() const { return free_bytes_.load(); }

 private:
  void look();

  EventLoop& loop_;
  const std::string folder_;
  const std::int64_t reserve_bytes_;
  std::atomic<bool> has_room_{true};
  std::atomic<std::int64_t> free_bytes_{0};
};

}  // namespace tillsync
