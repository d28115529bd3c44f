#include "agent/access/access_file.h"

#include <filesystem>
#include <fstream>

#include "platform/base/files.h"
#include "platform/log/log.h"
#include "platform/service/service_host.h"

namespace tillsync {
namespace {

Error storage(const std::string& what) {
  return {ErrorKind::kStorage, "storage-failed", what};
}

std::string detail_of(const AccessEntry& entry) {
  std::string detail = "token " + entry.id;
  if (entry.kind == AccessKind::kOperator) detail += ", role " + std::string(access_role_name(entry.role));
  if (entry.expires_at) detail += ", until " + format_utc(*entry.expires_at);
  return detail;
}

AuditEvent event_of(const AccessEntry& entry, const char* verb, const std::string& by) {
  return {std::string(access_kind_name(entry.kind)) + "-" + verb, entry.name, by, detail_of(entry)};
}

}  // namespace

std::string access_file(const std::string& journal_folder) {
  return journal_folder + "/access.json";
}

Result<AccessList> load_access(const std::string& path) {
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::not_found) return AccessList();
  std::ifstream in(path, std::ios::binary);
  std::string text(AccessList::kBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad())
    return storage(path + " cannot be read; give it to the user who runs tillsync, or run this as that user");
  text.resize(static_cast<std::size_t>(in.gcount()));
  auto list = AccessList::parse(text);
  if (list) return list;
  return Error{list.error().kind, list.error().code,
               path + " is not a list of tokens: " + list.error().detail +
                   "; put a copy in its place, or take it away and give out new tokens"};
}

Result<void> save_access(const std::string& path, const AccessList& list) {
  const std::string fresh = path + ".new";
  Files& files = system_files();
  if (auto removed = files.remove(fresh); !removed) return removed;
  std::ofstream out(fresh, std::ios::binary);
  std::error_code error;
  using std::filesystem::perms;
  std::filesystem::permissions(fresh, perms::owner_read | perms::owner_write, error);
  out << list.text();
  if (!out.flush() || error) return storage(fresh + " cannot be written; check the folder's rights and room");
  out.close();
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (auto given = give_to_owner_of(folder, fresh); !given) return given;
  if (auto synced = files.sync_file(fresh); !synced) return synced;
  if (auto renamed = files.rename(fresh, path); !renamed) return renamed;
  return files.sync_folder(folder);
}

Result<void> change_access(const std::string& journal_folder,
                           const std::function<Result<void>(AccessList&)>& change) {
  std::error_code error;
  if (!std::filesystem::is_directory(journal_folder, error)) {
    return storage(
        "there is no folder " + journal_folder +
        " for the tokens, or this user may not see it; start tillsync once, which makes it, or check "
        "[journal] path");
  }
  const std::string lock_file = journal_folder + "/access.lock";
  auto lock = FileLock::acquire(lock_file);
  if (!lock) return lock.error();
  if (auto given = give_to_owner_of(journal_folder, lock_file); !given) return given;
  auto list = load_access(access_file(journal_folder));
  if (!list) return list.error();
  if (auto changed = change(*list); !changed) return changed;
  return save_access(access_file(journal_folder), *list);
}

std::vector<AuditEvent> access_changes(const AccessList& before, const AccessList& after) {
  std::vector<AuditEvent> events;
  for (const AccessEntry& entry : after.entries()) {
    const AccessEntry* old = before.find(entry.id);
    if (old != nullptr && *old == entry) continue;
    if (old == nullptr) events.push_back(event_of(entry, "added", entry.created_by));
    if (entry.revoked_at && (old == nullptr || !old->revoked_at)) {
      events.push_back(event_of(entry, "revoked", entry.revoked_by));
    } else if (old != nullptr) {
      events.push_back(event_of(entry, "changed", ""));
    }
  }
  for (const AccessEntry& entry : before.entries()) {
    if (after.find(entry.id) == nullptr) events.push_back(event_of(entry, "removed", ""));
  }
  return events;
}

AccessWatch::AccessWatch(const std::string& journal_folder, AuditSink audit)
    : path_(access_file(journal_folder)),
      audited_path_(journal_folder + "/access.audited.json"),
      audit_(std::move(audit)) {}

void AccessWatch::look() {
  const auto stamp = stamp_of(path_);
  if (looked_ && stamp == stamp_) return;
  const bool first = !std::exchange(looked_, true);
  stamp_ = stamp;  // before the file is read: what is written meanwhile shows the next time
  auto list = load_access(path_);
  if (!list) {
    log::error("access.unreadable", {{"detail", list.error().detail}, {"tokens_kept", !first}});
    return;
  }
  if (first) {
    // What was told before the daemon went down. Where that cannot be read all is told again.
    if (auto audited = load_access(audited_path_)) {
      list_ = std::move(*audited);
    }
  }
  take(std::move(*list));
}

void AccessWatch::take(AccessList list) {
  const auto changes = access_changes(list_, list);
  list_ = std::move(list);
  if (changes.empty()) return;
  for (const AuditEvent& event : changes) audit_(event);
  if (auto saved = save_access(audited_path_, list_); !saved)
    log::warning("access.audited_not_kept", {{"detail", saved.error().detail}});
}

}  // namespace tillsync
