#include "outbox/journal/schema.h"

#include <fstream>
#include <string>
#include <string_view>

namespace tillsync {
namespace {

// record: the facts, and the chain over them. Everything else can be made again from it.
// delivery, document_count, ...: where things stand, kept with every commit so that no question needs a scan.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE record(
  sequence INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  document INTEGER,
  id TEXT,
  type INTEGER,
  business_day INTEGER,
  body BLOB NOT NULL,
  hash BLOB NOT NULL);
CREATE UNIQUE INDEX record_id ON record(id) WHERE id IS NOT NULL;
CREATE INDEX record_business_day ON record(business_day) WHERE business_day IS NOT NULL;
CREATE INDEX record_document ON record(document) WHERE document IS NOT NULL;
CREATE INDEX record_store_wide ON record(kind) WHERE kind IN (4, 5);

CREATE TABLE head(one INTEGER PRIMARY KEY CHECK(one = 1), sequence INTEGER NOT NULL, hash BLOB NOT NULL);

CREATE TABLE idempotency_key(key TEXT PRIMARY KEY, document INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE delivery(
  document INTEGER NOT NULL,
  step TEXT NOT NULL,
  target TEXT NOT NULL,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  version INTEGER,
  last_fact INTEGER,
  PRIMARY KEY(document, step)) WITHOUT ROWID;
CREATE INDEX delivery_unsettled ON delivery(target, document) WHERE state NOT IN (3, 5);

CREATE TABLE lane(target TEXT PRIMARY KEY, frontier INTEGER NOT NULL, reserved INTEGER NOT NULL, paused INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE day(business_day INTEGER PRIMARY KEY, first_sequence INTEGER NOT NULL, documents INTEGER NOT NULL);
CREATE TABLE day_target(business_day INTEGER NOT NULL, target TEXT NOT NULL, last_delivered INTEGER NOT NULL,
  PRIMARY KEY(business_day, target)) WITHOUT ROWID;
CREATE TABLE gap(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, hash BLOB NOT NULL);
INSERT INTO head VALUES(1, 0, zeroblob(32));
)sql";

// The kinds of record from 6 on came with it: a program that does not know them must not read the journal.
// Retention finds all keys of a document, also those that came with a replay, by the index on them.
constexpr const char* kVersion2 = R"sql(
DROP INDEX record_store_wide;
CREATE INDEX record_store_wide ON record(kind) WHERE kind IN (4, 5, 7, 8);
CREATE INDEX idempotency_key_document ON idempotency_key(document);
)sql";

// "IN" with more than two values makes SQLite fill a table of its own with them for each INSERT: that was
// half of what a record cost. The same kinds by comparison (select_store_wide).
constexpr const char* kVersion3 = R"sql(
DROP INDEX record_store_wide;
CREATE INDEX record_store_wide ON record(kind) WHERE kind > 3 AND kind <> 6;
)sql";

// Live trade goes before a backlog: what was reserved for sending out of order (LaneMemory::reserved_ahead),
// and when a target's day of requests will be whole again (UTC, microseconds).
constexpr const char* kVersion4 = R"sql(
CREATE TABLE lane_ahead(target TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY(target, first)) WITHOUT ROWID;
CREATE TABLE lane_day(target TEXT PRIMARY KEY, full_at INTEGER NOT NULL) WITHOUT ROWID;
)sql";

// The kinds of record from 9 on came with it. The rows of conflicts, so that none is told twice and the open
// ones are found without a walk.
constexpr const char* kVersion5 = R"sql(
CREATE TABLE conflict(
  record INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  document INTEGER,
  business_day INTEGER NOT NULL,
  open INTEGER NOT NULL,
  resolution INTEGER);
CREATE INDEX conflict_open ON conflict(record) WHERE open <> 0;
CREATE INDEX conflict_day ON conflict(business_day);
CREATE INDEX conflict_document ON conflict(document) WHERE document IS NOT NULL;
-- What people decided in a period, for its report: found without reading what tills and targets did.
CREATE INDEX record_decision ON record(kind) WHERE kind = 3;
)sql";

constexpr const char* kMigrations[] = {kVersion1, kVersion2, kVersion3, kVersion4, kVersion5};
static_assert(std::size(kMigrations) == kJournalSchema);

Error from_the_future(std::int64_t version) {
  return Error{ErrorKind::kInvalid, "journal-from-the-future",
               "the journal has schema " + std::to_string(version) + ", this program knows up to " +
                   std::to_string(kJournalSchema) +
                   "; it was left untouched: run the tillsync version that wrote it, or a newer one"};
}

Result<int> read_schema(sqlite::Database& database) {
  auto version = database.query_integer("PRAGMA user_version");
  if (!version) return version.error();
  auto application = database.query_integer("PRAGMA application_id");
  if (!application) return application.error();
  if (application->value_or(0) != 0 && application->value_or(0) != kJournalApplicationId) {
    return Error{ErrorKind::kInvalid, "not-a-journal",
                 "journal.db is a database of another program; it was left untouched"};
  }
  if (version->value_or(0) > kJournalSchema) return from_the_future(version->value_or(0));
  return static_cast<int>(version->value_or(0));
}

// SQLite file format, section 1.3: big-endian integers at fixed places of the first 100 bytes.
constexpr std::size_t kHeaderBytes = 100;
constexpr std::string_view kHeaderMagic("SQLite format 3\0", 16);
constexpr std::size_t kUserVersionAt = 60;
constexpr std::size_t kApplicationIdAt = 68;

std::int64_t integer_at(std::string_view header, std::size_t at) {
  std::uint32_t value = 0;
  for (const char byte : header.substr(at, 4)) value = value << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int32_t>(value);
}

}  // namespace

std::string select_store_wide(std::string_view columns, std::string_view kinds) {
  return "SELECT " + std::string(columns) + " FROM record WHERE kind > 3 AND kind <> 6 AND " +
         std::string(kinds) + " ORDER BY sequence";
}

Result<void> check_journal_file(const std::string& folder) {
  std::ifstream file(folder + "/" + kJournalFile, std::ios::binary);
  std::string header(kHeaderBytes, '\0');
  file.read(header.data(), static_cast<std::streamsize>(header.size()));
  if (!file || !header.starts_with(kHeaderMagic)) return ok();
  const std::int64_t version = integer_at(header, kUserVersionAt);
  if (integer_at(header, kApplicationIdAt) != kJournalApplicationId || version <= kJournalSchema) return ok();
  return from_the_future(version);
}

Result<void> migrate_journal(sqlite::Database& database) {
  auto version = read_schema(database);
  if (!version) return version.error();
  for (int next = *version; next < kJournalSchema; ++next) {
    auto transaction = sqlite::Transaction::begin(database);
    if (!transaction) return transaction.error();
    const std::string stamp = "PRAGMA application_id = " + std::to_string(kJournalApplicationId) +
                              "; PRAGMA user_version = " + std::to_string(next + 1);
    for (const char* sql : {kMigrations[next], stamp.c_str()}) {
      if (auto done = database.execute(sql); !done) return done.error();
    }
    if (auto committed = transaction->commit(); !committed) return committed.error();
  }
  return ok();
}

Result<void> check_journal_schema(sqlite::Database& database) {
  auto version = read_schema(database);
  if (!version) return version.error();
  if (*version != kJournalSchema) {
    return Error{ErrorKind::kInvalid, "journal-too-old",
                 "the journal has schema " + std::to_string(*version) +
                     "; start the daemon once to bring it up to date"};
  }
  return ok();
}

}  // namespace tillsync
