#include "outbox/journal/journal.h"

#include <filesystem>
#include <map>
#include <set>

#include "outbox/document/canonical.h"
#include "outbox/document/codec.h"
#include "outbox/journal/chain.h"
#include "outbox/journal/counters.h"
#include "outbox/journal/derive.h"
#include "outbox/journal/schema.h"
#include "outbox/journal/writer_statements.h"
#include "platform/base/check.h"

namespace tillsync {
namespace {

// Checkpoints are the journal thread's, between commits: the connection's log hook has turned SQLite's own
// off (setting wal_autocheckpoint would take the hook away). A few megabytes of page cache is enough: the
// writer touches the tables' ends, and the id index where ids are in order.
constexpr const char* kPragmas =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -4096;";

std::int64_t days_of(BusinessDay day) {
  return day.day.time_since_epoch().count();
}

Error no_such_delivery(const DeliveryKey& key) {
  return Error{ErrorKind::kInvalid, "no-such-delivery",
               "there is no delivery " + std::to_string(key.document.value) + ":" + key.step};
}

Sha256Digest digest_from(std::string_view bytes) {
  Sha256Digest digest{};
  for (std::size_t i = 0; i < digest.size() && i < bytes.size(); ++i)
    digest[i] = static_cast<std::uint8_t>(bytes[i]);
  return digest;
}

}  // namespace

DocumentPost make_post(Document document, DocumentMeta meta) {
  DocumentPost post;
  post.encoded = encode_document(document);
  post.digest = content_digest(document);
  post.document = std::move(document);
  post.meta = std::move(meta);
  return post;
}

struct Journal::Impl {
  Impl(JournalOptions options, const Clock& clock_in)
      : folder(std::move(options.folder)), vfs(std::move(options.vfs)), clock(clock_in) {}

  // Set once.
  const std::string folder;
  const std::string vfs;
  const Clock& clock;

  // The connection; both gone while a reopen has failed.
  std::optional<sqlite::Database> database;
  std::optional<WriterStatements> statements;

  // What the last commit left.
  JournalHead committed;
  JournalCounts counts;
  RouteHistory routes;

  // The transaction under way.
  bool in_transaction = false;
  JournalHead head;
  std::map<std::string, std::int64_t> count_changes;
  struct DayChange {
    Sequence first;
    std::int64_t documents = 0;
  };
  std::map<std::int64_t, DayChange> day_changes;
  std::map<std::pair<std::int64_t, std::string>, Sequence> day_deliveries;
  std::vector<StatusChange> changes;
  std::vector<StatusChange> committed_changes;

  std::string path() const { return folder + "/" + kJournalFile; }
  Result<void> connect();
  Result<void> read_state();
  void forget_transaction();
  Result<void> ensure_connected();

  Result<Sequence> append_record(RecordKind kind, std::optional<Sequence> document, const std::string& body,
                                 const Document* indexed, UtcTime now);
  Result<PostAnswer> existing(Sequence sequence, const DocumentPost& post);
  Result<std::vector<DeliveryRow>> delivery_rows(Sequence document);
  struct About {
    DocumentType type;
    std::int64_t business_day;
  };
  Result<std::optional<About>> about(Sequence document);
  Result<void> move_delivery(const About& about, const DeliveryKey& key, const RouteStep& step,
                             DeliveryRow row, const std::vector<DeliveryRow>& before);
  Result<void> flush();
  void count(const std::string& name, std::int64_t delta) { count_changes[name] += delta; }
};

Result<void> Journal::Impl::connect() {
  statements.reset();
  database.reset();
  auto opened = sqlite::Database::open(path(), sqlite::OpenMode::kReadWriteCreate, vfs);
  if (!opened) return opened.error();
  if (auto set = opened->execute(kPragmas); !set) return set.error();
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
  // "kind IN (4, 5)" as the partial index record_store_wide has it, or SQLite walks the whole table.
  auto changed = database->prepare(
      "SELECT sequence, body FROM record WHERE kind IN (4, 5) AND kind = 4 ORDER BY sequence");
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
  std::error_code failed;
  std::filesystem::create_directories(options.folder, failed);
  if (failed) {
    return Error{ErrorKind::kStorage, "storage-io",
                 "cannot make the journal's folder " + options.folder + ": " + failed.message()};
  }
  auto impl = std::make_unique<Impl>(std::move(options), clock);
  if (auto connected = impl->connect(); !connected) return connected.error();
  return std::unique_ptr<Journal>(new Journal(std::move(impl)));
}

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::~Journal() = default;

Result<void> Journal::begin() {
  TILLSYNC_CHECK(!impl_->in_transaction, "journal transactions do not nest");
  if (auto connected = impl_->ensure_connected(); !connected) return connected.error();
  if (auto begun = impl_->statements->begin.run(); !begun) return begun.error();
  impl_->in_transaction = true;
  return ok();
}

Result<Sequence> Journal::Impl::append_record(RecordKind kind, std::optional<Sequence> document,
                                              const std::string& body, const Document* indexed, UtcTime now) {
  const Sequence sequence{head.sequence.value + 1};
  const auto hash = chain_hash(head.hash, sequence, kind, now, document, body);
  auto& insert = statements->insert_record;
  insert.bind(1, sequence.value)
      .bind(2, static_cast<std::int64_t>(kind))
      .bind(3, now.time_since_epoch().count());
  if (document) insert.bind(4, document->value);
  if (indexed != nullptr) {
    insert.bind(5, indexed->id);
    insert.bind(6, static_cast<std::int64_t>(indexed->type));
    insert.bind(7, days_of(indexed->business_day));
  }
  insert.bind_blob(8, body).bind_blob(9, as_bytes(hash));
  if (auto inserted = insert.run(); !inserted) return inserted.error();
  head = JournalHead{sequence, hash};
  return sequence;
}

Result<PostAnswer> Journal::Impl::existing(Sequence sequence, const DocumentPost& post) {
  auto& select = statements->select_record;
  select.bind(1, sequence.value);
  auto row = select.step();
  if (!row) return row.error();
  TILLSYNC_CHECK(*row, "an indexed record exists");
  PostAnswer answer;
  answer.sequence = sequence;
  answer.recorded_at = UtcTime(std::chrono::microseconds(select.integer(0)));
  auto record = decode_document_record(select.blob_view(1));
  if (!record) return record.error();
  auto stored = decode_document(record->document);
  select.reset();
  if (!stored) return stored.error();
  answer.kind =
      content_digest(*stored) == post.digest ? PostAnswer::Kind::kReplayed : PostAnswer::Kind::kReused;
  auto rows = delivery_rows(sequence);
  if (!rows) return rows.error();
  answer.status = derive_status(routes.plan(sequence, stored->type), *rows);
  return answer;
}

Result<PostAnswer> Journal::append(const DocumentPost& post) {
  auto& impl = *impl_;
  if (!post.meta.idempotency_key.empty()) {
    auto& select = impl.statements->select_key;
    select.bind(1, post.meta.idempotency_key);
    auto row = select.step();
    if (!row) return row.error();
    const std::optional<Sequence> known = *row ? std::optional(Sequence{select.integer(0)}) : std::nullopt;
    select.reset();
    if (known) {
      auto answer = impl.existing(*known, post);
      if (answer && answer->kind == PostAnswer::Kind::kReused) answer->key_reused = true;
      return answer;
    }
  }
  const auto now = impl.clock.utc_now();
  const auto body = encode_document_record(post.meta, post.encoded);
  auto sequence = impl.append_record(RecordKind::kDocument, std::nullopt, body, &post.document, now);
  if (!sequence) {
    if (sequence.error().code != "constraint") return sequence.error();
    auto& select = impl.statements->select_id;
    select.bind(1, post.document.id);
    auto row = select.step();
    if (!row) return row.error();
    if (!*row) return sequence.error();
    const Sequence known{select.integer(0)};
    select.reset();
    return impl.existing(known, post);
  }
  if (!post.meta.idempotency_key.empty()) {
    auto& insert = impl.statements->insert_key;
    if (auto inserted = insert.bind(1, post.meta.idempotency_key).bind(2, sequence->value).run(); !inserted) {
      return inserted.error();
    }
  }
  const auto& plan = impl.routes.plan(*sequence, post.document.type);
  PostAnswer answer{PostAnswer::Kind::kJournaled, *sequence, now, derive_status(plan, {})};
  impl.count(counters::of_status(answer.status), 1);
  impl.count(counters::of_type(post.document.type), 1);
  for (const auto& step : plan) impl.count(counters::owed(step.target), 1);
  auto& day = impl.day_changes[days_of(post.document.business_day)];
  if (day.documents == 0) day.first = *sequence;
  ++day.documents;
  return answer;
}

Result<std::vector<DeliveryRow>> Journal::Impl::delivery_rows(Sequence document) {
  return read_delivery_rows(statements->select_deliveries, document);
}

Result<std::optional<Journal::Impl::About>> Journal::Impl::about(Sequence document) {
  auto& select = statements->select_about;
  select.bind(1, document.value);
  auto row = select.step();
  if (!row) return row.error();
  if (!*row || select.is_null(0)) {
    select.reset();
    return std::optional<About>();
  }
  const About about{static_cast<DocumentType>(select.integer(0)), select.integer(1)};
  select.reset();
  return std::optional<About>(about);
}

namespace {

const RouteStep* step_of(const std::vector<RouteStep>& plan, std::string_view step) {
  for (const auto& candidate : plan) {
    if (candidate.step == step) return &candidate;
  }
  return nullptr;
}

}  // namespace

// Writes the delivery's new row, and keeps the counts and the document's status true to it.
Result<void> Journal::Impl::move_delivery(const About& about, const DeliveryKey& key, const RouteStep& step,
                                          DeliveryRow row, const std::vector<DeliveryRow>& before) {
  const auto* old_row = row_of(before, key.step);
  const auto old_state = old_row == nullptr ? DeliveryState::kPending : old_row->state;
  auto& upsert = statements->upsert_delivery;
  upsert.bind(1, key.document.value).bind(2, key.step).bind(3, step.target);
  upsert.bind(4, static_cast<std::int64_t>(row.state)).bind(5, row.attempts);
  if (row.version) upsert.bind(6, row.version->value);
  if (row.last_fact) upsert.bind(7, row.last_fact->value);
  if (auto written = upsert.run(); !written) return written.error();

  if (old_state != row.state) {
    if (old_state == DeliveryState::kQuarantined) count(counters::quarantined(step.target), -1);
    if (row.state == DeliveryState::kQuarantined) count(counters::quarantined(step.target), 1);
    if (row.state == DeliveryState::kDelivered) count(counters::delivered(step.target), 1);
    if (row.state == DeliveryState::kDiscarded) count(counters::discarded(step.target), 1);
    if (is_settled(row.state) && !is_settled(old_state)) count(counters::owed(step.target), -1);
    const auto& plan = routes.plan(key.document, about.type);
    const auto old_status = derive_status(plan, before);
    auto after = before;
    std::erase_if(after, [&](const DeliveryRow& other) { return other.step == key.step; });
    after.push_back(row);
    const auto new_status = derive_status(plan, after);
    if (new_status != old_status) {
      count(counters::of_status(old_status), -1);
      count(counters::of_status(new_status), 1);
      changes.push_back(StatusChange{key.document, new_status});
    }
  }
  return ok();
}

Result<void> Journal::record(const OutcomeFact& fact) {
  auto& impl = *impl_;
  auto about = impl.about(fact.delivery.document);
  if (!about) return about.error();
  auto rows = impl.delivery_rows(fact.delivery.document);
  if (!rows) return rows.error();
  auto sequence = impl.append_record(RecordKind::kOutcome, fact.delivery.document, encode_outcome(fact),
                                     nullptr, impl.clock.utc_now());
  if (!sequence) return sequence.error();
  impl.count(counters::outcome(fact.target, fact.outcome.kind), 1);
  if (!*about) return ok();
  const auto* step = step_of(impl.routes.plan(fact.delivery.document, (*about)->type), fact.delivery.step);
  const auto* old_row = row_of(*rows, fact.delivery.step);
  if (step == nullptr || (old_row != nullptr && is_settled(old_row->state))) return ok();
  DeliveryRow row = old_row != nullptr ? *old_row : DeliveryRow{fact.delivery.step, step->target};
  row.state = state_after(fact.outcome.kind);
  row.attempts = std::max(row.attempts, fact.attempt);
  row.last_fact = *sequence;
  if (row.state == DeliveryState::kDelivered) {
    impl.day_deliveries[{(*about)->business_day, step->target}] = *sequence;
  }
  return impl.move_delivery(**about, fact.delivery, *step, std::move(row), *rows);
}

Result<std::string> Journal::decide(const DecisionFact& fact) {
  auto& impl = *impl_;
  using Kind = DecisionFact::Kind;
  if (fact.kind == Kind::kPause || fact.kind == Kind::kResume) {
    auto sequence = impl.append_record(RecordKind::kDecision, std::nullopt, encode_decision(fact), nullptr,
                                       impl.clock.utc_now());
    if (!sequence) return sequence.error();
    auto& pause = impl.statements->pause_lane;
    if (auto done = pause.bind(1, fact.target).bind(2, fact.kind == Kind::kPause ? 1 : 0).run(); !done) {
      return done.error();
    }
    return fact.target;
  }
  auto about = impl.about(fact.delivery.document);
  if (!about) return about.error();
  if (!*about) return no_such_delivery(fact.delivery);
  const auto* step = step_of(impl.routes.plan(fact.delivery.document, (*about)->type), fact.delivery.step);
  if (step == nullptr) return no_such_delivery(fact.delivery);
  auto rows = impl.delivery_rows(fact.delivery.document);
  if (!rows) return rows.error();
  const auto* old_row = row_of(*rows, fact.delivery.step);
  const auto old_state = old_row == nullptr ? DeliveryState::kPending : old_row->state;
  const bool applies =
      old_state == DeliveryState::kQuarantined || (fact.kind == Kind::kRetry && is_open(old_state));
  if (!applies) {
    return Error{ErrorKind::kInvalid, "not-quarantined",
                 "delivery " + std::to_string(fact.delivery.document.value) + ":" + fact.delivery.step +
                     " is " + std::string(state_name(old_state)) +
                     "; only a quarantined one can be decided on"};
  }
  DecisionFact complete = fact;
  complete.target = step->target;
  auto sequence = impl.append_record(RecordKind::kDecision, fact.delivery.document, encode_decision(complete),
                                     nullptr, impl.clock.utc_now());
  if (!sequence) return sequence.error();
  DeliveryRow row = old_row != nullptr ? *old_row : DeliveryRow{fact.delivery.step, step->target};
  if (fact.kind == Kind::kDiscard) row.state = DeliveryState::kDiscarded;
  if (fact.kind != Kind::kDiscard && row.state == DeliveryState::kQuarantined)
    row.state = DeliveryState::kRetrying;
  if (fact.kind == Kind::kAmend) row.version = *sequence;
  row.last_fact = *sequence;
  auto moved = impl.move_delivery(**about, fact.delivery, *step, std::move(row), *rows);
  if (!moved) return moved.error();
  return step->target;
}

Result<void> Journal::set_routes(const Routes& routes) {
  auto& impl = *impl_;
  const bool first = impl.routes.last_change() == Sequence{};
  if (!first && impl.routes.current() == routes) return ok();
  auto sequence = impl.append_record(RecordKind::kRoutes, std::nullopt, encode_routes(routes), nullptr,
                                     impl.clock.utc_now());
  if (!sequence) return sequence.error();
  impl.routes.add(*sequence, routes);
  return ok();
}

Result<void> Journal::reserve(const std::string& target, Sequence through) {
  return impl_->statements->reserve_lane.bind(1, target).bind(2, through.value).run();
}

Result<void> Journal::save_frontier(const std::string& target, Sequence frontier) {
  return impl_->statements->frontier_lane.bind(1, target).bind(2, frontier.value).run();
}

Result<void> Journal::park(const std::string& target, const std::vector<DeliveryKey>& deliveries) {
  auto& insert = impl_->statements->park_delivery;
  for (const auto& key : deliveries) {
    if (auto parked = insert.bind(1, key.document.value).bind(2, key.step).bind(3, target).run(); !parked) {
      return parked.error();
    }
  }
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

Result<void> Journal::commit() {
  auto& impl = *impl_;
  TILLSYNC_CHECK(impl.in_transaction, "commit follows begin");
  auto done = impl.flush();
  if (done) done = impl.statements->commit.run();
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
  impl.committed = impl.head;
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

Result<void> Journal::checkpoint(bool truncate) {
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
  if (*row)
    memory = LaneMemory{Sequence{select.integer(0)}, Sequence{select.integer(1)}, select.integer(2) != 0};
  select.reset();
  return memory;
}

std::vector<StatusChange> Journal::take_changes() {
  return std::exchange(impl_->committed_changes, {});
}

Result<PruneResult> Journal::prune(std::int64_t keep_days, std::size_t records_max) {
  auto& impl = *impl_;
  TILLSYNC_CHECK(impl.in_transaction, "retention stands in a transaction");
  const auto old_before = impl.clock.utc_now() - std::chrono::days(keep_days);
  auto ranges = prune_records(*impl.database, impl.routes, keep_days, old_before, records_max);
  if (!ranges) return ranges.error();
  if (ranges->ranges.empty()) return PruneResult{};
  auto sequence = impl.append_record(RecordKind::kPruned, std::nullopt, encode_pruned(ranges->ranges),
                                     nullptr, impl.clock.utc_now());
  if (!sequence) return sequence.error();
  return PruneResult{ranges->records, ranges->more};
}

}  // namespace tillsync
