#include "reconcile/central_view/central_view.h"

#include <algorithm>
#include <utility>

#include "platform/sqlite/database.h"
#include "reconcile/central_view/cache_file.h"

namespace tillsync {
namespace {

constexpr CacheFile kFile = {CentralView::kFileName, 3, R"(
CREATE TABLE central_row (
  target TEXT NOT NULL, business_day INTEGER NOT NULL, reference TEXT NOT NULL, step TEXT NOT NULL,
  occurrence INTEGER NOT NULL, central_reference TEXT NOT NULL, total TEXT, currency TEXT, recorded_at TEXT NOT NULL,
  type TEXT NOT NULL, digest BLOB, same_as INTEGER, differences TEXT NOT NULL,
  PRIMARY KEY (target, business_day, reference, step, occurrence)) WITHOUT ROWID;
CREATE TABLE read_back (
  target TEXT NOT NULL, business_day INTEGER NOT NULL, journal_sequence INTEGER NOT NULL,
  read_back_at INTEGER NOT NULL, rows INTEGER NOT NULL, listed TEXT,
  PRIMARY KEY (target, business_day)) WITHOUT ROWID;
CREATE TABLE watermark (target TEXT PRIMARY KEY, journal_sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE journal_place (sequence INTEGER NOT NULL, hash TEXT NOT NULL);
PRAGMA user_version = 3;
)"};

constexpr const char* kColumns =
    "reference, step, occurrence, central_reference, total, currency, recorded_at, type, digest, same_as, "
    "differences";

std::int64_t number_of(BusinessDay day) {
  return day.day.time_since_epoch().count();
}

BusinessDay day_of(std::int64_t number) {
  return BusinessDay{std::chrono::sys_days(std::chrono::days(number))};
}

void bind_optional(sqlite::Statement& statement, int index, const std::optional<std::string>& text) {
  if (text) {
    statement.bind(index, std::string_view(*text));
  } else {
    statement.bind_null(index);
  }
}

std::optional<std::string> optional_text(const sqlite::Statement& statement, int column) {
  if (statement.is_null(column)) return std::nullopt;
  return statement.text(column);
}

/// From the third parameter on, in the order of kColumns.
void bind_row(sqlite::Statement& statement, const SeenRow& row, std::int64_t occurrence) {
  statement.bind(3, std::string_view(row.reference)).bind(4, std::string_view(row.step)).bind(5, occurrence);
  statement.bind(6, std::string_view(row.central_reference));
  bind_optional(statement, 7, row.total);
  bind_optional(statement, 8, row.currency);
  statement.bind(9, std::string_view(row.recorded_at)).bind(10, std::string_view(row.type));
  if (row.digest) {
    statement.bind_blob(11, as_bytes(*row.digest));
  } else {
    statement.bind_null(11);
  }
  if (row.same_as) {
    statement.bind(12, row.same_as->value);
  } else {
    statement.bind_null(12);
  }
  statement.bind(13, std::string_view(row.differences));
}

SeenRow row_of(const sqlite::Statement& statement) {
  SeenRow row;
  row.reference = statement.text(0);
  row.step = statement.text(1);
  row.occurrence = static_cast<int>(statement.integer(2));
  row.central_reference = statement.text(3);
  row.total = optional_text(statement, 4);
  row.currency = optional_text(statement, 5);
  row.recorded_at = statement.text(6);
  row.type = statement.text(7);
  if (const std::string_view bytes = statement.blob_view(8); bytes.size() == Sha256Digest{}.size()) {
    row.digest.emplace();
    std::copy(bytes.begin(), bytes.end(), row.digest->begin());
  }
  if (!statement.is_null(9)) row.same_as = Sequence{statement.integer(9)};
  row.differences = statement.text(10);
  return row;
}

/// Names with a comma between; nothing for all types.
std::optional<std::string> names_of(const ListedTypes& listed) {
  if (!listed) return std::nullopt;
  std::string names;
  for (const DocumentType type : *listed) names += (names.empty() ? "" : ",") + std::string(type_name(type));
  return names;
}

ListedTypes listed_of(const std::optional<std::string>& names) {
  if (!names) return std::nullopt;
  std::set<DocumentType> listed;
  for (const DocumentType type : kDocumentTypes) {
    if (("," + *names + ",").find("," + std::string(type_name(type)) + ",") != std::string::npos)
      listed.insert(type);
  }
  return listed;
}

ReadBackMark mark_of(const sqlite::Statement& statement) {
  return {day_of(statement.integer(0)), Sequence{statement.integer(1)},
          UtcTime(std::chrono::microseconds(statement.integer(2))), statement.integer(3),
          listed_of(optional_text(statement, 4))};
}

}  // namespace

struct CentralView::Impl {
  std::optional<sqlite::Database> database;  ///< nothing: an empty view, read-only
  bool writable = false;
  std::optional<sqlite::Transaction> refilling;

  Result<sqlite::Database*> writer() {
    if (writable) return &*database;
    return Error{ErrorKind::kInternal, "read-only", "central's view was opened for reading only"};
  }
  /// Our connections never checkpoint by themselves. Passive: a reader at work is not waited for, the next
  /// call moves what this one could not; a failure costs space, not data.
  void checkpoint() { static_cast<void>(database->execute("PRAGMA wal_checkpoint(PASSIVE)").has_value()); }
};

CentralView::CentralView(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CentralView::~CentralView() = default;

bool CentralView::is_writable() const {
  return impl_->writable;
}

Result<std::unique_ptr<CentralView>> CentralView::open(const std::string& folder, Mode mode,
                                                       const std::string& vfs) {
  auto impl = std::make_unique<Impl>();
  impl->writable = mode == Mode::kReadWrite;
  if (impl->writable) {
    auto database = open_cache_for_writing(folder, kFile, vfs);
    if (!database) return database.error();
    impl->database.emplace(std::move(*database));
  } else {
    auto database = open_cache_for_reading(folder, kFile, vfs);
    if (!database) return database.error();
    impl->database = std::move(*database);
  }
  return std::unique_ptr<CentralView>(new CentralView(std::move(impl)));
}

Result<std::optional<ReadBackMark>> CentralView::mark(const std::string& target, BusinessDay day) {
  auto found = marks(target, day, day);
  if (!found) return found.error();
  if (found->empty()) return std::optional<ReadBackMark>();
  return std::optional<ReadBackMark>(found->front());
}

Result<std::vector<ReadBackMark>> CentralView::marks(const std::string& target, BusinessDay from,
                                                     BusinessDay to) {
  std::vector<ReadBackMark> out;
  if (!impl_->database) return out;
  auto query = impl_->database->prepare(
      "SELECT business_day, journal_sequence, read_back_at, rows, listed FROM read_back "
      "WHERE target = ?1 AND business_day BETWEEN ?2 AND ?3 ORDER BY business_day");
  if (!query) return query.error();
  query->bind(1, std::string_view(target)).bind(2, number_of(from)).bind(3, number_of(to));
  while (true) {
    auto row = query->step();
    if (!row) return row.error();
    if (!*row) return out;
    out.push_back(mark_of(*query));
  }
}

Result<void> CentralView::for_each_row(const std::string& target, BusinessDay day,
                                       const std::function<void(const SeenRow&)>& visit) {
  if (!impl_->database) return ok();
  auto query = impl_->database->prepare(std::string("SELECT ") + kColumns +
                                        " FROM central_row WHERE target = ?1 AND business_day = ?2 "
                                        "ORDER BY reference, step, occurrence");
  if (!query) return query.error();
  query->bind(1, std::string_view(target)).bind(2, number_of(day));
  while (true) {
    auto row = query->step();
    if (!row) return row.error();
    if (!*row) return ok();
    visit(row_of(*query));
  }
}

Result<std::optional<SeenRow>> CentralView::find(const std::string& target, BusinessDay day,
                                                 const std::string& reference, const std::string& step,
                                                 int occurrence) {
  if (!impl_->database) return std::optional<SeenRow>();
  auto query = impl_->database->prepare(std::string("SELECT ") + kColumns +
                                        " FROM central_row WHERE target = ?1 AND business_day = ?2 "
                                        "AND reference = ?3 AND step = ?4 AND occurrence = ?5");
  if (!query) return query.error();
  query->bind(1, std::string_view(target)).bind(2, number_of(day)).bind(3, std::string_view(reference));
  query->bind(4, std::string_view(step)).bind(5, static_cast<std::int64_t>(occurrence));
  auto row = query->step();
  if (!row) return row.error();
  if (!*row) return std::optional<SeenRow>();
  return std::optional<SeenRow>(row_of(*query));
}

Result<CentralView::Refill> CentralView::refill(const std::string& target, BusinessDay day) {
  auto database = impl_->writer();
  if (!database) return database.error();
  auto transaction = sqlite::Transaction::begin(**database);
  if (!transaction) return transaction.error();
  auto drop = (*database)->prepare("DELETE FROM central_row WHERE target = ?1 AND business_day = ?2");
  if (!drop) return drop.error();
  drop->bind(1, std::string_view(target)).bind(2, number_of(day));
  if (auto run = drop->run(); !run) return run.error();
  impl_->refilling.emplace(std::move(*transaction));
  return Refill(*this, target, day);
}

CentralView::Refill::~Refill() {
  if (view_ != nullptr) view_->impl_->refilling.reset();
}

Result<void> CentralView::Refill::add(const std::vector<SeenRow>& rows) {
  sqlite::Database& database = *view_->impl_->database;
  auto insert = database.prepare(std::string("INSERT INTO central_row (target, business_day, ") + kColumns +
                                 ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
                                 "ON CONFLICT DO NOTHING");
  if (!insert) return insert.error();
  auto listed = database.prepare(
      "SELECT max(occurrence) FROM central_row "
      "WHERE target = ?1 AND business_day = ?2 AND reference = ?3 AND step = ?4");
  if (!listed) return listed.error();
  const auto insert_as = [&](const SeenRow& row, std::int64_t occurrence) {
    insert->bind(1, std::string_view(target_)).bind(2, number_of(day_));
    bind_row(*insert, row, occurrence);
    return insert->run();
  };
  for (const SeenRow& row : rows) {
    if (auto run = insert_as(row, 1); !run) return run.error();
    ++rows_;
    if (database.changes() == 1) continue;
    listed->bind(1, std::string_view(target_)).bind(2, number_of(day_));
    listed->bind(3, std::string_view(row.reference)).bind(4, std::string_view(row.step));
    auto before = listed->step();
    if (!before) return before.error();
    const std::int64_t last = listed->integer(0);
    listed->reset();
    if (auto run = insert_as(row, last + 1); !run) return run.error();
  }
  return ok();
}

Result<ReadBackMark> CentralView::Refill::commit(ReadBackMark mark) {
  mark.day = day_;
  mark.rows = rows_;
  CentralView& view = *view_;
  sqlite::Database& database = *view.impl_->database;
  auto note = database.prepare("INSERT OR REPLACE INTO read_back VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  if (!note) return note.error();
  note->bind(1, std::string_view(target_)).bind(2, number_of(mark.day)).bind(3, mark.journal_sequence.value);
  note->bind(4, static_cast<std::int64_t>(mark.read_back_at.time_since_epoch().count())).bind(5, mark.rows);
  bind_optional(*note, 6, names_of(mark.listed));
  if (auto run = note->run(); !run) return run.error();
  if (auto committed = view.impl_->refilling->commit(); !committed) return committed.error();
  view.impl_->checkpoint();
  return mark;
}

Result<Sequence> CentralView::watermark(const std::string& target) {
  if (!impl_->database) return Sequence{};
  auto query = impl_->database->prepare("SELECT journal_sequence FROM watermark WHERE target = ?1");
  if (!query) return query.error();
  query->bind(1, std::string_view(target));
  auto row = query->step();
  if (!row) return row.error();
  return *row ? Sequence{query->integer(0)} : Sequence{};
}

Result<void> CentralView::set_watermark(const std::string& target, Sequence sequence) {
  auto database = impl_->writer();
  if (!database) return database.error();
  auto note = (*database)->prepare("INSERT OR REPLACE INTO watermark VALUES (?1, ?2)");
  if (!note) return note.error();
  note->bind(1, std::string_view(target)).bind(2, sequence.value);
  if (auto run = note->run(); !run) return run.error();
  impl_->checkpoint();
  return ok();
}

Result<std::optional<JournalPlace>> CentralView::journal_place() {
  if (!impl_->database) return std::optional<JournalPlace>();
  auto query = impl_->database->prepare("SELECT sequence, hash FROM journal_place");
  if (!query) return query.error();
  auto row = query->step();
  if (!row) return row.error();
  if (!*row) return std::optional<JournalPlace>();
  return std::optional(JournalPlace{Sequence{query->integer(0)}, query->text(1)});
}

Result<void> CentralView::set_journal_place(const JournalPlace& place) {
  auto database = impl_->writer();
  if (!database) return database.error();
  auto transaction = sqlite::Transaction::begin(**database);
  if (!transaction) return transaction.error();
  if (auto cleared = (*database)->execute("DELETE FROM journal_place"); !cleared) return cleared.error();
  auto note = (*database)->prepare("INSERT INTO journal_place VALUES (?1, ?2)");
  if (!note) return note.error();
  note->bind(1, place.sequence.value).bind(2, std::string_view(place.hash_hex));
  if (auto run = note->run(); !run) return run.error();
  if (auto committed = transaction->commit(); !committed) return committed.error();
  impl_->checkpoint();
  return ok();
}

Result<void> CentralView::forget_all() {
  auto database = impl_->writer();
  if (!database) return database.error();
  auto transaction = sqlite::Transaction::begin(**database);
  if (!transaction) return transaction.error();
  auto cleared = (*database)->execute(
      "DELETE FROM central_row; DELETE FROM read_back; DELETE FROM watermark; DELETE FROM journal_place");
  if (!cleared) return cleared.error();
  if (auto committed = transaction->commit(); !committed) return committed.error();
  impl_->checkpoint();
  return ok();
}

Result<void> CentralView::forget_listed_otherwise(const std::string& target, const ListedTypes& listed) {
  auto database = impl_->writer();
  if (!database) return database.error();
  auto transaction = sqlite::Transaction::begin(**database);
  if (!transaction) return transaction.error();
  const auto names = names_of(listed);
  const auto run = [&](const char* statement, bool by_types) -> Result<void> {
    auto prepared = (*database)->prepare(statement);
    if (!prepared) return prepared.error();
    prepared->bind(1, std::string_view(target));
    if (by_types) bind_optional(*prepared, 2, names);
    return prepared->run();
  };
  auto rows =
      run("DELETE FROM central_row WHERE target = ?1 AND business_day IN "
          "(SELECT business_day FROM read_back WHERE target = ?1 AND listed IS NOT ?2)",
          true);
  if (!rows) return rows.error();
  if (auto marks = run("DELETE FROM read_back WHERE target = ?1 AND listed IS NOT ?2", true); !marks)
    return marks.error();
  if ((*database)->changes() == 0) return ok();
  if (auto mark = run("DELETE FROM watermark WHERE target = ?1", false); !mark) return mark.error();
  if (auto committed = transaction->commit(); !committed) return committed.error();
  impl_->checkpoint();
  return ok();
}

Result<void> CentralView::forget_before(BusinessDay day) {
  auto database = impl_->writer();
  if (!database) return database.error();
  auto transaction = sqlite::Transaction::begin(**database);
  if (!transaction) return transaction.error();
  for (const char* table : {"central_row", "read_back"}) {
    auto drop = (*database)->prepare(std::string("DELETE FROM ") + table + " WHERE business_day < ?1");
    if (!drop) return drop.error();
    drop->bind(1, number_of(day));
    if (auto run = drop->run(); !run) return run.error();
  }
  if (auto committed = transaction->commit(); !committed) return committed.error();
  impl_->checkpoint();
  return ok();
}

Result<CentralView::Snapshot> CentralView::snapshot() {
  if (!impl_->database) return Snapshot(nullptr);
  if (auto begun = impl_->database->execute("BEGIN"); !begun) return begun.error();
  Snapshot snapshot(this);
  // A read transaction begins with its first read, not with BEGIN.
  if (auto read = impl_->database->query_integer("SELECT count(*) FROM watermark"); !read)
    return read.error();
  return snapshot;
}

CentralView::Snapshot::~Snapshot() {
  if (view_ == nullptr) return;
  auto ended = view_->impl_->database->execute("COMMIT");
  static_cast<void>(ended);  // it only read
}

}  // namespace tillsync
