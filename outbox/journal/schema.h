// The journal's tables and how older ones become them.
#pragma once

#include <string>
#include <string_view>

#include "platform/sqlite/database.h"

namespace tillsync {

/// Version of the schema that this program writes (SQLite user_version). A journal from a later one is
/// refused untouched.
inline constexpr int kJournalSchema = 5;
/// SQLite application_id of a tillsync journal: "TSJ1".
inline constexpr std::int64_t kJournalApplicationId = 0x54534a31;
inline constexpr const char* kJournalFile = "journal.db";
/// SELECT of records of `kinds`, all of which concern no single document, by the partial index on those: a
/// query that is to use it has the index's condition word for word. `kinds` may go on with AND.
std::string select_store_wide(std::string_view columns, std::string_view kinds);

/// Brings an opened database to kJournalSchema, each step in a transaction of its own. kInvalid
/// `not-a-journal` or `journal-from-the-future` leave it untouched.
Result<void> migrate_journal(sqlite::Database& database);
/// `journal-from-the-future` where the head of the file journal.db in `folder` says so: known without opening
/// it as a database, which would leave files beside it. What is missing, no journal, or newer in its
/// write-ahead log alone is left to those who open it. `folder` is on a disk: not for a VFS of one's own.
Result<void> check_journal_file(const std::string& folder);
/// Whether a reader may use it: the same refusals, and never a change.
Result<void> check_journal_schema(sqlite::Database& database);

}  // namespace tillsync
