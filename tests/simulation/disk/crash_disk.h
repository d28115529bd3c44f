// A disk that can fail and lose power: a SQLite VFS wholly in memory. What was written and not synced is kept
// apart; a power loss drops it, keeps it, keeps an older version or tears it, sector by sector. Everything
// random comes from the disk's own seed, so a failure replays.
//
// One thread. Several disks may exist at once, each under a VFS name of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/files.h"

namespace tillsync::sim {

enum class DiskFault {
  kReadError,
  kShortRead,
  kWriteError,
  kShortWrite,
  kFull,
  kSyncError,
  kOpenError,
  kDeleteError,
  kTruncateError,
  kRenameError,
};

/// Chances per call, each in millionths; all 0: a perfect disk. A short read leaves zeros where bytes stand.
struct DiskTrouble {
  int read_error = 0;
  int short_read = 0;
  int write_error = 0;
  int short_write = 0;
  int full = 0;
  int sync_error = 0;
  int open_error = 0;
  int delete_error = 0;
  int truncate_error = 0;
};

/// What was called so far.
struct DiskCalls {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t syncs = 0;
  std::uint64_t truncates = 0;
  std::uint64_t opens = 0;
  std::uint64_t deletes = 0;
  std::uint64_t renames = 0;
};

class CrashDisk {
 public:
  /// SQLite's own generator, of which there is one for the process, starts over from the seed too.
  explicit CrashDisk(std::uint64_t seed);
  /// Every connection must be closed by then.
  ~CrashDisk();
  CrashDisk(const CrashDisk&) = delete;
  CrashDisk& operator=(const CrashDisk&) = delete;

  /// For sqlite::Database::open and JournalOptions.
  const std::string& vfs() const;
  /// The same files for who names them. Folders are there as soon as they are asked for.
  Files& files();

  /// At random, from the disk's own seeded generator.
  void trouble(const DiskTrouble& chances);
  /// From now on the Nth (1: the next) I/O call that can fail fails, once, or it and all after it. 0: none,
  /// and an end to what failed for good. A failing write changes nothing or a prefix. Counted are reads,
  /// writes, syncs, truncations, openings, deletions, renamings, and questions for a file's size or presence;
  /// locks and shared memory never fail.
  void fail_call(std::uint64_t n, bool for_good);
  /// The next call of that sort on a file whose path ends so fails, once. Given several times: as often.
  void fail_next(DiskFault fault, const std::string& path_end = "");
  /// The power goes at the Nth change from now (write, truncation, sync, deletion, creation, renaming),
  /// before it takes effect, or in the midst of a write. 0: never.
  void crash_at_change(std::uint64_t n);
  /// Whether the call of fail_call() has come.
  bool failed() const;
  /// Whether the change of crash_at_change() has come. From then on every call fails with an I/O error, until
  /// kill() or power_loss().
  bool crashed() const;
  /// What was made to fail last.
  std::optional<DiskFault> last_fault() const;

  /// The process died; what it wrote stands in the system's cache. All its handles are dead (calls on them
  /// fail; closing works); its locks and its shared memory are gone.
  void kill();
  /// As kill(), and of each file what was not synced is, sector by sector, kept, dropped, an older unsynced
  /// version, or torn at a byte of the written range; likewise sizes, creations before the file's first sync,
  /// and deletions and renamings without a sync of the folder. What is left is durable.
  void power_loss();

  /// Bytes that fit; a write that extends a file beyond them answers SQLITE_FULL. 0: no limit.
  void capacity(std::uint64_t bytes);
  std::uint64_t bytes() const;
  DiskCalls calls() const;
  /// The counter of crash_at_change().
  std::uint64_t changes() const;
  /// Milliseconds since noon of 24 November 4714 BC, as SQLite counts; constant until set.
  void julian_ms(std::int64_t now);
  /// What SQLite would have slept so far; nobody waits.
  std::uint64_t slept_us() const;

  // For tests and evidence.

  /// As a reader sees it now; nothing where there is no such file.
  std::optional<std::string> content(const std::string& path) const;
  /// Durable at once. Not for a file that is open.
  void put(const std::string& path, std::string bytes);
  /// Rot. False where the file has no such byte.
  bool flip_bit(const std::string& path, std::uint64_t offset, int bit);
  std::vector<std::string> names() const;
  /// Sectors of the file that a power loss now may leave otherwise than they read.
  std::size_t unsettled_sectors(const std::string& path) const;

  /// Syncs say ok and do nothing.
  bool lying_syncs = false;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync::sim
