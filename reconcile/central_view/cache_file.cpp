#include "reconcile/central_view/cache_file.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace tillsync {
namespace {

using Opened = std::optional<sqlite::Database>;

Result<void> remove_file(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code error;
    std::filesystem::remove(path + suffix, error);
    if (error) {
      return Error{ErrorKind::kStorage, "storage-io",
                   "cannot remove " + path + suffix + " (" + error.message() +
                       "): it only caches what central holds; remove it by hand"};
    }
  }
  return ok();
}

/// A database of this version, or nothing where the one that stands is to be begun anew.
Result<Opened> open_or_make(const std::string& path, const CacheFile& file, const std::string& vfs) {
  auto database = sqlite::Database::open(path, sqlite::OpenMode::kReadWriteCreate, vfs);
  if (!database) return database.error();
  const auto unusable = [](const Error& error) -> Result<Opened> {
    if (error.kind == ErrorKind::kCorrupt) return Opened();
    return error;
  };
  if (auto set = database->execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"); !set) {
    return unusable(set.error());
  }
  auto version = database->query_integer("PRAGMA user_version");
  if (!version) return unusable(version.error());
  if (version->value_or(0) == file.version) return Opened(std::move(*database));
  auto tables = database->query_integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return unusable(tables.error());
  if (tables->value_or(0) != 0) return Opened();
  auto transaction = sqlite::Transaction::begin(*database);
  if (!transaction) return transaction.error();
  if (auto made = database->execute(file.schema); !made) return made.error();
  if (auto committed = transaction->commit(); !committed) return committed.error();
  return Opened(std::move(*database));
}

}  // namespace

Result<sqlite::Database> open_cache_for_writing(const std::string& folder, const CacheFile& file,
                                                const std::string& vfs) {
  const std::string path = folder + "/" + file.name;
  auto database = open_or_make(path, file, vfs);
  if (database && !*database) {
    if (auto removed = remove_file(path); !removed) return removed.error();
    database = open_or_make(path, file, vfs);
  }
  if (!database) return database.error();
  if (!*database) {
    return Error{ErrorKind::kStorage, "storage-io",
                 path + " cannot be begun anew: it only caches what central holds; remove it by hand"};
  }
  return std::move(**database);
}

Result<std::optional<sqlite::Database>> open_cache_for_reading(const std::string& folder,
                                                               const CacheFile& file,
                                                               const std::string& vfs) {
  const std::string path = folder + "/" + file.name;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Opened();
  auto database = sqlite::Database::open(path, sqlite::OpenMode::kReadOnly, vfs);
  if (!database) return database.error();
  auto version = database->query_integer("PRAGMA user_version");
  if (!version && version.error().kind != ErrorKind::kCorrupt) return version.error();
  if (!version || version->value_or(0) != file.version) return Opened();
  return Opened(std::move(*database));
}

}  // namespace tillsync
