// Opens the SQLite files beside the journal that only cache what central holds: what cannot be used is begun
// anew, since central can always be asked again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "platform/sqlite/database.h"

namespace tillsync {

struct CacheFile {
  const char* name;      ///< in the journal's folder
  std::int64_t version;  ///< the schema's, which `schema` sets as user_version
  const char* schema;
};

/// For the one writer: WAL, synchronous=NORMAL. A damaged file, or one of another version, is removed and
/// begun anew. kStorage.
Result<sqlite::Database> open_cache_for_writing(const std::string& folder, const CacheFile& file,
                                                const std::string& vfs);
/// Nothing where there is no such file, a damaged one, or one of another version; creates nothing. kStorage.
Result<std::optional<sqlite::Database>> open_cache_for_reading(const std::string& folder,
                                                               const CacheFile& file, const std::string& vfs);

}  // namespace tillsync
