#include "outbox/journal/backup.h"

#include <filesystem>

#include "outbox/journal/reader_impl.h"
#include "outbox/journal/schema.h"
#include "platform/service/service_host.h"

namespace tillsync {

Result<void> backup_journal(JournalReader& reader, const std::string& into) {
  const std::string path = into + "/" + kJournalFile;
  std::error_code failed;
  if (std::filesystem::exists(path, failed)) {
    return Error{ErrorKind::kInvalid, "backup-exists", path + " exists already; name a new folder"};
  }
  std::filesystem::create_directories(into, failed);
  if (failed) return Error{ErrorKind::kStorage, "storage-io", "cannot make " + into + ": " + failed.message()};
  const std::string partial = path + ".partial";
  std::filesystem::remove(partial, failed);
  auto copy = reader.impl().database.prepare("VACUUM INTO ?");
  if (!copy) return copy.error();
  if (auto done = copy->bind(1, partial).run(); !done) {
    std::filesystem::remove(partial, failed);
    return done.error();
  }
  if (auto synced = fsync_file(partial); !synced) return synced.error();
  std::filesystem::rename(partial, path, failed);
  if (failed) return Error{ErrorKind::kStorage, "storage-io", "cannot name " + path + ": " + failed.message()};
  return fsync_directory(into);
}

}  // namespace tillsync
