// A folder of this machine, or one that is mounted. Each file is durable before it gets its name, and its
// name before put() returns.
#pragma once

#include "platform/base/files.h"
#include "platform/transfer/folder.h"

namespace tillsync::transfer {

/// Codes: "no-folder" (it is not there: never made here, since a share that is not mounted must not be
/// mistaken for a folder), "write" (nothing has its name), "rename" (it may have).
class LocalFolder final : public Folder {
 public:
  /// `files` outlives the folder.
  LocalFolder(std::string path, Files& files) : path_(std::move(path)), files_(files) {}

  Result<void> put(const std::string& name, std::string_view bytes) override;
  Result<std::optional<std::string>> get(const std::string& name, std::size_t bytes_max) override;
  Result<void> reach() override { return check_folder(); }
  std::string place() const override { return path_; }

 private:
  Result<void> check_folder();
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }

  const std::string path_;  ///< without a slash at its end
  Files& files_;
};

}  // namespace tillsync::transfer
