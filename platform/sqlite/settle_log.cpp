#include "platform/sqlite/settle_log.h"

#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "platform/sqlite/database.h"

namespace tillsync::sqlite {
namespace {

// Less than 128 KiB: what SQLite's VFS for Unix writes at most in one call.
constexpr sqlite3_int64 kChunkBytes = 64 * 1024;

Error failure(int code, const std::string& path) {
  return error_of(nullptr, code, "cannot make the write-ahead log of " + path + " durable");
}

/// The names of a database's files, in the one block in which a VFS wants to find them.
class Names {
 public:
  explicit Names(const std::string& path)
      : all_(sqlite3_create_filename(path.c_str(), (path + "-journal").c_str(), (path + "-wal").c_str(), 0,
                                     nullptr)) {}
  ~Names() { sqlite3_free_filename(all_); }
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  const char* log() const { return all_ == nullptr ? nullptr : sqlite3_filename_wal(all_); }

 private:
  decltype(sqlite3_create_filename("", "", "", 0, nullptr)) all_;
};

class LogFile {
 public:
  explicit LogFile(sqlite3_vfs& vfs) : storage_(static_cast<std::size_t>(vfs.szOsFile) / sizeof(Unit) + 1) {}
  ~LogFile() {
    if (file()->pMethods != nullptr) file()->pMethods->xClose(file());
  }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(storage_.data()); }

  int rewrite_and_sync() {
    const auto& methods = *file()->pMethods;
    sqlite3_int64 size = 0;
    int code = methods.xFileSize(file(), &size);
    std::vector<char> chunk(static_cast<std::size_t>(std::min(size, kChunkBytes)));
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += kChunkBytes) {
      const int amount = static_cast<int>(std::min(kChunkBytes, size - at));
      code = methods.xRead(file(), chunk.data(), amount, at);
      if (code == SQLITE_OK) code = methods.xWrite(file(), chunk.data(), amount, at);
    }
    return code == SQLITE_OK ? methods.xSync(file(), SQLITE_SYNC_NORMAL) : code;
  }

 private:
  using Unit = std::max_align_t;
  std::vector<Unit> storage_;
};

}  // namespace

Result<void> settle_log(const std::string& path, const std::string& vfs_name) {
  auto* vfs = sqlite3_vfs_find(vfs_name.empty() ? nullptr : vfs_name.c_str());
  if (vfs == nullptr) return failure(SQLITE_ERROR, path);
  std::string full(static_cast<std::size_t>(vfs->mxPathname) + 1, '\0');
  const int named = vfs->xFullPathname(vfs, path.c_str(), vfs->mxPathname + 1, full.data());
  if ((named & 0xff) != SQLITE_OK) return failure(named, path);  // there is an "ok, by way of a symlink"
  const Names names(full.c_str());
  if (names.log() == nullptr) return failure(SQLITE_NOMEM, path);
  int there = 0;
  if (const int code = vfs->xAccess(vfs, names.log(), SQLITE_ACCESS_EXISTS, &there); code != SQLITE_OK) {
    return failure(code, path);
  }
  if (there == 0) return ok();
  LogFile log(*vfs);
  // "Create", as SQLite itself says: the platform's VFS then syncs the folder with the file.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;
  int code = vfs->xOpen(vfs, names.log(), log.file(), flags, nullptr);
  if (code == SQLITE_OK) code = log.rewrite_and_sync();
  if (code != SQLITE_OK) return failure(code, path);
  return ok();
}

}  // namespace tillsync::sqlite
