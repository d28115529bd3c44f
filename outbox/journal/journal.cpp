#include "outbox/journal/journal.h"

#include <filesystem>

#include "outbox/document/canonical.h"
#include "outbox/document/codec.h"
#include "outbox/journal/counters.h"
#include "outbox/journal/journal_impl.h"
#include "platform/base/check.h"
#include "platform/base/mutation.h"
#include "platform/sqlite/settle_log.h"

namespace tillsync {
namespace {

/// A clock that went back while nothing ran must not stop deliveries for years.
constexpr std::chrono::hours kDayOwedMax{48};

// Checkpoints are the journal thread's, between commits: the connection's log hook has turned SQLite's own
// off (setting wal_autocheckpoint would take the hook away). A few megabytes of page cache is enough: the
// writer touches the tables' ends, and the id index where ids are in order.
// EXTRA is FULL for a WAL database. A new one comes to be by way of a rollback journal, whose removal only
// EXTRA makes durable: after a power loss it would come back, and take everything since with it.
constexpr const char* kPragmas =
    "PRAGMA synchronous = EXTRA;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -4096;";

Sha256Digest digest_from(std::string_view bytes) {
  Sha256Digest digest{};
  for (std::size_t i = 0; i < digest.size() && i < bytes.size(); ++i)
    digest[i] = static_cast<std::uint8_t>(bytes[i]);
  return digest;
}

}  // namespace

DocumentPost make_post(const Document& document, DocumentMeta meta) {
  return DocumentPost{document.id, document.type, document.business_day, encode_document(document),
                      std::move(meta)};
}

// All of it or none: a connection without what the journal has to know (the routes, the head, the counts)
// would plan documents nowhere.
Result<void> Journal::Impl::connect() {
  auto connected = try_connect();
  if (!connected) {
    statements.reset();
    database.reset();
  }
  return connected;
}

Result<void> Journal::Impl::try_connect() {
  statements.reset();
  database.reset();
  // What is taken for committed must be durable, whoever wrote it and however it ended.
  if (!mutated("log-not-settled")) {
    if (auto settled = sqlite::settle_log(path(), vfs); !settled) return settled.error();
  }
  auto opened = sqlite::Database::open(path(), sqlite::OpenMode::kReadWriteCreate, vfs);
  if (!opened) return opened.error();
  if (auto set = opened->execute(kPragmas); !set) return set.error();
  if (mutated("normal-sync")) {
    if (auto set = opened->execute("PRAGMA synchronous = NORMAL"); !set) return set.error();
  }
  if (auto migrated = migrate_journal(*opened); !migrated) return migrated.error();
  database.emplace(std::move(*opened));
  auto prepared = WriterStatements::prepare(*database);
  if (!prepared) return prepared.error();
  statements.emplace(std::move(*prepared));
  return read_state();
}

Result<void> Journal::Impl::read_state() {
  auto select = database->prepare("SELECT sequence, hash FROM head");
  if (!select) return select.error();
  auto row = select->step();
  if (!row) return row.error();
  if (!*row)
    return Error{ErrorKind::kCorrupt, "head-missing",
                 "the journal's head is missing; run `tillsync journal verify`"};
  committed = JournalHead{Sequence{select->integer(0)}, digest_from(select->blob_view(1))};
  auto last = database->query_integer("SELECT max(sequence) FROM record");
  if (!last) return last.error();
  if (last->value_or(0) != committed.sequence.value) {
    return Error{ErrorKind::kCorrupt, "head-differs",
                 "the journal's last record is " + std::to_string(last->value_or(0)) + ", its head says " +
                     std::to_string(committed.sequence.value) + "; run `tillsync journal verify`"};
  }
  counts = JournalCounts{};
  auto counter = database->prepare("SELECT name, value FROM counter");
  if (!counter) return counter.error();
  while (true) {
    auto next = counter->step();
    if (!next) return next.error();
    if (!*next) break;
    counters::apply(counts, counter->text(0), counter->integer(1));
  }
  routes = RouteHistory{};
  auto changed = database->prepare(select_store_wide("sequence, body", "kind = 4"));
  if (!changed) return changed.error();
  while (true) {
    auto next = changed->step();
    if (!next) return next.error();
    if (!*next) break;
    auto decoded = decode_routes(changed->blob_view(1));
    if (!decoded) return decoded.error();
    routes.add(Sequence{changed->integer(0)}, std::move(*decoded));
  }
  forget_transaction();
  return ok();
}

void Journal::Impl::forget_transaction() {
  in_transaction = false;
  head = committed;
  routes.drop_after(committed.sequence);
  count_changes.clear();
  day_changes.clear();
  day_deliveries.clear();
  changes.clear();
}

Result<void> Journal::Impl::ensure_connected() {
  if (statements) return ok();
  return connect();
}

Result<std::unique_ptr<Journal>> Journal::open(JournalOptions options, const Clock& clock) {
  if (options.vfs.empty()) {  // another VFS knows no folders of this system's
    std::error_code failed;
    std::filesystem::create_directories(options.folder, failed);
    if (failed) {
      return Error{ErrorKind::kStorage, "storage-io",
                   "cannot make the journal's folder " + options.folder + ": " + failed.message()};
    }
  }
  if (options.vfs.empty()) {
    if (auto known = check_journal_file(options.folder); !known) return known.error();
  }
  auto impl = std::make_unique<Impl>(std::move(options), clock);
  if (auto connected = impl->connect(); !connected) return connected.error();
  return std::unique_ptr<Journal>(new Journal(std::move(impl)));
}

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::~Journal() = default;

Result<void> Journal::try_begin() {
  TILLSYNC_CHECK(!impl_->in_transaction, "journal transactions do not nest");
  if (auto connected = impl_->ensure_connected(); !connected) return connected.error();
  if (auto begun = impl_->statements->begin.run(); !begun) return begun.error();
  impl_->in_transaction = true;
  return ok();
}

Result<void> Journal::Impl::flush() {
  for (const auto& [name, delta] : count_changes) {
    if (delta == 0) continue;
    if (auto done = statements->add_counter.bind(1, name).bind(2, delta).run(); !done) return done.error();
  }
  for (const auto& [day, change] : day_changes) {
    auto& add = statements->add_day;
    if (auto done = add.bind(1, day).bind(2, change.first.value).bind(3, change.documents).run(); !done) {
      return done.error();
    }
  }
  for (const auto& [key, sequence] : day_deliveries) {
    auto& set = statements->set_day_target;
    if (auto done = set.bind(1, key.first).bind(2, key.second).bind(3, sequence.value).run(); !done)
      return done.error();
  }
  if (head.sequence != committed.sequence) {
    auto& set = statements->set_head;
    if (auto done = set.bind(1, head.sequence.value).bind_blob(2, as_bytes(head.hash)).run(); !done)
      return done.error();
  }
  return ok();
}

Result<void> Journal::try_commit() {
  auto& impl = *impl_;
  TILLSYNC_CHECK(impl.in_transaction, "commit follows begin");
  auto done = impl.flush();
  if (done) done = impl.statements->commit.run();
  if (!done && mutated("failed-fsync-is-fine") && done.error().code == "storage-io") done = ok();
  if (!done) {
    const auto error = done.error();
    rollback();
    // After a failed write or fsync the handle's view of the file is trusted no more (I1): what is on disk
    // decides.
    if (error.code == "storage-io" || error.code == "storage-corrupt") {
      impl.statements.reset();
      impl.database.reset();
      (void)impl.connect().has_value();  // a failure shows at the next begin()
    }
    return error;
  }
  if (!mutated("stale-chain-head")) impl.committed.hash = impl.head.hash;
  impl.committed.sequence = impl.head.sequence;
  for (const auto& [name, delta] : impl.count_changes) counters::apply(impl.counts, name, delta);
  impl.committed_changes.insert(impl.committed_changes.end(), impl.changes.begin(), impl.changes.end());
  impl.forget_transaction();
  return ok();
}

void Journal::rollback() {
  auto& impl = *impl_;
  if (impl.statements)
    (void)impl.statements->rollback.run().has_value();  // fails where SQLite has rolled back already
  impl.forget_transaction();
}

Result<void> Journal::try_checkpoint(bool truncate) {
  auto& impl = *impl_;
  TILLSYNC_CHECK(!impl.in_transaction, "a checkpoint stands outside transactions");
  if (auto connected = impl.ensure_connected(); !connected) return connected.error();
  auto& checkpoint = truncate ? impl.statements->checkpoint_truncate : impl.statements->checkpoint_passive;
  return checkpoint.run();
}

std::int64_t Journal::wal_bytes() const {
  constexpr std::int64_t kPageBytes = 4096;  // SQLite's default, which the schema keeps
  return impl_->database ? impl_->database->wal_pages() * kPageBytes : 0;
}

JournalHead Journal::head() const {
  return impl_->in_transaction ? impl_->head : impl_->committed;
}
const Routes& Journal::routes() const {
  return impl_->routes.current();
}
const JournalCounts& Journal::counts() const {
  return impl_->counts;
}

Result<LaneMemory> Journal::lane(const std::string& target) {
  if (auto connected = impl_->ensure_connected(); !connected) return connected.error();
  auto& select = impl_->statements->select_lane;
  select.bind(1, target);
  auto row = select.step();
  if (!row) return row.error();
  LaneMemory memory;
  if (*row) {
    memory.frontier = Sequence{select.integer(0)};
    memory.reserved = Sequence{select.integer(1)};
    memory.paused = select.integer(2) != 0;
  }
  select.reset();
  if (auto read = impl_->read_reservations(target, memory); !read) return read.error();
  return memory;
}

Result<void> Journal::Impl::read_reservations(const std::string& target, LaneMemory& memory) {
  auto& ranges = statements->select_ahead;
  ranges.bind(1, target);
  while (true) {
    auto row = ranges.step();
    if (!row) return row.error();
    if (!*row) break;
    memory.reserved_ahead.push_back({Sequence{ranges.integer(0)}, Sequence{ranges.integer(1)}});
  }
  ranges.reset();
  auto& day = statements->select_day;
  auto row = day.bind(1, target).step();
  if (!row) return row.error();
  if (*row) {
    const UtcTime full_at{std::chrono::microseconds(day.integer(0))};
    memory.day_owed = std::clamp<std::chrono::microseconds>(full_at - clock.utc_now(), {}, kDayOwedMax);
  }
  day.reset();
  return ok();
}

std::vector<StatusChange> Journal::take_changes() {
  return std::exchange(impl_->committed_changes, {});
}

Result<PruneResult> Journal::try_prune(std::int64_t keep_days, std::size_t records_max) {
  auto& impl = *impl_;
  TILLSYNC_CHECK(impl.in_transaction, "retention stands in a transaction");
  // By whole days: one removal a day to tell of, not one an hour.
  const UtcTime old_before =
      std::chrono::floor<std::chrono::days>(impl.clock.utc_now()) - std::chrono::days(keep_days);
  auto ranges = prune_records(*impl.database, impl.routes, keep_days, old_before, records_max);
  if (!ranges) return ranges.error();
  if (ranges->ranges.empty()) return PruneResult{};
  auto sequence = impl.append_record(RecordKind::kPruned, std::nullopt, encode_pruned(ranges->ranges),
                                     nullptr, impl.clock.utc_now());
  if (!sequence) return sequence.error();
  return PruneResult{ranges->records, ranges->more};
}

}  // namespace tillsync
