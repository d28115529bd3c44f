// A folder for one test, removed with everything in it at the end.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include "platform/base/random.h"

namespace tillsync::testing {

class TempDir {
 public:
  TempDir() {
    SystemRandom random;
    for (int attempt = 0; attempt < 100; ++attempt) {
      path_ = std::filesystem::temp_directory_path() / ("tillsync-test-" + std::to_string(random.next()));
      if (std::filesystem::create_directory(path_)) return;  // false where there is one already
    }
    throw std::runtime_error("no temporary folder at " + path_.string());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// The path of `name` inside the folder.
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace tillsync::testing
