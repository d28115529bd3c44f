// One file of the crash disk: its bytes as a reader sees them, and the way back to what is durable.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/base/random.h"

namespace tillsync::sim {

/// What a device writes as a whole, or tears within the written range only (powersafe overwrite).
inline constexpr std::uint64_t kSectorBytes = 512;

using Sector = std::array<char, kSectorBytes>;

/// SQLite's locks on a file; who holds one is told by address.
struct FileLocks {
  int shared = 0;
  const void* reserved = nullptr;
  const void* pending = nullptr;
  const void* exclusive = nullptr;
};

/// A WAL index. Lives as long as a connection has it mapped.
struct SharedMemory {
  static constexpr int kLocks = 8;
  std::vector<std::unique_ptr<char[]>> regions;
  struct Lock {
    int shared = 0;
    const void* exclusive = nullptr;
  };
  std::array<Lock, kLocks> locks{};
};

class DiskFile {
 public:
  /// `tracked`: false for a nameless temporary file, of which a power loss leaves nothing.
  DiskFile(std::string file_name, bool tracked) : name(std::move(file_name)), tracked_(tracked) {}

  std::uint64_t size() const { return bytes_.size(); }
  const char* data() const { return bytes_.data(); }
  void write(std::uint64_t offset, const char* from, std::uint64_t length);
  void truncate(std::uint64_t size);
  /// What was written since the last sync is durable.
  void sync();
  /// As on Linux: what was written since the last sync counts as clean from now on. It reads as it was
  /// written, but only writing it again and syncing makes it durable.
  void fail_sync();
  /// Draws what is left; that is durable then.
  void power_loss(Random& random);
  void put(std::string bytes);
  bool flip_bit(std::uint64_t offset, int bit);
  std::size_t unsettled_sectors() const;

  const std::string name;
  bool entry_durable = false;  ///< the folder names it after a power loss
  FileLocks locks;
  std::weak_ptr<SharedMemory> shared_memory;

 private:
  // A write or truncation since the last sync, by what it replaced: bytes [offset, offset + length) were the
  // `saved` bytes at `undo` and zeros behind them.
  struct Change {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t size_before = 0;
    std::size_t undo = 0;
    std::size_t saved = 0;
    bool cuts = false;  ///< a truncation to fewer bytes
  };
  using Versions = std::vector<Sector>;  // oldest first

  void remember(std::uint64_t offset, std::uint64_t length);
  void forget();
  void settle();
  Sector now(std::uint64_t sector) const;
  template <class Visit>
  void for_each_changed(Visit visit) const;
  Versions versions_before(std::uint64_t sector, const std::vector<const Change*>& changes) const;
  std::map<std::uint64_t, Versions> open_versions() const;
  std::uint64_t draw_size(Random& random, bool newest, bool oldest) const;
  void undo_to(std::size_t changes_kept);
  void cut_for_good(std::size_t change);
  void decide_cuts(Random& random);

  const bool tracked_;
  std::vector<char> bytes_;
  std::vector<Change> changes_;
  std::vector<char> undo_;
  std::uint64_t durable_size_ = 0;
  // Left by failed syncs: per sector the versions before the one that reads now, and sizes likewise.
  std::map<std::uint64_t, Versions> orphans_;
  std::vector<std::uint64_t> orphan_sizes_;
};

}  // namespace tillsync::sim
