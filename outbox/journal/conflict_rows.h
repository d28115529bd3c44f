// The table `conflict`: which conflicts there are, and which are open. Private to outbox/journal; for the
// writer, readers, verify and recovery alike.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "outbox/journal/conflict_facts.h"
#include "platform/sqlite/database.h"

namespace tillsync {

/// One row: what the records 9 and 10 add up to.
struct ConflictRow {
  std::string key;
  std::optional<Sequence> document;
  std::int64_t business_day = 0;  ///< days since 1970
  bool open = false;
  std::optional<Sequence> resolution;
  bool operator==(const ConflictRow&) const = default;
};
using ConflictRows = std::map<Sequence, ConflictRow>;

ConflictRow conflict_row(const ConflictFact& fact);
Result<void> put_conflict_row(sqlite::Database& database, Sequence record, const ConflictRow& row);
Result<ConflictRows> read_conflict_rows(sqlite::Database& database);

/// Of a WHERE over the table's columns, with `value` for its one ?; in order of their records.
Result<std::vector<ConflictView>> read_conflicts(sqlite::Database& database, const std::string& where,
                                                 std::int64_t value, std::size_t limit);

}  // namespace tillsync
