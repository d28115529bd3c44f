// SQLite's side of the crash disk: its tables of functions, and an open file.
#include <algorithm>
#include <cstring>

#include "platform/base/check.h"
#include "tests/simulation/disk/crash_disk_impl.h"

namespace tillsync::sim {
namespace {

using Disk = CrashDisk::Impl;

struct Handle {
  Disk& disk;
  std::shared_ptr<DiskFile> file;
  std::uint64_t generation;
  bool temporary;
  bool read_only;
  int level = SQLITE_LOCK_NONE;
  std::shared_ptr<SharedMemory> shared_memory;
  unsigned shared_held = 0;  // bits: locks of shared_memory
  unsigned exclusive_held = 0;

  bool dead() const { return disk.crashed || generation != disk.generation; }
};

struct File {
  sqlite3_file base;
  Handle* handle;
};

Handle& handle_of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file)->handle;
}

void release_shared_memory(Handle& handle) {
  if (handle.shared_memory == nullptr) return;
  for (unsigned i = 0; i < SharedMemory::kLocks; ++i) {
    auto& lock = handle.shared_memory->locks[i];
    if ((handle.shared_held >> i) & 1U) --lock.shared;
    if ((handle.exclusive_held >> i) & 1U) lock.exclusive = nullptr;
  }
  handle.shared_held = handle.exclusive_held = 0;
  handle.shared_memory.reset();
}

void release_locks(Handle& handle, int level) {
  auto& locks = handle.file->locks;
  if (level < SQLITE_LOCK_EXCLUSIVE && locks.exclusive == &handle) locks.exclusive = nullptr;
  if (level < SQLITE_LOCK_PENDING && locks.pending == &handle) locks.pending = nullptr;
  if (level < SQLITE_LOCK_RESERVED && locks.reserved == &handle) locks.reserved = nullptr;
  if (level < SQLITE_LOCK_SHARED && handle.level >= SQLITE_LOCK_SHARED) --locks.shared;
  handle.level = std::min(handle.level, level);
}

int close_file(sqlite3_file* file) {
  Handle* handle = &handle_of(file);
  Disk& disk = handle->disk;
  release_shared_memory(*handle);
  if (handle->generation == disk.generation) release_locks(*handle, SQLITE_LOCK_NONE);
  if (handle->temporary) disk.bytes -= handle->file->size();
  --disk.handles;
  delete handle;
  file->pMethods = nullptr;
  return SQLITE_OK;
}

int read_file(sqlite3_file* file, void* into, int amount, sqlite3_int64 offset) {
  auto& handle = handle_of(file);
  if (handle.dead()) return SQLITE_IOERR;
  const auto fault = handle.disk.fault(DiskCall::kRead, handle.file->name);
  if (fault && *fault != DiskFault::kShortRead) return SQLITE_IOERR_READ;
  const auto wanted = static_cast<std::size_t>(amount);
  const auto from = static_cast<std::uint64_t>(offset);
  const auto size = handle.file->size();
  std::size_t there =
      from >= size ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(wanted, size - from));
  if (fault) there = static_cast<std::size_t>(handle.disk.random.below(there + 1));
  if (there > 0) std::memcpy(into, handle.file->data() + from, there);
  if (there == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(into) + there, 0, wanted - there);
  return SQLITE_IOERR_SHORT_READ;
}

void write_bytes(Handle& handle, const void* from, std::uint64_t amount, std::uint64_t offset) {
  const auto before = handle.file->size();
  handle.file->write(offset, static_cast<const char*>(from), amount);
  handle.disk.bytes += handle.file->size() - before;
}

int write_file(sqlite3_file* file, const void* from, int amount, sqlite3_int64 offset) {
  auto& handle = handle_of(file);
  if (handle.dead() || handle.read_only) return SQLITE_IOERR;
  auto& disk = handle.disk;
  const auto length = static_cast<std::uint64_t>(amount);
  const auto at = static_cast<std::uint64_t>(offset);
  const auto fault = disk.fault(DiskCall::kWrite, handle.file->name);
  if (fault == DiskFault::kWriteError) return SQLITE_IOERR_WRITE;
  if (disk.dies_now()) {
    write_bytes(handle, from, disk.random.below(length + 1), at);
    return SQLITE_IOERR_WRITE;
  }
  if (fault) {
    write_bytes(handle, from, disk.random.below(length), at);
    return fault == DiskFault::kFull ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }
  const auto size = handle.file->size();
  if (at + length > size && !disk.fits(at + length - size)) return SQLITE_FULL;
  write_bytes(handle, from, length, at);
  return SQLITE_OK;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  auto& handle = handle_of(file);
  if (handle.dead() || handle.read_only) return SQLITE_IOERR;
  if (handle.disk.fault(DiskCall::kTruncate, handle.file->name)) return SQLITE_IOERR_TRUNCATE;
  if (handle.disk.dies_now()) return SQLITE_IOERR_TRUNCATE;
  handle.disk.bytes -= handle.file->size();
  handle.file->truncate(static_cast<std::uint64_t>(size));
  handle.disk.bytes += handle.file->size();
  return SQLITE_OK;
}

int sync_file(sqlite3_file* file, int) {
  auto& handle = handle_of(file);
  if (handle.dead()) return SQLITE_IOERR;
  if (handle.disk.fault(DiskCall::kSync, handle.file->name)) {
    handle.file->fail_sync();
    return SQLITE_IOERR_FSYNC;
  }
  if (handle.disk.dies_now()) return SQLITE_IOERR_FSYNC;
  if (handle.disk.outer.lying_syncs) return SQLITE_OK;
  handle.file->sync();
  if (!handle.temporary) handle.disk.keep_entry(handle.file);
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  auto& handle = handle_of(file);
  if (handle.dead()) return SQLITE_IOERR;
  if (handle.disk.fault(DiskCall::kLook, handle.file->name)) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(handle.file->size());
  return SQLITE_OK;
}

int lock_file(sqlite3_file* file, int level) {
  auto& handle = handle_of(file);
  if (handle.dead()) return SQLITE_IOERR_LOCK;
  if (handle.level >= level) return SQLITE_OK;
  // As on Linux: a write lock needs a descriptor that may write.
  if (handle.read_only && level > SQLITE_LOCK_SHARED) return SQLITE_IOERR_LOCK;
  auto& locks = handle.file->locks;
  const auto others = [&](const void* holder) { return holder != nullptr && holder != &handle; };
  if (level == SQLITE_LOCK_SHARED) {
    if (others(locks.exclusive) || others(locks.pending)) return SQLITE_BUSY;
    ++locks.shared;
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (others(locks.reserved) || others(locks.pending) || others(locks.exclusive)) return SQLITE_BUSY;
    locks.reserved = &handle;
  } else {
    if (others(locks.reserved) || others(locks.pending) || others(locks.exclusive)) return SQLITE_BUSY;
    locks.pending = &handle;  // keeps new readers out while old ones finish
    if (locks.shared > 1) {
      handle.level = SQLITE_LOCK_PENDING;
      return SQLITE_BUSY;
    }
    locks.exclusive = &handle;
  }
  handle.level = level;
  return SQLITE_OK;
}

int unlock_file(sqlite3_file* file, int level) {
  auto& handle = handle_of(file);
  if (handle.dead()) return SQLITE_IOERR_UNLOCK;
  if (handle.level > level) release_locks(handle, level);
  return SQLITE_OK;
}

int check_reserved(sqlite3_file* file, int* reserved) {
  auto& handle = handle_of(file);
  if (handle.dead()) return SQLITE_IOERR_CHECKRESERVEDLOCK;
  const auto& locks = handle.file->locks;
  *reserved = locks.reserved != nullptr || locks.pending != nullptr || locks.exclusive != nullptr ? 1 : 0;
  return SQLITE_OK;
}

int control(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}
int sector_size(sqlite3_file*) {
  return static_cast<int>(kSectorBytes);
}
int characteristics(sqlite3_file*) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int map_shared(sqlite3_file* file, int region, int region_bytes, int extend, void volatile** into) {
  auto& handle = handle_of(file);
  *into = nullptr;
  if (handle.dead()) return SQLITE_IOERR_SHMMAP;
  if (handle.shared_memory == nullptr) {
    handle.shared_memory = handle.file->shared_memory.lock();
    if (handle.shared_memory == nullptr) {
      handle.shared_memory = std::make_shared<SharedMemory>();
      handle.file->shared_memory = handle.shared_memory;
    }
  }
  auto& regions = handle.shared_memory->regions;
  const auto wanted = static_cast<std::size_t>(region);
  if (wanted >= regions.size() && extend == 0) return SQLITE_OK;
  while (wanted >= regions.size()) {
    regions.push_back(std::make_unique<char[]>(static_cast<std::size_t>(region_bytes)));
  }
  *into = regions[wanted].get();
  return SQLITE_OK;
}

int lock_shared(sqlite3_file* file, int first, int count, int flags) {
  auto& handle = handle_of(file);
  if (handle.dead() || handle.shared_memory == nullptr) return SQLITE_IOERR_SHMLOCK;
  auto& locks = handle.shared_memory->locks;
  const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
  const bool lock = (flags & SQLITE_SHM_LOCK) != 0;
  for (int i = first; lock && i < first + count; ++i) {
    const auto& one = locks[static_cast<std::size_t>(i)];
    const bool mine = (handle.shared_held >> i) & 1U;
    if (one.exclusive != nullptr && one.exclusive != &handle) return SQLITE_BUSY;
    if (!shared && one.shared > (mine ? 1 : 0)) return SQLITE_BUSY;
  }
  for (int i = first; i < first + count; ++i) {
    auto& one = locks[static_cast<std::size_t>(i)];
    const unsigned bit = 1U << i;
    unsigned& held = shared ? handle.shared_held : handle.exclusive_held;
    if (((held & bit) != 0) == lock) continue;
    held ^= bit;
    if (shared) {
      one.shared += lock ? 1 : -1;
    } else {
      one.exclusive = lock ? &handle : nullptr;
    }
  }
  return SQLITE_OK;
}

void shared_barrier(sqlite3_file*) {}

int unmap_shared(sqlite3_file* file, int) {
  release_shared_memory(handle_of(file));
  return SQLITE_OK;
}

constexpr sqlite3_io_methods kMethods = {
    2,           close_file,     read_file,      write_file, truncate_file, sync_file,       file_size,
    lock_file,   unlock_file,    check_reserved, control,    sector_size,   characteristics, map_shared,
    lock_shared, shared_barrier, unmap_shared,   nullptr,    nullptr,
};

Disk& disk_of(sqlite3_vfs* vfs) {
  return *static_cast<Disk*>(vfs->pAppData);
}

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* out, int flags, int* flags_out) {
  auto& disk = disk_of(vfs);
  out->pMethods = nullptr;
  if (disk.crashed) return SQLITE_IOERR;
  const std::string name = path == nullptr ? std::string() : path;
  if (disk.fault(DiskCall::kOpen, name)) return SQLITE_CANTOPEN;
  std::shared_ptr<DiskFile> file;
  const bool temporary = path == nullptr || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  if (temporary) {
    file = std::make_shared<DiskFile>(name, false);
  } else {
    file = disk.find(name);
    if (file == nullptr && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    if (file == nullptr) {
      if (disk.dies_now()) return SQLITE_IOERR;
      file = disk.create(name);
    }
  }
  auto* opened = reinterpret_cast<File*>(out);
  opened->handle =
      new Handle{disk, std::move(file), disk.generation, temporary, (flags & SQLITE_OPEN_READONLY) != 0};
  opened->base.pMethods = &kMethods;
  ++disk.handles;
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  auto& disk = disk_of(vfs);
  if (disk.crashed) return SQLITE_IOERR;
  if (disk.fault(DiskCall::kDelete, path)) return SQLITE_IOERR_DELETE;
  if (disk.find(path) == nullptr) return SQLITE_IOERR_DELETE_NOENT;
  if (disk.dies_now()) return SQLITE_IOERR_DELETE;
  disk.remove(path, sync_folder != 0 && !disk.outer.lying_syncs);
  return SQLITE_OK;
}

int access_file(sqlite3_vfs* vfs, const char* path, int flags, int* there) {
  auto& disk = disk_of(vfs);
  if (disk.crashed) return SQLITE_IOERR;
  if (disk.fault(DiskCall::kLook, path)) return SQLITE_IOERR_ACCESS;
  const auto file = disk.find(path);
  // As the Unix VFS has it: an empty file does not exist for who asks for a journal to roll back.
  *there = file != nullptr && (flags != SQLITE_ACCESS_EXISTS || file->size() > 0) ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* path, int room, char* into) {
  sqlite3_snprintf(room, into, path[0] == '/' ? "%s" : "/%s", path);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs* vfs, int amount, char* into) {
  auto& random = disk_of(vfs).random;
  for (int i = 0; i < amount; ++i) into[i] = static_cast<char>(random.next());
  return amount;
}

int sleep_us(sqlite3_vfs* vfs, int microseconds) {
  disk_of(vfs).slept_us += static_cast<std::uint64_t>(microseconds);
  return microseconds;
}

int julian_ms(sqlite3_vfs* vfs, sqlite3_int64* now) {
  *now = disk_of(vfs).julian_ms;
  return SQLITE_OK;
}

int julian_days(sqlite3_vfs* vfs, double* now) {
  *now = static_cast<double>(disk_of(vfs).julian_ms) / 86'400'000.0;
  return SQLITE_OK;
}

int last_error(sqlite3_vfs*, int, char*) {
  return 0;
}

}  // namespace

void fill_vfs(sqlite3_vfs& vfs, CrashDisk::Impl& disk) {
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(File);
  vfs.mxPathname = 512;
  vfs.zName = disk.name.c_str();
  vfs.pAppData = &disk;
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  vfs.xAccess = access_file;
  vfs.xFullPathname = full_path;
  vfs.xRandomness = randomness;
  vfs.xSleep = sleep_us;
  vfs.xCurrentTime = julian_days;
  vfs.xCurrentTimeInt64 = julian_ms;
  vfs.xGetLastError = last_error;
}

}  // namespace tillsync::sim
