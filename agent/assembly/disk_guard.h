// Watches the journal's disk and keeps a reserve on it: a file that really takes up space. Where the disk
// runs full posts are refused, and the reserve is given back in steps to what must go on: outcomes,
// decisions, read-backs (I2). See the section on the reserve in agent/DESIGN.md.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "agent/http_server/event_loop.h"
#include "platform/base/result.h"
#include "platform/service/service_host.h"

namespace tillsync {

/// Free beside the reserve before a post is taken: a group commit of documents (8 MiB,
/// JournalThreadLimits::group_bytes_max) once in the write-ahead log and once more in the database, when a
/// checkpoint copies it. A larger group that finds no room is answered 507 all the same, by its own commit.
inline constexpr std::int64_t kIngestMarginBytes = 16 * 1024 * 1024;
/// Free beyond the margin before refused posts are taken again, so that the answer does not change with
/// every commit.
inline constexpr std::int64_t kResumeBytes = 4 * 1024 * 1024;
/// Given back at once: more than one fact needs, so that a full disk costs few steps; little enough that
/// whoever filled the disk gets little of it.
inline constexpr std::int64_t kReleaseStepBytes = 1024 * 1024;
/// Taken at once on the event loop, where space is back; at the start all at once.
inline constexpr std::int64_t kGrowStepBytes = 16 * 1024 * 1024;

struct DiskGuardOptions {
  std::string folder;              ///< the journal's; the reserve is the file `reserve` in it
  std::int64_t reserve_bytes = 0;  ///< 0: no reserve
  /// The disk's free bytes; another one for tests.
  std::function<Result<std::uint64_t>(const std::string& path)> free_bytes = tillsync::free_bytes;
};

class DiskGuard {
 public:
  explicit DiskGuard(DiskGuardOptions options);

  /// Makes the reserve as large as the settings say, where room is. On a full disk gives a step of it back
  /// instead, so that the journal can be opened. Before the journal is opened, by the holder of its lock.
  void start();
  /// Looks every second on the loop, which must not run beyond this object's life.
  void watch(EventLoop& loop);
  /// One look: makes the reserve whole again where room is, at most by kGrowStepBytes, then decides whether
  /// posts are taken. Returns when the next look is due. On the loop's thread.
  std::chrono::milliseconds look();

  /// Gives a step of the reserve back to the disk, for what found no room; never below `leave_bytes`. True:
  /// room was made, try again. False: nothing is left to give, or room is not what the disk lacks. From any
  /// thread.
  bool make_room(std::int64_t leave_bytes = 0);

  /// False: refuse posts. The reserve is whole, and the margin is free.
  bool has_room() const { return has_room_.load(); }
  std::int64_t free_bytes() const { return free_bytes_.load(); }
  /// What the reserve holds now.
  std::int64_t reserve_bytes() const { return held_bytes_.load(); }

 private:
  void measure();
  bool grow(std::int64_t most);
  void decide();

  const DiskGuardOptions options_;
  const std::string file_;
  std::mutex mutex_;           // over the reserve file and what follows from its size
  bool told_failure_ = false;  // guarded by mutex_
  std::atomic<bool> has_room_{true};
  std::atomic<std::int64_t> free_bytes_{0};
  std::atomic<std::int64_t> held_bytes_{0};
};

}  // namespace tillsync
