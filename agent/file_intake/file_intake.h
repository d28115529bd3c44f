// The thread of one intake: waits for files and takes them. It never holds up the event loop; the journal is
// reached as the till API reaches it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "agent/file_intake/intake_folder.h"
#include "platform/service/folder_watch.h"

namespace tillsync {

class FileIntake {
 public:
  struct Parts {
    std::string name;
    const IntakeSettings& settings;
    JournalThread& journal;
    StoreDefaults store;
    TimeZone zone;
    std::function<bool()> disk_has_room;  ///< false at the disk reserve: files stay where they are
    const Clock& clock;
  };
  /// What the parts refer to must outlive it. A folder that is not there is no error: it is looked for again.
  static Result<std::unique_ptr<FileIntake>> start(Parts parts, IntakeLimits limits = {});
  /// stop().
  ~FileIntake();
  /// Ends with the chunk of documents that is under way; the file stays, and is read again at the next start.
  void stop();
  FileIntake(const FileIntake&) = delete;
  FileIntake& operator=(const FileIntake&) = delete;

  /// Any thread.
  IntakeCounts counts() const;

 private:
  FileIntake() = default;
  void loop();

  std::string name_, folder_path_;
  const Clock* clock_ = nullptr;
  std::unique_ptr<FolderWatch> watch_;
  std::unique_ptr<IntakeFolder> folder_;  // its thread only
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  IntakeCounts counts_;  // guarded by mutex_
  std::thread thread_;
};

using FileIntakes = std::map<std::string, std::unique_ptr<FileIntake>>;

}  // namespace tillsync
