// Gives memory back to the machine when the store is at rest: what only the start needed, and what a burst of
// posts or a report left behind. Beside till software on an old machine what lies idle is somebody else's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "agent/http_server/event_loop.h"
#include "platform/base/ids.h"
#include "platform/service/memory.h"

namespace tillsync {

/// The first look comes this long after the start, later ones that long after each other.
inline constexpr std::chrono::milliseconds kMemoryFirstLook{1'000};
inline constexpr std::chrono::milliseconds kMemoryLookEvery{10'000};
/// At rest: so few records, documents and outcomes, between two looks. Under load what is given back would be
/// taken again at once.
inline constexpr std::int64_t kRestingRecordsMax = 64;
/// What has to have come since memory was given back last, or it is not worth the page faults.
inline constexpr std::int64_t kWorthGivingBackBytes = 2 * 1024 * 1024;

struct MemoryKeeperOptions {
  std::function<Sequence()> head;  ///< of the journal: how far it has grown
  // The machine; others for tests.
  std::function<std::optional<std::int64_t>()> resident_bytes = tillsync::resident_bytes;
  std::function<void()> give_back = [] {
    give_back_heap();
    give_back_code();
  };
};

/// On the loop's thread.
class MemoryKeeper {
 public:
  explicit MemoryKeeper(MemoryKeeperOptions options);

  /// Looks from now on; the loop must not run beyond this object's life.
  void watch(EventLoop& loop);
  /// One look: gives back where the store rests and it is worth it. True where it did.
  bool look();

 private:
  void look_after(EventLoop& loop, std::chrono::milliseconds delay);

  const MemoryKeeperOptions options_;
  Sequence head_;                // at the last look
  std::int64_t rest_bytes_ = 0;  // resident when memory was given back last
};

}  // namespace tillsync
