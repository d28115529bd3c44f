#include "outbox/journal/backup.h"

#include "outbox/journal/reader_impl.h"
#include "outbox/journal/schema.h"

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

Result<void> backup_journal(JournalReader& reader, const std::string& into, Files& files) {
  const std::string path = into + "/" + kJournalFile;
  auto there = files.exists(path);
  if (!there) return there.error();
  if (*there) return Error{ErrorKind::kInvalid, "backup-exists", path + " exists already; name a new folder"};
  if (auto made = files.make_folder(into); !made) return made;
  const std::string partial = path + ".partial";
  // What a copy that did not end has left.
  for (const auto& left : {partial, partial + "-journal"}) {
    if (auto removed = files.remove(left); !removed) return removed;
  }
  if (auto done = vacuum_into(reader.impl().database, partial); !done) {
    (void)files.remove(partial).has_value();
    return done;
  }
  if (auto synced = files.sync_file(partial); !synced) return synced;
  if (auto named = files.rename(partial, path); !named) return named;
  return files.sync_folder(into);
}

}  // namespace tillsync
