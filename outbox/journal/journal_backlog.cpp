#include "outbox/journal/journal_backlog.h"

#include "outbox/document/canonical.h"
#include "outbox/journal/reader_impl.h"
#include "outbox/journal/writer_statements.h"

namespace tillsync {
namespace {

// Outcomes stand between documents, so that a page is also bounded by how much of the journal it looks at.
constexpr std::int64_t kRecordsPerDocument = 8;

/// The state rows of a range of documents, taken in the documents' order: one walk instead of a search each.
class RowCursor {
 public:
  static Result<RowCursor> open(sqlite::Database& database, Sequence after, Sequence through) {
    auto select = database.prepare(
        "SELECT step, target, state, attempts, version, last_fact, document FROM delivery "
        "WHERE document > ? AND document <= ? ORDER BY document, step");
    if (!select) return select.error();
    select->bind(1, after.value).bind(2, through.value);
    RowCursor cursor(std::move(*select));
    if (auto moved = cursor.move(); !moved) return moved.error();
    return cursor;
  }
  /// The rows of `document`; documents are asked for in ascending order.
  Result<std::vector<DeliveryRow>> rows_of(Sequence document) {
    std::vector<DeliveryRow> rows;
    while (at_ && *at_ <= document) {
      if (*at_ == document) rows.push_back(delivery_row(select_));
      if (auto moved = move(); !moved) return moved.error();
    }
    return rows;
  }

 private:
  explicit RowCursor(sqlite::Statement select) : select_(std::move(select)) {}
  Result<void> move() {
    auto row = select_.step();
    if (!row) return row.error();
    at_ = *row ? std::optional(Sequence{select_.integer(6)}) : std::nullopt;
    return ok();
  }

  sqlite::Statement select_;
  std::optional<Sequence> at_;  ///< the document of the row that `select_` stands on
};

class EntryMaker {
 public:
  EntryMaker(JournalReader& reader, std::string target, const std::string& store_id)
      : reader_(reader), target_(std::move(target)), store_id_(store_id) {}

  /// Appends this document's unsettled deliveries to the target (only those with a state row where
  /// `on_record`). What it sends is kept in `ahead` where there is room.
  Result<void> add(const StoredDocument& stored, const std::vector<DeliveryRow>& rows, bool on_record,
                   ReadAhead* ahead, std::vector<BacklogEntry>& entries) {
    const auto& plan = reader_.impl().routes.plan(stored.sequence, stored.document.type);
    std::shared_ptr<const OutgoingDocument> document;
    for (const auto& step : plan) {
      if (step.target != target_) continue;
      const auto* row = row_of(rows, step.step);
      if ((row == nullptr && on_record) || (row != nullptr && is_settled(row->state))) continue;
      auto entry = make(stored, step, row, rows);
      if (!entry) return entry.error();
      if (row == nullptr && ahead != nullptr && ahead->has_room()) {
        if (!document) document = ahead->keep(outgoing_document(stored));
        entry->document = document;
      }
      entries.push_back(std::move(*entry));
    }
    return ok();
  }

 private:
  Result<BacklogEntry> make(const StoredDocument& stored, const RouteStep& step, const DeliveryRow* row,
                            const std::vector<DeliveryRow>& rows) {
    BacklogEntry entry;
    entry.key = DeliveryKey{stored.sequence, step.step};
    entry.recorded_at = stored.recorded_at;
    entry.on_record = row != nullptr;
    if (row != nullptr) {
      entry.state = row->state;
      entry.attempts = row->attempts;
    }
    if (row != nullptr && row->version) {
      auto amended = reader_.load_version(entry.key);
      if (!amended) return amended.error();
      if (*amended) entry.keys = ordering_keys((*amended)->document, store_id_);
    } else {
      entry.keys = ordering_keys(stored.document, store_id_);
    }
    for (const auto& need : step.needs) {
      const auto* needed = row_of(rows, need);
      if (needed == nullptr || !is_settled(needed->state)) entry.needs.push_back(need);
    }
    return entry;
  }

  JournalReader& reader_;
  const std::string target_;
  const std::string& store_id_;
};

}  // namespace

OutgoingDocument outgoing_document(const StoredDocument& stored) {
  OutgoingDocument out;
  out.type = stored.document.type;
  out.id = stored.document.id;
  out.json = canonical_json(stored.document);
  out.traceparent = stored.meta.traceparent;
  out.correlation_id = stored.document.correlation_id.value_or(stored.meta.correlation_id);
  if (out.correlation_id.empty()) out.correlation_id = out.id;
  return out;
}

Result<BacklogPage> JournalBacklog::read(const std::string& target, Sequence after,
                                         std::size_t documents_max) {
  auto& impl = reader_.impl();
  if (auto fresh = impl.refresh_routes(); !fresh) return fresh.error();
  auto head = reader_.head();
  if (!head) return head.error();
  BacklogPage page;
  const auto records_max = static_cast<std::int64_t>(documents_max) * kRecordsPerDocument;
  page.through = Sequence{std::min(head->sequence.value, after.value + records_max)};
  auto select = impl.database.prepare(
      "SELECT sequence, recorded_at, body FROM record WHERE sequence > ? AND sequence <= ? AND kind = 1 "
      "ORDER BY sequence LIMIT ?");
  if (!select) return select.error();
  select->bind(1, after.value).bind(2, page.through.value).bind(3, static_cast<std::int64_t>(documents_max));
  auto rows = RowCursor::open(impl.database, after, page.through);
  if (!rows) return rows.error();
  EntryMaker maker(reader_, target, store_id_);
  std::size_t documents = 0;
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return page;
    auto stored = impl.stored(*select);
    if (!stored) return stored.error();
    auto rows_of = rows->rows_of(stored->sequence);
    if (!rows_of) return rows_of.error();
    if (auto added = maker.add(*stored, *rows_of, false, &read_ahead_, page.entries); !added)
      return added.error();
    if (++documents == documents_max) {
      page.through = stored->sequence;
      return page;
    }
  }
}

Result<std::vector<BacklogEntry>> JournalBacklog::read_on_record(const std::string& target, Sequence through,
                                                                 std::size_t limit) {
  auto& impl = reader_.impl();
  if (auto fresh = impl.refresh_routes(); !fresh) return fresh.error();
  auto select = impl.database.prepare(
      "SELECT DISTINCT document FROM delivery WHERE state NOT IN (3, 5) AND target = ? AND document <= ? "
      "ORDER BY document LIMIT ?");
  if (!select) return select.error();
  select->bind(1, target).bind(2, through.value).bind(3, static_cast<std::int64_t>(limit));
  EntryMaker maker(reader_, target, store_id_);
  std::vector<BacklogEntry> entries;
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return entries;
    auto stored = reader_.load(Sequence{select->integer(0)});
    if (!stored) return stored.error();
    if (!*stored) continue;
    auto rows = read_delivery_rows(*impl.select_deliveries, (*stored)->sequence);
    if (!rows) return rows.error();
    if (auto added = maker.add(**stored, *rows, true, nullptr, entries); !added) return added.error();
  }
}

}  // namespace tillsync
