// The seam through which whole files are made, named and removed where that must survive a power loss.
#pragma once

#include <string>

#include "platform/base/result.h"

namespace tillsync {

class Files {
 public:
  virtual ~Files() = default;
  /// kStorage where it cannot be told.
  virtual Result<bool> exists(const std::string& path) = 0;
  /// The folder and those above it, where they are missing; made durable. kStorage.
  virtual Result<void> make_folder(const std::string& path) = 0;
  /// The file is gone, or was not there. Durable with the folder's sync. kStorage.
  virtual Result<void> remove(const std::string& path) = 0;
  /// Within one folder; all of it or nothing of it happens. Durable with the folder's sync. kStorage.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// The file's content is durable. kStorage.
  virtual Result<void> sync_file(const std::string& path) = 0;
  /// What was made, renamed or removed in the folder is durable. kStorage.
  virtual Result<void> sync_folder(const std::string& path) = 0;
};

/// The machine's file system. Any thread.
Files& system_files();

}  // namespace tillsync
