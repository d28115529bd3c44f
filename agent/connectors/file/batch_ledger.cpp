#include "agent/connectors/file/batch_ledger.h"

#include <algorithm>

#include "platform/base/files.h"

namespace tillsync::file {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kLogPagesMax = 256;  ///< of the write-ahead log, before it is checkpointed

constexpr const char* kSchema =
    "CREATE TABLE batch(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, data_file TEXT NOT NULL,"
    " manifest_file TEXT NOT NULL, published INTEGER NOT NULL DEFAULT 0, documents INTEGER NOT NULL,"
    " data BLOB, manifest BLOB);"
    "CREATE TABLE member(key TEXT PRIMARY KEY, batch INTEGER NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX member_by_batch ON member(batch);"
    "PRAGMA user_version = 1;";

}  // namespace

Result<BatchLedger> BatchLedger::open(const std::string& folder, const std::string& target,
                                      std::int64_t members_kept_max) {
  if (auto made = system_files().make_folder(folder); !made) return made.error();
  const std::string path = folder + "/" + target + ".db";
  auto database = sqlite::Database::open(path, sqlite::OpenMode::kReadWriteCreate);
  if (!database) return database.error();
  BatchLedger ledger(std::move(*database));
  ledger.members_kept_max_ = members_kept_max;
  if (auto ready = ledger.prepare(); !ready) {
    return Error{ready.error().kind, ready.error().code, path + ": " + ready.error().detail};
  }
  if (auto synced = system_files().sync_folder(folder); !synced) return synced.error();
  return ledger;
}

Result<void> BatchLedger::prepare() {
  if (auto set = database_.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"); !set) return set;
  const auto version = database_.query_integer("PRAGMA user_version");
  if (!version) return version.error();
  if (version->value_or(0) == 0) {
    auto transaction = sqlite::Transaction::begin(database_);
    if (!transaction) return transaction.error();
    if (auto made = database_.execute(kSchema); !made) return made;
    if (auto committed = transaction->commit(); !committed) return committed;
  } else if (version->value_or(0) != kVersion) {
    return Error{ErrorKind::kCorrupt, "ledger-version",
                 "was written by a newer version; install that one again"};
  }
  const auto last = database_.query_integer("SELECT max(number) FROM batch");
  if (!last) return last.error();
  const auto members = database_.query_integer("SELECT sum(documents) FROM batch WHERE published = 1");
  if (!members) return members.error();
  last_number_ = last->value_or(0);
  members_ = members->value_or(0);
  return ok();
}

Result<std::optional<LedgerEntry>> BatchLedger::find(const std::string& idempotency_key) {
  auto query = database_.prepare(
      "SELECT batch.number, batch.name, batch.published, member.digest FROM member"
      " JOIN batch ON batch.number = member.batch WHERE member.key = ?");
  if (!query) return query.error();
  query->bind(1, idempotency_key);
  const auto row = query->step();
  if (!row) return row.error();
  if (!*row) return std::optional<LedgerEntry>();
  LedgerEntry entry{query->integer(0), query->text(1), query->integer(2) != 0, {}};
  const std::string_view digest = query->blob_view(3);
  if (digest.size() != entry.digest.size())
    return Error{ErrorKind::kCorrupt, "ledger-damaged", "a digest in the ledger has another length"};
  std::copy(digest.begin(), digest.end(), entry.digest.begin());
  return std::optional<LedgerEntry>(std::move(entry));
}

Result<void> BatchLedger::insert(const Batch& batch) {
  auto into_batch = database_.prepare(
      "INSERT INTO batch(number, name, data_file, manifest_file, documents, data, manifest)"
      " VALUES(?, ?, ?, ?, ?, ?, ?)");
  if (!into_batch) return into_batch.error();
  const std::string manifest_file = batch.manifest_file();
  into_batch->bind(1, batch.number).bind(2, batch.name).bind(3, batch.data_file).bind(4, manifest_file);
  into_batch->bind(5, static_cast<std::int64_t>(batch.documents.size()));
  into_batch->bind_blob(6, batch.data).bind_blob(7, batch.manifest);
  if (auto done = into_batch->run(); !done) return done;
  auto into_member = database_.prepare("INSERT INTO member(key, batch, digest) VALUES(?, ?, ?)");
  if (!into_member) return into_member.error();
  for (const BatchDocument& each : batch.documents) {
    into_member->bind(1, each.idempotency_key).bind(2, batch.number).bind_blob(3, as_bytes(each.digest));
    if (auto done = into_member->run(); !done) return done;
  }
  return ok();
}

Result<void> BatchLedger::spool(const Batch& batch) {
  auto transaction = sqlite::Transaction::begin(database_);
  if (!transaction) return transaction.error();
  if (auto inserted = insert(batch); !inserted) return inserted;
  if (auto committed = transaction->commit(); !committed) return committed;
  last_number_ = batch.number;
  return ok();
}

Result<LedgerBatch> BatchLedger::load(std::int64_t number) {
  auto query =
      database_.prepare("SELECT name, data_file, manifest_file, data, manifest FROM batch WHERE number = ?");
  if (!query) return query.error();
  query->bind(1, number);
  const auto row = query->step();
  if (!row) return row.error();
  if (!*row) return Error{ErrorKind::kNotFound, "no-batch", "the ledger has no batch of that number"};
  return LedgerBatch{number, query->text(0), query->text(1), query->text(2), query->blob(3), query->blob(4)};
}

Result<void> BatchLedger::published(std::int64_t number) {
  auto transaction = sqlite::Transaction::begin(database_);
  if (!transaction) return transaction.error();
  auto mark = database_.prepare(
      "UPDATE batch SET published = 1, data = NULL, manifest = NULL WHERE number = ? RETURNING documents");
  if (!mark) return mark.error();
  mark->bind(1, number);
  const auto row = mark->step();
  if (!row) return row.error();
  const std::int64_t documents = *row ? mark->integer(0) : 0;
  mark->reset();
  const std::int64_t before = members_;
  members_ += documents;
  auto done = prune();
  if (done) done = transaction->commit();
  if (!done) {
    members_ = before;
    return done;
  }
  if (database_.wal_pages() < kLogPagesMax) return ok();
  return database_.execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

/// The oldest published batches go, whole ones, while what is left is enough. The newest batch always stays:
/// numbers go on from it.
Result<void> BatchLedger::prune() {
  while (members_ > members_kept_max_) {
    const auto oldest = database_.query_integer(
        "SELECT min(number) FROM batch WHERE published = 1 AND number < (SELECT max(number) FROM batch)");
    if (!oldest) return oldest.error();
    if (!*oldest) return ok();
    const std::string where = std::to_string(**oldest);
    const auto documents = database_.query_integer("SELECT documents FROM batch WHERE number = " + where);
    if (!documents) return documents.error();
    const std::string removal =
        "DELETE FROM member WHERE batch = " + where + "; DELETE FROM batch WHERE number = " + where + ";";
    if (auto removed = database_.execute(removal.c_str()); !removed) return removed;
    members_ -= documents->value_or(0);
  }
  return ok();
}

Result<std::int64_t> BatchLedger::pending() {
  const auto count = database_.query_integer("SELECT count(*) FROM batch WHERE published = 0");
  if (!count) return count.error();
  return count->value_or(0);
}

}  // namespace tillsync::file
