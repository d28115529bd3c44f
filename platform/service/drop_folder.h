// A folder into which other programs put files: what lies there is seen as it is, read without ever waiting
// for it, and moved on without ever replacing anything. No operating-system header comes with it; one .cpp
// per system implements it. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"

namespace tillsync {

/// Tells one state of a file from another: a file that is written to, or another one of the same name, has
/// another mark.
struct FileMark {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;  ///< as the file system says; compared, never trusted as a time
  bool operator==(const FileMark&) const = default;
};

struct DropFile {
  std::string name;  ///< bytes, as the file system has them
  FileMark mark;
};

struct DropListing {
  std::vector<DropFile> files;      ///< by name, bytewise; the `files_max` first of them
  bool more = false;                ///< there are others behind them
  std::vector<std::string> others;  ///< links, pipes, sockets, devices: at most kDropOthersMax, by name
};
inline constexpr std::size_t kDropOthersMax = 100;

/// What lies in the folder: regular files, and what is neither file nor folder, of the names that `wanted`
/// takes. Links are not followed. kNotFound (`no-folder`), kStorage (`folder-unreadable`).
Result<DropListing> list_drop_folder(const std::string& folder, std::size_t files_max,
                                     const std::function<bool(std::string_view name)>& wanted);

/// kNotFound where there is no such file.
Result<FileMark> file_mark(const std::string& path);

struct DropContent {
  std::string bytes;
  FileMark mark;  ///< once all was read
};
/// The whole of a regular file; never follows a link, never waits for a pipe. kNotFound; kInvalid
/// (`too-large`; nothing was read, or `not-a-file`); kStorage (`file-unreadable`).
Result<DropContent> read_drop_file(const std::string& path, std::uint64_t bytes_max);

/// Makes the folder (mode 0770 less the umask) where it is missing; the one above it has to be there.
/// kStorage.
Result<void> make_drop_folder(const std::string& path);

/// Writes a whole file, durably: under a temporary name beside `path`, then renamed over what is there.
/// kStorage.
Result<void> write_beside(const std::string& path, std::string_view content);

/// Moves a file and never replaces one: kInvalid (`exists`) where `to` is taken. Across file systems it is
/// copied, made durable, and only then removed. kStorage; then the file is where it was.
Result<void> move_drop_file(const std::string& from, const std::string& to);

}  // namespace tillsync
