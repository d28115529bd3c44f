#include "outbox/journal/reader.h"

#include <filesystem>

#include "outbox/document/codec.h"
#include "outbox/journal/counters.h"
#include "outbox/journal/derive.h"
#include "outbox/journal/reader_impl.h"
#include "outbox/journal/row_cursor.h"
#include "outbox/journal/schema.h"
#include "outbox/journal/writer_statements.h"

namespace tillsync {

Result<std::unique_ptr<JournalReader>> JournalReader::open(const std::string& folder, const std::string& vfs,
                                                           std::function<void(const Error&)> on_damage) {
  const std::string path = folder + "/" + kJournalFile;
  if (std::error_code failed; vfs.empty() && !std::filesystem::exists(path, failed)) {
    return Error{ErrorKind::kNotFound, "no-journal", "there is no journal at " + path};
  }
  if (vfs.empty()) {
    if (auto known = check_journal_file(folder); !known) return known.error();
  }
  auto database = sqlite::Database::open(path, sqlite::OpenMode::kReadOnly, vfs);
  if (!database) return database.error();
  if (auto set = database->execute("PRAGMA cache_size = -1024; PRAGMA query_only = 1"); !set)
    return set.error();
  if (auto known = check_journal_schema(*database); !known) return known.error();
  auto impl = std::make_unique<Impl>(
      Impl{std::move(*database), {}, {}, {}, {}, {}, {}, {}, {}, {}, std::move(on_damage)});
  if (auto prepared = impl->prepare(); !prepared) return prepared.error();
  return std::unique_ptr<JournalReader>(new JournalReader(std::move(impl)));
}

JournalReader::JournalReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JournalReader::~JournalReader() = default;

Result<void> JournalReader::Impl::prepare() {
  const auto set = [this](std::optional<sqlite::Statement>& member, std::string_view sql) -> Result<void> {
    auto statement = database.prepare(sql);
    if (!statement) return statement.error();
    member.emplace(std::move(*statement));
    return ok();
  };
  if (auto done = set(select_document,
                      "SELECT sequence, recorded_at, body FROM record WHERE sequence = ? AND kind = 1");
      !done) {
    return done.error();
  }
  if (auto done = set(select_id, "SELECT sequence, recorded_at, body FROM record WHERE id = ?"); !done)
    return done.error();
  if (auto done = set(select_body, "SELECT body, recorded_at FROM record WHERE sequence = ?"); !done)
    return done.error();
  if (auto done = set(select_time, "SELECT recorded_at FROM record WHERE sequence = ?"); !done)
    return done.error();
  if (auto done = set(select_deliveries, kSelectDeliveries); !done) return done.error();
  if (auto done = set(begin, "BEGIN"); !done) return done.error();
  if (auto done = set(commit, "COMMIT"); !done) return done.error();
  return set(select_routes, select_store_wide("sequence, body", "kind = 4 AND sequence > ?"));
}

Result<bool> JournalReader::Impl::begin_state() {
  if (in_one) return false;
  if (auto begun = begin->run(); !begun) return begun.error();
  in_one = true;
  return true;
}

Result<void> JournalReader::Impl::end_state() {
  in_one = false;
  return commit->run();
}

// Neither can say more than the reads between them do: a failed read ends the transaction by itself.
JournalReader::Snapshot::Snapshot(JournalReader& reader) : reader_(reader) {
  const auto begun = reader.impl().begin_state();
  begun_ = begun && *begun;
}
JournalReader::Snapshot::~Snapshot() {
  if (begun_) (void)reader_.impl().end_state().has_value();
}

Result<StoredDocument> JournalReader::Impl::stored(sqlite::Statement& row) {
  auto record = decode_document_record(row.blob_view(2));
  if (!record) return record.error();
  auto document = decode_document(record->document);
  if (!document) return document.error();
  return StoredDocument{Sequence{row.integer(0)}, UtcTime(std::chrono::microseconds(row.integer(1))),
                        std::move(*document), std::move(record->meta)};
}

Result<std::optional<StoredDocument>> JournalReader::Impl::first(sqlite::Statement& select) {
  auto row = select.step();
  if (!row) return row.error();
  if (!*row) {
    select.reset();
    return std::optional<StoredDocument>();
  }
  auto found = stored(select);
  select.reset();
  if (!found) return found.error();
  return std::optional<StoredDocument>(std::move(*found));
}

Result<void> JournalReader::Impl::refresh_routes() {
  select_routes->bind(1, routes.last_change().value);
  while (true) {
    auto row = select_routes->step();
    if (!row) return row.error();
    if (!*row) break;
    auto decoded = decode_routes(select_routes->blob_view(1));
    if (!decoded) return decoded.error();
    routes.add(Sequence{select_routes->integer(0)}, std::move(*decoded));
  }
  select_routes->reset();
  return ok();
}

Result<JournalHead> JournalReader::try_head() {
  auto select = impl_->database.prepare("SELECT sequence, hash FROM head");
  if (!select) return select.error();
  auto row = select->step();
  if (!row) return row.error();
  JournalHead head;
  if (*row) {
    head.sequence = Sequence{select->integer(0)};
    const auto bytes = select->blob_view(1);
    std::copy_n(bytes.begin(), std::min(bytes.size(), head.hash.size()), head.hash.begin());
  }
  return head;
}

Result<JournalCounts> JournalReader::try_counts() {
  auto select = impl_->database.prepare("SELECT name, value FROM counter");
  if (!select) return select.error();
  JournalCounts counts;
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return counts;
    counters::apply(counts, select->text(0), select->integer(1));
  }
}

Result<std::optional<StoredDocument>> JournalReader::try_find(const std::string& id) {
  impl_->select_id->bind(1, id);
  return impl_->first(*impl_->select_id);
}

Result<std::optional<StoredDocument>> JournalReader::try_load(Sequence sequence) {
  impl_->select_document->bind(1, sequence.value);
  return impl_->first(*impl_->select_document);
}

Result<std::optional<StoredDocument>> JournalReader::try_load_version(const DeliveryKey& delivery) {
  return impl_->in_one_state([&]() -> Result<std::optional<StoredDocument>> {
    auto stored = load(delivery.document);
    if (!stored || !*stored) return stored;
    auto rows = read_delivery_rows(*impl_->select_deliveries, delivery.document);
    if (!rows) return rows.error();
    const auto* row = row_of(*rows, delivery.step);
    if (row == nullptr || !row->version) return stored;
    auto body = impl_->body_of(*row->version);
    if (!body) return body.error();
    auto decision = decode_decision(delivery.document, body->body);
    if (!decision) return decision.error();
    if (decision->amended) (*stored)->document = std::move(*decision->amended);
    return stored;
  });
}

Result<JournalReader::Impl::Body> JournalReader::Impl::body_of(Sequence sequence) {
  select_body->bind(1, sequence.value);
  auto row = select_body->step();
  if (!row) return row.error();
  if (!*row) {
    select_body->reset();
    return Error{ErrorKind::kCorrupt, "record-missing",
                 "record " + std::to_string(sequence.value) + " is missing"};
  }
  Body body{select_body->blob(0), UtcTime(std::chrono::microseconds(select_body->integer(1)))};
  select_body->reset();
  return body;
}

Result<UtcTime> JournalReader::Impl::recorded_at(Sequence sequence) {
  select_time->bind(1, sequence.value);
  auto row = select_time->step();
  if (!row) return row.error();
  const UtcTime at(std::chrono::microseconds(*row ? select_time->integer(0) : 0));
  select_time->reset();
  if (*row) return at;
  return Error{ErrorKind::kCorrupt, "record-missing",
               "record " + std::to_string(sequence.value) + " is missing"};
}

Result<std::vector<DeliveryView>> JournalReader::Impl::views(Sequence document, DocumentType type,
                                                             const std::vector<DeliveryRow>& rows,
                                                             Told told) {
  std::vector<DeliveryView> views;
  for (const auto& step : routes.plan(document, type)) {
    DeliveryView view;
    view.step = step.step;
    view.target = step.target;
    if (const auto* row = row_of(rows, step.step)) {
      view.state = row->state;
      view.attempts = row->attempts;
      view.version = row->version;
      if (row->last_fact && told == Told::kButDelivered && is_settled(row->state)) {
        auto at = recorded_at(*row->last_fact);
        if (!at) return at.error();
        view.settled_at = *at;
      }
      if (row->last_fact && (told == Told::kAll || row->state != DeliveryState::kDelivered)) {
        auto body = body_of(*row->last_fact);
        if (!body) return body.error();
        auto outcome = decode_outcome(document, body->body);
        if (outcome && outcome->outcome.kind == OutcomeKind::kDelivered) {
          view.central_reference = outcome->outcome.central_reference;
        } else if (outcome) {
          view.last_error = outcome->outcome.reason;
        } else if (auto decision = decode_decision(document, body->body)) {
          view.last_error = std::string(decision_name(decision->kind)) + ": " + decision->reason;
        }
      }
    }
    views.push_back(std::move(view));
  }
  return views;
}

Result<std::vector<DeliveryView>> JournalReader::try_deliveries(Sequence document) {
  return impl_->in_one_state([&]() -> Result<std::vector<DeliveryView>> {
    auto stored = load(document);
    if (!stored) return stored.error();
    if (!*stored) return std::vector<DeliveryView>();
    if (auto fresh = impl_->refresh_routes(); !fresh) return fresh.error();
    auto rows = read_delivery_rows(*impl_->select_deliveries, document);
    if (!rows) return rows.error();
    return impl_->views(document, (*stored)->document.type, *rows, Impl::Told::kAll);
  });
}

Result<std::string> JournalReader::central_reference(const DeliveryKey& delivery) {
  auto all = deliveries(delivery.document);
  if (!all) return all.error();
  for (auto& view : *all) {
    if (view.step == delivery.step) return std::move(view.central_reference);
  }
  return std::string();
}

Result<DocumentStatus> JournalReader::try_status(Sequence document) {
  auto stored = load(document);
  if (!stored) return stored.error();
  if (!*stored) return Error{ErrorKind::kNotFound, "no-such-document", "there is no such document"};
  if (auto fresh = impl_->refresh_routes(); !fresh) return fresh.error();
  auto rows = read_delivery_rows(*impl_->select_deliveries, document);
  if (!rows) return rows.error();
  return derive_status(impl_->routes.plan(document, (*stored)->document.type), *rows);
}

namespace {

Result<std::vector<RawRecord>> read_records(sqlite::Statement& select) {
  std::vector<RawRecord> records;
  while (true) {
    auto row = select.step();
    if (!row) return row.error();
    if (!*row) return records;
    RawRecord record{Sequence{select.integer(0)}, static_cast<RecordKind>(select.integer(1)),
                     UtcTime(std::chrono::microseconds(select.integer(2)))};
    if (!select.is_null(3)) record.document = Sequence{select.integer(3)};
    record.body = select.blob(4);
    record.hash_hex = to_hex(select.blob_view(5));
    records.push_back(std::move(record));
  }
}

}  // namespace

Result<std::vector<RawRecord>> JournalReader::try_history(Sequence document) {
  auto select = impl_->database.prepare(
      "SELECT sequence, kind, recorded_at, document, body, hash FROM record WHERE sequence = ?1 OR document "
      "= ?1 "
      "ORDER BY sequence");
  if (!select) return select.error();
  select->bind(1, document.value);
  return read_records(*select);
}

Result<std::vector<RawRecord>> JournalReader::try_records(Sequence after, std::size_t limit) {
  auto select = impl_->database.prepare(
      "SELECT sequence, kind, recorded_at, document, body, hash FROM record WHERE sequence > ? ORDER BY "
      "sequence LIMIT ?");
  if (!select) return select.error();
  select->bind(1, after.value).bind(2, static_cast<std::int64_t>(limit));
  return read_records(*select);
}

Result<std::vector<RecoveredFact>> JournalReader::try_recoveries() {
  auto select = impl_->database.prepare(select_store_wide("body", "kind = 7"));
  if (!select) return select.error();
  std::vector<RecoveredFact> facts;
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return facts;
    auto fact = decode_recovered(select->blob_view(0));
    if (!fact) return fact.error();
    facts.push_back(std::move(*fact));
  }
}

Result<std::vector<QuarantineEntry>> JournalReader::try_quarantine(std::size_t limit) {
  auto select = impl_->database.prepare(
      "SELECT document, step, target, attempts, last_fact FROM delivery INDEXED BY delivery_unsettled "
      "WHERE state NOT IN (3, 5) AND state = 4 ORDER BY document, step LIMIT ?");
  if (!select) return select.error();
  select->bind(1, static_cast<std::int64_t>(limit));
  std::vector<QuarantineEntry> entries;
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return entries;
    QuarantineEntry entry;
    entry.delivery = DeliveryKey{Sequence{select->integer(0)}, select->text(1)};
    entry.target = select->text(2);
    entry.attempts = static_cast<int>(select->integer(3));
    auto stored = load(entry.delivery.document);
    if (!stored) return stored.error();
    if (*stored) {
      entry.document_id = (*stored)->document.id;
      entry.type = (*stored)->document.type;
    }
    auto body = impl_->body_of(Sequence{select->integer(4)});
    if (!body) return body.error();
    entry.since = body->recorded_at;
    if (auto outcome = decode_outcome(entry.delivery.document, body->body)) {
      entry.reason = outcome->outcome.reason;
      entry.http_status = outcome->outcome.http_status;
      entry.answer = outcome->outcome.answer;
    }
    entries.push_back(std::move(entry));
  }
}

Result<void> JournalReader::try_for_each_document(BusinessDay from, BusinessDay to,
                                                  const std::function<bool(const DayDocument&)>& visit) {
  return impl_->in_one_state([&] { return impl_->visit_days(from, to, visit); });
}

Result<void> JournalReader::Impl::visit_days(BusinessDay from, BusinessDay to,
                                             const std::function<bool(const DayDocument&)>& visit) {
  if (auto fresh = refresh_routes(); !fresh) return fresh.error();
  auto select = database.prepare(
      "SELECT sequence, recorded_at, body FROM record WHERE business_day BETWEEN ? AND ? "
      "ORDER BY business_day, sequence");
  if (!select) return select.error();
  select->bind(1, from.day.time_since_epoch().count()).bind(2, to.day.time_since_epoch().count());
  auto rows = RowCursor::open(database);
  if (!rows) return rows.error();
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return ok();
    auto document = stored(*select);
    if (!document) return document.error();
    auto rows_of = rows->rows_of(document->sequence);
    if (!rows_of) return rows_of.error();
    auto deliveries = views(document->sequence, document->document.type, *rows_of, Told::kButDelivered);
    if (!deliveries) return deliveries.error();
    if (!visit(DayDocument{std::move(*document), std::move(*deliveries)})) return ok();
  }
}

namespace {

Result<std::vector<BusinessDay>> read_days(sqlite::Statement& select) {
  std::vector<BusinessDay> days;
  while (true) {
    auto row = select.step();
    if (!row) return row.error();
    if (!*row) return days;
    days.push_back(BusinessDay{std::chrono::sys_days(std::chrono::days(select.integer(0)))});
  }
}

}  // namespace

Result<std::vector<BusinessDay>> JournalReader::try_business_days(BusinessDay from, BusinessDay to) {
  auto select = impl_->database.prepare(
      "SELECT business_day FROM day WHERE business_day BETWEEN ? AND ? ORDER BY business_day");
  if (!select) return select.error();
  select->bind(1, from.day.time_since_epoch().count()).bind(2, to.day.time_since_epoch().count());
  return read_days(*select);
}

Result<Sequence> JournalReader::try_last_delivery(BusinessDay day, const std::string& target) {
  auto select =
      impl_->database.prepare("SELECT last_delivered FROM day_target WHERE business_day = ? AND target = ?");
  if (!select) return select.error();
  auto row = select->bind(1, day.day.time_since_epoch().count()).bind(2, target).step();
  if (!row) return row.error();
  return *row ? Sequence{select->integer(0)} : Sequence{};
}

Result<std::vector<BusinessDay>> JournalReader::try_days_delivered_after(const std::string& target,
                                                                         Sequence after) {
  auto select = impl_->database.prepare(
      "SELECT business_day FROM day_target WHERE target = ? AND last_delivered > ? ORDER BY business_day");
  if (!select) return select.error();
  select->bind(1, target).bind(2, after.value);
  return read_days(*select);
}

}  // namespace tillsync
