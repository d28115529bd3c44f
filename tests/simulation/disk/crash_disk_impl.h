// Inside of CrashDisk, shared by its source files: the folder, the faults, and the way from SQLite to them.
#pragma once

#include <sqlite3.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/disk/crash_disk.h"
#include "tests/simulation/disk/disk_file.h"

namespace tillsync::sim {

/// What is asked for that may fail.
enum class DiskCall { kRead, kWrite, kSync, kTruncate, kOpen, kDelete, kRename, kLook };

struct CrashDisk::Impl {
  Impl(const CrashDisk& outer_in, std::uint64_t seed);
  ~Impl();

  // A name, before and after a power loss; nothing where there is no such file.
  struct Entry {
    std::shared_ptr<DiskFile> now;
    std::shared_ptr<DiskFile> durable;
  };
  struct PlannedFault {
    DiskFault fault;
    std::string path_end;
  };

  /// Whether this call is to fail, and how. Counts the call.
  std::optional<DiskFault> fault(DiskCall call, const std::string& path) {
    count(call);
    if (quiet_) return std::nullopt;
    return next_fault(call, path);
  }
  /// Before every change: whether the power goes at it.
  bool dies_now() {
    ++changes;
    if (crash_in == 0 || --crash_in > 0) return false;
    crashed = true;
    return true;
  }
  std::shared_ptr<DiskFile> find(const std::string& path) const;
  /// A new, empty file of that name, not durable in its folder.
  std::shared_ptr<DiskFile> create(const std::string& path);
  void remove(const std::string& path, bool folder_synced);
  void rename(const std::string& from, const std::string& to);
  /// All names in the folder outlive a power loss as they are.
  void keep_names(const std::string& folder);
  /// Each renaming without a sync of its folder has come about whole or not at all.
  void decide_renames();
  /// The file's name outlives a power loss from now on.
  void keep_entry(const std::shared_ptr<DiskFile>& file);
  void drop_handles();
  void count_bytes();
  bool fits(std::uint64_t growth) const { return capacity == 0 || bytes + growth <= capacity; }
  void expect_trouble();

  const CrashDisk& outer;
  std::unique_ptr<Files> files;
  const std::string name;
  SeededRandom random;
  std::map<std::string, Entry> entries;
  std::vector<std::pair<std::string, std::string>> renames;  // not durable yet, in their order
  std::uint64_t generation = 0;                              // of handles: those of an earlier one are dead
  int handles = 0;
  bool crashed = false;
  std::uint64_t bytes = 0;
  std::uint64_t capacity = 0;
  std::uint64_t changes = 0;
  std::uint64_t slept_us = 0;
  std::int64_t julian_ms = 212'000'000'000'000;  // 2005; nobody depends on it
  DiskCalls calls;

  // Faults to come.
  DiskTrouble chances;
  std::vector<PlannedFault> planned;
  std::uint64_t fail_in = 0;
  bool fail_for_good = false;
  bool failed = false;
  std::uint64_t crash_in = 0;
  std::optional<DiskFault> last_fault;

 private:
  void count(DiskCall call);
  std::optional<DiskFault> next_fault(DiskCall call, const std::string& path);
  std::optional<DiskFault> choose_fault(DiskCall call, const std::string& path);
  std::optional<DiskFault> draw_fault(DiskCall call);

  bool quiet_ = true;  // nothing is to fail
  sqlite3_vfs vfs_{};
};

std::unique_ptr<Files> make_files(CrashDisk::Impl& disk);

/// Fills in SQLite's table of a disk's functions (vfs.cpp).
void fill_vfs(sqlite3_vfs& vfs, CrashDisk::Impl& disk);

}  // namespace tillsync::sim
