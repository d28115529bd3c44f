#include "outbox/journal/backup.h"

#include <filesystem>

#include "outbox/journal/reader_impl.h"
#include "outbox/journal/schema.h"
#include "platform/service/service_host.h"

namespace tillsync {
namespace {

Result<void> vacuum_into(sqlite::Database& database, const std::string& path) {
  // query_only counts the copy as a write; the connection itself was opened read-only and stays so.
  if (auto allowed = database.execute("PRAGMA query_only = 0"); !allowed) return allowed.error();
  auto copied = ok();
  if (auto copy = database.prepare("VACUUM INTO ?"); !copy) {
    copied = copy.error();
  } else if (auto done = copy->bind(1, path).run(); !done) {
    copied = done.error();
  }
  if (auto restored = database.execute("PRAGMA query_only = 1"); !restored && copied) return restored.error();
  return copied;
}

}  // namespace

Result<void> backup_journal(JournalReader& reader, const std::string& into) {
  const std::string path = into + "/" + kJournalFile;
  std::error_code failed;
  if (std::filesystem::exists(path, failed)) {
    return Error{ErrorKind::kInvalid, "backup-exists", path + " exists already; name a new folder"};
  }
  std::filesystem::create_directories(into, failed);
  if (failed)
    return Error{ErrorKind::kStorage, "storage-io", "cannot make " + into + ": " + failed.message()};
  const std::string partial = path + ".partial";
  std::filesystem::remove(partial, failed);
  if (auto done = vacuum_into(reader.impl().database, partial); !done) {
    std::filesystem::remove(partial, failed);
    return done.error();
  }
  if (auto synced = fsync_file(partial); !synced) return synced.error();
  std::filesystem::rename(partial, path, failed);
  if (failed)
    return Error{ErrorKind::kStorage, "storage-io", "cannot name " + path + ": " + failed.message()};
  return fsync_directory(into);
}

}  // namespace tillsync
