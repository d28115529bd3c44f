#include "platform/base/files.h"

#include <filesystem>
#include <vector>

#include "platform/service/service_host.h"

namespace tillsync {
namespace {

namespace fs = std::filesystem;

Error storage(const std::string& what, const std::error_code& failed) {
  return Error{ErrorKind::kStorage, "storage-io", what + ": " + failed.message()};
}

class SystemFiles final : public Files {
 public:
  Result<bool> exists(const std::string& path) override {
    std::error_code failed;
    const bool there = fs::exists(path, failed);
    if (failed) return storage("cannot look for " + path, failed);
    return there;
  }

  Result<void> make_folder(const std::string& path) override {
    std::error_code failed;
    auto above = fs::absolute(path, failed);
    std::vector<std::string> named_in;  // folders that get a new name
    while (!failed && !fs::exists(above, failed) && above.has_relative_path()) {
      above = above.parent_path();
      named_in.push_back(above.string());
    }
    if (!failed) fs::create_directories(path, failed);
    if (failed) return storage("cannot make " + path, failed);
    for (const auto& folder : named_in) {
      if (auto synced = sync_folder(folder); !synced) return synced;
    }
    return ok();
  }

  Result<void> remove(const std::string& path) override {
    std::error_code failed;
    fs::remove(path, failed);
    return failed ? Result<void>(storage("cannot remove " + path, failed)) : ok();
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    std::error_code failed;
    fs::rename(from, to, failed);
    return failed ? Result<void>(storage("cannot name " + to, failed)) : ok();
  }

  Result<void> sync_file(const std::string& path) override { return fsync_file(path); }
  Result<void> sync_folder(const std::string& path) override { return fsync_directory(path); }
};

}  // namespace

Files& system_files() {
  static SystemFiles files;
  return files;
}

}  // namespace tillsync
