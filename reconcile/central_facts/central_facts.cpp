#include "reconcile/central_facts/central_facts.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "reconcile/central_facts/contact.h"
#include "reconcile/central_facts/facts_impl.h"
#include "reconcile/central_view/cache_file.h"

namespace tillsync {
namespace {

constexpr CacheFile kFile = {CentralFacts::kFileName, 1, R"(
CREATE TABLE fact (
  kind INTEGER NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, value TEXT NOT NULL, etag TEXT NOT NULL,
  source TEXT NOT NULL, fetched_at INTEGER NOT NULL, known_from INTEGER NOT NULL, known_by INTEGER NOT NULL,
  confirmed_at INTEGER NOT NULL, confirmed_from INTEGER NOT NULL, confirmed_by INTEGER NOT NULL,
  PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE INDEX fact_by_known ON fact (kind, known_by);
CREATE TABLE earlier (
  kind INTEGER NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, value TEXT NOT NULL, etag TEXT NOT NULL,
  source TEXT NOT NULL, fetched_at INTEGER NOT NULL, known_from INTEGER NOT NULL, known_by INTEGER NOT NULL,
  confirmed_at INTEGER NOT NULL, confirmed_from INTEGER NOT NULL, confirmed_by INTEGER NOT NULL,
  PRIMARY KEY (kind, key, version)) WITHOUT ROWID;
CREATE TABLE contact (contact TEXT NOT NULL, customer TEXT NOT NULL, PRIMARY KEY (contact, customer)) WITHOUT ROWID;
CREATE TABLE fact_count (
  kind INTEGER PRIMARY KEY, source TEXT NOT NULL, rows INTEGER NOT NULL, absent INTEGER NOT NULL,
  value_bytes INTEGER NOT NULL, newest_fetched_at INTEGER);
CREATE TABLE feed (
  source TEXT PRIMARY KEY, kinds TEXT NOT NULL, cursor TEXT NOT NULL, caught_up_at INTEGER,
  caught_up_from INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pending (
  number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, key TEXT NOT NULL, UNIQUE (kind, key));
CREATE TABLE wanted (
  number INTEGER PRIMARY KEY, what INTEGER NOT NULL, key TEXT NOT NULL, UNIQUE (what, key));
CREATE INDEX wanted_in_turn ON wanted (what, number);
CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE list_cursor (kind INTEGER PRIMARY KEY, cursor TEXT NOT NULL);
CREATE TABLE journal_place (sequence INTEGER NOT NULL, hash TEXT NOT NULL);
PRAGMA user_version = 1;
)"};

constexpr std::size_t kSameContactMax = 100;
/// The write-ahead log is moved into the file beyond this: 4 MiB in pages of 4 KiB.
constexpr std::int64_t kLogPagesMax = 1024;

#define FACT "SELECT " TILLSYNC_FACT_COLUMNS
constexpr const char* kCurrent = FACT " FROM fact WHERE kind = ?1 AND key = ?2";
constexpr const char* kVersions =
    FACT " FROM (SELECT version, " TILLSYNC_FACT_COLUMNS
         " FROM fact WHERE kind = ?1 AND key = ?2 UNION ALL SELECT version, " TILLSYNC_FACT_COLUMNS
         " FROM earlier WHERE kind = ?1 AND key = ?2) ORDER BY version DESC";
constexpr const char* kChangedAfter =
    FACT " FROM fact WHERE kind = ?1 AND (known_by, key) > (?2, ?3) ORDER BY known_by, key LIMIT ?4";
constexpr const char* kChangedFrom =
    FACT " FROM fact WHERE kind = ?1 AND known_by >= ?2 ORDER BY known_by, key LIMIT ?3";
constexpr const char* kSameContact = FACT
    " FROM fact WHERE kind = 1 AND key IN (SELECT customer FROM contact WHERE contact = ?1 OR contact = ?2)"
    " AND key <> ?3 ORDER BY key LIMIT ?4";
#undef FACT
constexpr const char* kOldest = "SELECT fetched_at FROM fact WHERE kind = ?1 ORDER BY known_by, key LIMIT 1";
constexpr const char* kCount =
    "SELECT source, rows, absent, value_bytes, newest_fetched_at FROM fact_count WHERE kind = ?1";
constexpr const char* kFeed = "SELECT cursor, caught_up_at, caught_up_from FROM feed WHERE source = ?1";
constexpr const char* kPlace = "SELECT sequence, hash FROM journal_place";

Result<std::vector<CentralFact>> all_of(sqlite::Statement& query) {
  std::vector<CentralFact> out;
  while (true) {
    auto row = query.step();
    if (!row) return row.error();
    if (!*row) return out;
    out.push_back(fact_of(query));
  }
}

}  // namespace

std::string_view fact_kind_name(FactKind kind) {
  switch (kind) {
    case FactKind::kCustomer:
      return "customer";
    case FactKind::kStock:
      return "stock";
    case FactKind::kPrice:
      return "price";
    case FactKind::kRefundPolicy:
      break;
  }
  return "refund_policy";
}

std::int64_t number_of(UtcTime time) {
  return time.time_since_epoch().count();
}

UtcTime time_of(std::int64_t number) {
  return UtcTime(std::chrono::microseconds(number));
}

CentralFact fact_of(const sqlite::Statement& statement) {
  CentralFact fact;
  fact.kind = static_cast<FactKind>(statement.integer(0));
  fact.key = statement.text(1);
  fact.value = statement.text(2);
  fact.etag = statement.text(3);
  fact.source = statement.text(4);
  fact.fetched_at = time_of(statement.integer(5));
  fact.known_from = Sequence{statement.integer(6)};
  fact.known_by = Sequence{statement.integer(7)};
  fact.confirmed_at = time_of(statement.integer(8));
  fact.confirmed_from = Sequence{statement.integer(9)};
  fact.confirmed_by = Sequence{statement.integer(10)};
  return fact;
}

Result<UsedStatement> CentralFacts::Impl::use(const char* sql) {
  const auto held = statements.find(sql);
  if (held != statements.end()) return UsedStatement(held->second);
  auto made = database->prepare(sql);
  if (!made) return made.error();
  return UsedStatement(statements.emplace(sql, std::move(*made)).first->second);
}

Result<sqlite::Database*> CentralFacts::Impl::writer() {
  if (writable) return &*database;
  return Error{ErrorKind::kInternal, "read-only", "central's facts were opened for reading only"};
}

// Passive: a reader at work is not waited for, the next call moves what this one could not; a failure costs
// space, not data.
void CentralFacts::Impl::checkpoint() {
  if (database->wal_pages() < kLogPagesMax) return;
  static_cast<void>(database->execute("PRAGMA wal_checkpoint(PASSIVE)").has_value());
}

CentralFacts::CentralFacts(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CentralFacts::~CentralFacts() = default;

Result<std::unique_ptr<CentralFacts>> CentralFacts::open(const std::string& folder, Mode mode,
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
  return std::unique_ptr<CentralFacts>(new CentralFacts(std::move(impl)));
}

Result<std::optional<CentralFact>> CentralFacts::current(FactKind kind, const std::string& key) {
  if (!impl_->database) return std::optional<CentralFact>();
  auto query = impl_->use(kCurrent);
  if (!query) return query.error();
  (*query)->bind(1, static_cast<std::int64_t>(kind)).bind(2, std::string_view(key));
  auto row = (*query)->step();
  if (!row) return row.error();
  if (!*row) return std::optional<CentralFact>();
  return std::optional(fact_of(**query));
}

Result<std::vector<CentralFact>> CentralFacts::versions(FactKind kind, const std::string& key) {
  if (!impl_->database) return std::vector<CentralFact>();
  auto query = impl_->use(kVersions);
  if (!query) return query.error();
  (*query)->bind(1, static_cast<std::int64_t>(kind)).bind(2, std::string_view(key));
  return all_of(**query);
}

Result<std::optional<CentralFact>> CentralFacts::as_of(FactKind kind, const std::string& key,
                                                       Sequence sequence) {
  auto found = versions(kind, key);
  if (!found) return found.error();
  for (CentralFact& fact : *found) {
    if (fact.known_by > sequence) continue;
    if (fact.confirmed_by > sequence) {
      fact.confirmed_at = fact.fetched_at;
      fact.confirmed_from = fact.known_from;
      fact.confirmed_by = fact.known_by;
    }
    return std::optional(std::move(fact));
  }
  return std::optional<CentralFact>();
}

FactCursor CentralFacts::behind(Sequence sequence) {
  return {Sequence{sequence.value + 1}, FactKind{0}, {}};
}

Result<std::vector<CentralFact>> CentralFacts::changed_after(const FactCursor& after, std::size_t limit) {
  std::vector<CentralFact> out;
  if (!impl_->database) return out;
  for (const FactKind kind : kFactKinds) {
    // Of the cursor's own sequence: kinds before its kind are done, those behind it are not begun.
    const bool same = kind == after.kind;
    auto query = impl_->use(same ? kChangedAfter : kChangedFrom);
    if (!query) return query.error();
    sqlite::Statement& rows = **query;
    const std::int64_t from = after.known_by.value + (kind < after.kind ? 1 : 0);
    rows.bind(1, static_cast<std::int64_t>(kind)).bind(2, from);
    if (same) rows.bind(3, std::string_view(after.key));
    rows.bind(same ? 4 : 3, static_cast<std::int64_t>(limit));
    auto found = all_of(rows);
    if (!found) return found.error();
    std::move(found->begin(), found->end(), std::back_inserter(out));
  }
  std::sort(out.begin(), out.end(), [](const CentralFact& a, const CentralFact& b) {
    return std::tie(a.known_by, a.kind, a.key) < std::tie(b.known_by, b.kind, b.key);
  });
  if (out.size() > limit) out.resize(limit);
  return out;
}

Result<std::vector<CentralFact>> CentralFacts::customers_with(std::string_view email, std::string_view phone,
                                                              const std::string& but) {
  if (!impl_->database) return std::vector<CentralFact>();
  auto query = impl_->use(kSameContact);
  if (!query) return query.error();
  const std::string of_email = email_contact(email), of_phone = phone_contact(phone);
  if (of_email.empty() && of_phone.empty()) return std::vector<CentralFact>();
  (*query)->bind(1, std::string_view(of_email)).bind(2, std::string_view(of_phone));
  (*query)->bind(3, std::string_view(but)).bind(4, static_cast<std::int64_t>(kSameContactMax));
  return all_of(**query);
}

Result<std::vector<FactCount>> CentralFacts::counts() {
  std::vector<FactCount> out;
  for (const FactKind kind : kFactKinds) {
    FactCount count;
    count.kind = kind;
    out.push_back(std::move(count));
    if (!impl_->database) continue;
    auto query = impl_->use(kCount);
    if (!query) return query.error();
    (*query)->bind(1, static_cast<std::int64_t>(kind));
    auto row = (*query)->step();
    if (!row) return row.error();
    if (!*row) continue;
    FactCount& held = out.back();
    held.source = (*query)->text(0);
    held.rows = (*query)->integer(1);
    held.absent = (*query)->integer(2);
    held.value_bytes = (*query)->integer(3);
    if (!(*query)->is_null(4)) held.newest_fetched_at = time_of((*query)->integer(4));
    auto oldest = impl_->use(kOldest);
    if (!oldest) return oldest.error();
    (*oldest)->bind(1, static_cast<std::int64_t>(kind));
    auto first = (*oldest)->step();
    if (!first) return first.error();
    if (*first) held.oldest_fetched_at = time_of((*oldest)->integer(0));
  }
  return out;
}

Result<FeedMark> CentralFacts::feed(const std::string& source) {
  FeedMark mark;
  if (!impl_->database) return mark;
  auto query = impl_->use(kFeed);
  if (!query) return query.error();
  (*query)->bind(1, std::string_view(source));
  auto row = (*query)->step();
  if (!row) return row.error();
  if (!*row) return mark;
  mark.cursor = (*query)->text(0);
  if (!(*query)->is_null(1)) mark.caught_up_at = time_of((*query)->integer(1));
  mark.caught_up_from = Sequence{(*query)->integer(2)};
  return mark;
}

Result<std::optional<JournalPlace>> CentralFacts::journal_place() {
  if (!impl_->database) return std::optional<JournalPlace>();
  auto query = impl_->use(kPlace);
  if (!query) return query.error();
  auto row = (*query)->step();
  if (!row) return row.error();
  if (!*row) return std::optional<JournalPlace>();
  return std::optional(JournalPlace{Sequence{(*query)->integer(0)}, (*query)->text(1)});
}

}  // namespace tillsync
