// Rows as they lie in the pages of a database file and its write-ahead log, without SQLite: for a database
// whose header, schema or inner pages are damaged (https://www.sqlite.org/fileformat2.html, sections 1.5, 1.6
// and 4). What it finds may be old, half written or free: whoever uses it needs a way to tell (a hash chain).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "platform/base/result.h"

namespace tillsync::sqlite {

struct RawValue {
  bool is_null = true;
  bool is_bytes = false;  ///< text or a blob
  std::int64_t integer = 0;
  std::string bytes;
};

struct RawRow {
  std::int64_t rowid = 0;
  std::vector<RawValue> values;
};

/// Visits the rows of all table leaf pages, of whatever table, that have `columns` columns and whose rowid is
/// `wanted`. In no order, the same row perhaps more than once. kStorage where the file cannot be read at all;
/// what makes no sense in it is passed over. Memory: a few pages and one row of at most 64 MiB.
Result<void> scan_leaf_rows(const std::string& path, std::size_t columns,
                            const std::function<bool(std::int64_t rowid)>& wanted,
                            const std::function<void(const RawRow&)>& visit);

}  // namespace tillsync::sqlite
