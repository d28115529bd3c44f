// What the file system says of a file: the like of stat(2). For the files of this folder.
#pragma once

#include <windows.h>

#include <cstdint>
#include <optional>
#include <string>

namespace tillsync {

struct FileFacts {
  std::uint64_t device = 0;
  std::uint64_t id = 0;  ///< which file it is on its disk
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;  ///< since 1601, as the file system has it
  bool is_folder = false;
  bool is_regular = false;  ///< no folder, no link, no device
};

enum class Links { kFollowed, kShown };

/// Nothing where it cannot be opened; GetLastError() says why.
std::optional<FileFacts> facts_of(const std::string& path, Links links);
/// Of an open file.
std::optional<FileFacts> facts_of(HANDLE file);

}  // namespace tillsync
