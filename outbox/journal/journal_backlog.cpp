#include "outbox/journal/journal_backlog.h"

#include "outbox/journal/reader_impl.h"
#include "outbox/journal/row_cursor.h"
#include "outbox/journal/writer_statements.h"

namespace tillsync {
namespace {

class EntryMaker {
 public:
  EntryMaker(JournalReader& reader, std::string target, const std::string& store_id)
      : reader_(reader), target_(std::move(target)), store_id_(store_id) {}

  /// Appends this document's unsettled deliveries to the target (only those with a state row where
  /// `on_record`). What it sends is kept in `ahead` where there is room; then the document has it.
  Result<void> add(BacklogDocument document, const std::vector<DeliveryRow>& rows, bool on_record,
                   ReadAhead* ahead, std::vector<BacklogEntry>& entries) {
    const auto& plan = reader_.impl().routes.plan(document.sequence, document.type);
    std::shared_ptr<const OutgoingDocument> kept;
    for (const auto& step : plan) {
      if (step.target != target_) continue;
      const auto* row = row_of(rows, step.step);
      if ((row == nullptr && on_record) || (row != nullptr && is_settled(row->state))) continue;
      auto entry = make(document, step, row, rows);
      if (!entry) return entry.error();
      if (row == nullptr && ahead != nullptr && ahead->has_room()) {
        if (!kept) kept = ahead->keep(std::move(*document.outgoing));
        entry->document = kept;
      }
      entries.push_back(std::move(*entry));
    }
    return ok();
  }

 private:
  Result<BacklogEntry> make(const BacklogDocument& document, const RouteStep& step, const DeliveryRow* row,
                            const std::vector<DeliveryRow>& rows) {
    BacklogEntry entry;
    entry.key = DeliveryKey{document.sequence, step.step};
    entry.recorded_at = document.recorded_at;
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
      entry.keys = document.keys;
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

Result<BacklogPage> JournalBacklog::read(const std::string& target, Sequence after,
                                         std::size_t documents_max) {
  auto& impl = reader_.impl();
  if (auto fresh = impl.refresh_routes(); !fresh) return fresh.error();
  auto head = reader_.head();
  if (!head) return head.error();
  BacklogPage page;
  page.through = std::min(head->sequence, page_end(after, documents_max));
  auto decoded = documents(target, after, documents_max);
  if (!decoded) return decoded.error();
  auto select = impl.database.prepare(
      "SELECT sequence FROM record WHERE sequence > ? AND sequence <= ? AND kind = 1 ORDER BY sequence LIMIT "
      "?");
  if (!select) return select.error();
  select->bind(1, after.value).bind(2, page.through.value).bind(3, static_cast<std::int64_t>(documents_max));
  auto rows = RowCursor::open(impl.database);
  if (!rows) return rows.error();
  EntryMaker maker(reader_, target, store_id_);
  auto next = decoded->begin();
  for (std::size_t count = 0;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return page;
    const Sequence sequence{select->integer(0)};
    while (next != decoded->end() && next->sequence < sequence) ++next;
    const bool ready = next != decoded->end() && next->sequence == sequence;
    auto document = ready ? Result<BacklogDocument>(std::move(*next)) : load(sequence);
    if (!document) return document.error();
    auto rows_of = rows->rows_of(sequence);
    if (!rows_of) return rows_of.error();
    if (auto added = maker.add(std::move(*document), *rows_of, false, &read_ahead_, page.entries); !added)
      return added.error();
    if (++count < documents_max) continue;
    page.through = sequence;
    if (ahead_ != nullptr && ahead_wanted_) ahead_->ask(target, page.through, documents_max);
    return page;
  }
}

/// Decoded documents after `after`, perhaps not all.
Result<std::vector<BacklogDocument>> JournalBacklog::documents(const std::string& target, Sequence after,
                                                               std::size_t documents_max) {
  if (ahead_ != nullptr) {
    auto ready = ahead_->take(target, after);
    if (!ready.empty()) return ready;
  }
  return read_backlog_documents(reader_, store_id_, after, documents_max);
}

Result<BacklogDocument> JournalBacklog::load(Sequence sequence) {
  auto stored = reader_.load(sequence);
  if (!stored) return stored.error();
  if (!*stored) return Error{ErrorKind::kCorrupt, "document-missing", "a document is listed, but not there"};
  return outgoing_backlog_document(**stored, store_id_);
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
    if (auto added = maker.add(backlog_document(**stored, store_id_), *rows, true, nullptr, entries); !added)
      return added.error();
  }
}

}  // namespace tillsync
