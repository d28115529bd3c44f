#include "tests/simulation/disk/crash_disk.h"

#include <algorithm>

#include "platform/base/check.h"
#include "tests/simulation/disk/crash_disk_impl.h"

namespace tillsync::sim {
namespace {

std::string next_name() {
  static int made = 0;
  return "crash-disk-" + std::to_string(++made);
}

bool concerns(DiskFault fault, DiskCall call) {
  switch (fault) {
    case DiskFault::kReadError:
    case DiskFault::kShortRead:
      return call == DiskCall::kRead;
    case DiskFault::kWriteError:
    case DiskFault::kShortWrite:
    case DiskFault::kFull:
      return call == DiskCall::kWrite;
    case DiskFault::kSyncError:
      return call == DiskCall::kSync;
    case DiskFault::kOpenError:
      return call == DiskCall::kOpen;
    case DiskFault::kDeleteError:
      return call == DiskCall::kDelete;
    case DiskFault::kTruncateError:
      return call == DiskCall::kTruncate;
    case DiskFault::kRenameError:
      return call == DiskCall::kRename;
  }
  return false;
}

}  // namespace

CrashDisk::Impl::Impl(const CrashDisk& outer_in, std::uint64_t seed)
    : outer(outer_in), files(make_files(*this)), name(next_name()), random(seed) {
  fill_vfs(vfs_, *this);
  TILLSYNC_CHECK(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK, "SQLite takes the disk");
  // SQLite's own generator (a WAL's salts) is one for the process: it starts over with every disk.
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed % 0x7fffffff) + 1, nullptr);
  sqlite3_randomness(0, nullptr);
}

CrashDisk::Impl::~Impl() {
  TILLSYNC_CHECK(handles == 0, "every connection is closed before its disk goes");
  sqlite3_vfs_unregister(&vfs_);
}

std::shared_ptr<DiskFile> CrashDisk::Impl::find(const std::string& path) const {
  const auto found = entries.find(path);
  return found == entries.end() ? nullptr : found->second.now;
}

std::shared_ptr<DiskFile> CrashDisk::Impl::create(const std::string& path) {
  auto file = std::make_shared<DiskFile>(path, true);
  entries[path].now = file;
  return file;
}

void CrashDisk::Impl::remove(const std::string& path, bool folder_synced) {
  const auto found = entries.find(path);
  if (found == entries.end() || found->second.now == nullptr) return;
  bytes -= found->second.now->size();
  found->second.now.reset();
  if (folder_synced) found->second.durable.reset();
  if (found->second.durable == nullptr) entries.erase(found);
}

void CrashDisk::Impl::keep_entry(const std::shared_ptr<DiskFile>& file) {
  if (file->entry_durable) return;
  const auto found = entries.find(file->name);
  if (found == entries.end() || found->second.now != file) return;  // removed while open
  found->second.durable = file;
  file->entry_durable = true;
}

void CrashDisk::Impl::drop_handles() {
  ++generation;
  crashed = false;
  crash_in = 0;
  for (auto& [path, entry] : entries) {
    if (entry.now == nullptr) continue;
    entry.now->locks = FileLocks{};
    entry.now->shared_memory.reset();
  }
}

void CrashDisk::Impl::count_bytes() {
  bytes = 0;
  for (const auto& [path, entry] : entries) bytes += entry.now == nullptr ? 0 : entry.now->size();
}

void CrashDisk::Impl::expect_trouble() {
  const auto& c = chances;
  const bool chance = (c.read_error | c.short_read | c.write_error | c.short_write | c.full | c.sync_error |
                       c.open_error | c.delete_error | c.truncate_error) != 0;
  quiet_ = !chance && planned.empty() && fail_in == 0 && !(failed && fail_for_good);
}

void CrashDisk::Impl::count(DiskCall call) {
  switch (call) {
    case DiskCall::kRead:
      ++calls.reads;
      break;
    case DiskCall::kWrite:
      ++calls.writes;
      break;
    case DiskCall::kSync:
      ++calls.syncs;
      break;
    case DiskCall::kTruncate:
      ++calls.truncates;
      break;
    case DiskCall::kOpen:
      ++calls.opens;
      break;
    case DiskCall::kDelete:
      ++calls.deletes;
      break;
    case DiskCall::kRename:
      ++calls.renames;
      break;
    case DiskCall::kLook:
      break;
  }
}

std::optional<DiskFault> CrashDisk::Impl::next_fault(DiskCall call, const std::string& path) {
  auto fault = choose_fault(call, path);
  if (fault) last_fault = fault;
  return fault;
}

std::optional<DiskFault> CrashDisk::Impl::choose_fault(DiskCall call, const std::string& path) {
  if (failed && fail_for_good) return draw_fault(call);
  if (fail_in > 0 && --fail_in == 0) {
    failed = true;
    return draw_fault(call);
  }
  const auto found = std::find_if(planned.begin(), planned.end(), [&](const PlannedFault& next) {
    return concerns(next.fault, call) && path.ends_with(next.path_end);
  });
  if (found != planned.end()) {
    const auto fault = found->fault;
    planned.erase(found);
    expect_trouble();
    return fault;
  }
  const std::pair<DiskFault, int> all[] = {
      {DiskFault::kReadError, chances.read_error},
      {DiskFault::kShortRead, chances.short_read},
      {DiskFault::kWriteError, chances.write_error},
      {DiskFault::kShortWrite, chances.short_write},
      {DiskFault::kFull, chances.full},
      {DiskFault::kSyncError, chances.sync_error},
      {DiskFault::kOpenError, chances.open_error},
      {DiskFault::kDeleteError, chances.delete_error},
      {DiskFault::kTruncateError, chances.truncate_error},
  };
  for (const auto& [fault, chance] : all) {
    if (chance == 0 || !concerns(fault, call)) continue;
    if (random.below(1'000'000) < static_cast<std::uint64_t>(chance)) return fault;
  }
  return std::nullopt;
}

// Some fault that fits the call. A short read is none of these: SQLite takes what it lacks for zeros.
std::optional<DiskFault> CrashDisk::Impl::draw_fault(DiskCall call) {
  switch (call) {
    case DiskCall::kRead:
    case DiskCall::kLook:
      return DiskFault::kReadError;
    case DiskCall::kWrite: {
      constexpr DiskFault kOfWrites[] = {DiskFault::kWriteError, DiskFault::kShortWrite, DiskFault::kFull};
      return kOfWrites[random.below(std::size(kOfWrites))];
    }
    case DiskCall::kSync:
      return DiskFault::kSyncError;
    case DiskCall::kTruncate:
      return DiskFault::kTruncateError;
    case DiskCall::kOpen:
      return DiskFault::kOpenError;
    case DiskCall::kDelete:
      return DiskFault::kDeleteError;
    case DiskCall::kRename:
      return DiskFault::kRenameError;
  }
  return std::nullopt;
}

CrashDisk::CrashDisk(std::uint64_t seed) : impl_(std::make_unique<Impl>(*this, seed)) {}
CrashDisk::~CrashDisk() = default;

const std::string& CrashDisk::vfs() const {
  return impl_->name;
}
Files& CrashDisk::files() {
  return *impl_->files;
}

void CrashDisk::trouble(const DiskTrouble& chances) {
  impl_->chances = chances;
  impl_->expect_trouble();
}

void CrashDisk::fail_call(std::uint64_t n, bool for_good) {
  impl_->fail_in = n;
  impl_->fail_for_good = for_good;
  impl_->failed = false;
  impl_->expect_trouble();
}

void CrashDisk::fail_next(DiskFault fault, const std::string& path_end) {
  impl_->planned.push_back({fault, path_end});
  impl_->expect_trouble();
}

void CrashDisk::crash_at_change(std::uint64_t n) {
  impl_->crash_in = n;
}

bool CrashDisk::failed() const {
  return impl_->failed;
}
bool CrashDisk::crashed() const {
  return impl_->crashed;
}
std::optional<DiskFault> CrashDisk::last_fault() const {
  return impl_->last_fault;
}

void CrashDisk::kill() {
  impl_->drop_handles();
}

void CrashDisk::power_loss() {
  auto& disk = *impl_;
  disk.drop_handles();
  disk.decide_renames();
  for (auto entry = disk.entries.begin(); entry != disk.entries.end();) {
    auto& [now, durable] = entry->second;
    if (now != nullptr) now->power_loss(disk.random);
    if (durable != nullptr && durable != now) durable->power_loss(disk.random);
    if (now != durable) now = disk.random.below(2) == 0 ? now : durable;
    durable = now;
    if (now == nullptr) {
      entry = disk.entries.erase(entry);
      continue;
    }
    now->entry_durable = true;
    now->locks = FileLocks{};
    now->shared_memory.reset();
    ++entry;
  }
  disk.count_bytes();
}

void CrashDisk::capacity(std::uint64_t bytes) {
  impl_->capacity = bytes;
}
std::uint64_t CrashDisk::bytes() const {
  return impl_->bytes;
}
DiskCalls CrashDisk::calls() const {
  return impl_->calls;
}
std::uint64_t CrashDisk::changes() const {
  return impl_->changes;
}
void CrashDisk::julian_ms(std::int64_t now) {
  impl_->julian_ms = now;
}
std::uint64_t CrashDisk::slept_us() const {
  return impl_->slept_us;
}

std::optional<std::string> CrashDisk::content(const std::string& path) const {
  const auto file = impl_->find(path);
  if (file == nullptr) return std::nullopt;
  return std::string(file->data(), file->size());
}

void CrashDisk::put(const std::string& path, std::string bytes) {
  auto file = impl_->create(path);
  file->put(std::move(bytes));
  impl_->entries[path].durable = file;
  impl_->count_bytes();
}

bool CrashDisk::flip_bit(const std::string& path, std::uint64_t offset, int bit) {
  const auto file = impl_->find(path);
  return file != nullptr && file->flip_bit(offset, bit);
}

std::vector<std::string> CrashDisk::names() const {
  std::vector<std::string> names;
  for (const auto& [path, entry] : impl_->entries) {
    if (entry.now != nullptr) names.push_back(path);
  }
  return names;
}

std::size_t CrashDisk::unsettled_sectors(const std::string& path) const {
  const auto file = impl_->find(path);
  return file == nullptr ? 0 : file->unsettled_sectors();
}

}  // namespace tillsync::sim
