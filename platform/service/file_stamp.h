// How to see, without reading it, that a file is another one than before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "platform/base/result.h"

namespace tillsync {

struct FileStamp {
  std::uint64_t file = 0;        ///< which file it is on its disk (inode)
  std::int64_t size = 0;         ///< bytes
  std::int64_t modified_ns = 0;  ///< as the file system has it: to compare, not to read
  bool operator==(const FileStamp&) const = default;
};

/// Nothing where there is no such file, or it may not be looked at. Follows links.
std::optional<FileStamp> stamp_of(const std::string& path);

/// Whether there is a Unix socket of this name, listened on or left behind. Links are not followed.
bool is_socket_file(const std::string& path);

/// Gives the file to the user and group whom `folder` belongs to, so that a service can read what root wrote
/// for it. Does nothing where they have it already; kStorage where this user may not.
Result<void> give_to_owner_of(const std::string& folder, const std::string& path);

}  // namespace tillsync
