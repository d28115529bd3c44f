// What SQLite leaves to its user: a write-ahead log that reads well need not be durable.
#pragma once

#include <string>

#include "platform/base/result.h"

namespace tillsync::sqlite {

/// Makes all that the write-ahead log beside the database at `path` holds durable: writes it again in place,
/// byte by byte, and syncs. Nothing to do where there is no log.
///
/// SQLite takes every whole transaction that it finds in a log for committed. But who wrote it may have died
/// before its sync, or the sync may have failed; and after a failed sync Linux holds the bytes in its cache,
/// counts them as clean, and lets every later sync succeed without them. What is then committed behind them
/// is durable, stands behind a hole all the same, and a power loss takes it.
///
/// Call it before the connection that writes is opened; that connection and its like must be the caller's
/// alone. Readers may be there. kStorage `storage-io`: do not open the database then.
Result<void> settle_log(const std::string& path, const std::string& vfs = "");

}  // namespace tillsync::sqlite
