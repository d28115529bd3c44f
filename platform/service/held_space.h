// A file that takes up disk space so that nobody else can: its owner gives it back when it needs room. No
// operating-system header comes with it; one .cpp per system implements it. Any thread, one at a time per
// file.
#pragma once

#include <cstdint>
#include <string>

#include "platform/base/result.h"

namespace tillsync {

/// The file's size in bytes; 0 where there is none. kStorage.
Result<std::int64_t> held_bytes(const std::string& path);

/// Makes the file (mode 0640) or grows it to `bytes`, all of them taken on the disk and not only promised: by
/// allocation, or by writing zeros where the file system cannot allocate. A file that has this size already
/// gets what it lacks (a copy may be sparse). kStorage, `storage-full` where the disk has no room; the file
/// is then no longer than before.
Result<void> hold_bytes(const std::string& path, std::int64_t bytes);

/// Cuts the file to `bytes`, 0 to its size. What it gives back can be written when this returns. kStorage.
Result<void> release_to_bytes(const std::string& path, std::int64_t bytes);

}  // namespace tillsync
