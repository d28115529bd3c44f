// access.json in the journal's folder: the list of tokens, written by the command line and read by the daemon
// while both run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/access/access_list.h"
#include "outbox/journal/audit_event.h"
#include "platform/service/file_stamp.h"

namespace tillsync {

/// "FOLDER/access.json".
std::string access_file(const std::string& journal_folder);

/// The list in the file; an empty one where there is none. kStorage where it may not be read; kCorrupt.
Result<AccessList> load_access(const std::string& path);
/// Mode 0600, its folder's owner's, whole or not at all, durable. kStorage.
Result<void> save_access(const std::string& path, const AccessList& list);
/// Reads, changes and writes the list under a lock: two command lines at once lose nothing. `change`'s error
/// leaves the file as it was. kStorage where the journal's folder is not there; kUnavailable where another
/// holds the lock.
Result<void> change_access(const std::string& journal_folder,
                           const std::function<Result<void>(AccessList&)>& change);

/// What the change from one list to the other means for an audit.
std::vector<AuditEvent> access_changes(const AccessList& before, const AccessList& after);

/// The daemon's view of the file. What was audited is kept beside it (access.audited.json), so that a change
/// made while the daemon was down is told as well. Event loop's thread.
class AccessWatch {
 public:
  AccessWatch(const std::string& journal_folder, AuditSink audit);

  /// Reads the file where it is another one than before. One that cannot be read, or is not what tillsync
  /// writes, is told, and the list before it stays: revoking by a slip of the hand what every till uses would
  /// stop trade.
  void look();
  const AccessList& list() const { return list_; }

 private:
  void take(AccessList list);

  const std::string path_, audited_path_;
  const AuditSink audit_;
  AccessList list_;
  std::optional<FileStamp> stamp_;
  bool looked_ = false;
};

}  // namespace tillsync
