#include "outbox/journal/journal_backlog.h"

#include <algorithm>

#include "outbox/journal/reader_impl.h"
#include "outbox/journal/row_cursor.h"
#include "outbox/journal/writer_statements.h"

namespace tillsync {
namespace {

/// Looked at in one read_keys(): most of them are passed over without being read whole.
constexpr std::int64_t kKeyRecordsMax = 20'000;

class EntryMaker {
 public:
  EntryMaker(JournalReader& reader, std::string target, const std::string& store_id)
      : reader_(reader), target_(std::move(target)), store_id_(store_id) {}

  /// Appends this document's unsettled deliveries to the target (only those with a state row where
  /// `on_record`). What it sends is kept in `ahead` where there is room; then the document has it.
  Result<void> add(BacklogDocument document, const std::vector<DeliveryRow>& rows, bool on_record,
                   ReadAhead* ahead, std::vector<BacklogEntry>& entries, bool live = false) {
    const auto& plan = reader_.impl().routes.plan(document.sequence, document.type);
    std::shared_ptr<const OutgoingDocument> kept;
    const std::size_t before = entries.size();
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
    return live && entries.size() > before ? tell_overtaking(document, rows, entries, before) : ok();
  }

 private:
  /// What was amended since is left to its place.
  Result<void> tell_overtaking(const BacklogDocument& document, const std::vector<DeliveryRow>& rows,
                               std::vector<BacklogEntry>& entries, std::size_t first) {
    const bool amended =
        std::any_of(rows.begin(), rows.end(), [](const DeliveryRow& row) { return row.version.has_value(); });
    auto follows = unsettled(document.originals);
    if (!follows) return follows.error();
    for (; first < entries.size(); ++first) {
      entries[first].overtakes = may_overtake(document.type) && !amended;
      entries[first].follows = *follows;
    }
    return ok();
  }

  /// Those of the documents that are here and owed to the target.
  Result<std::vector<Sequence>> unsettled(const std::vector<std::string>& ids) {
    std::vector<Sequence> sequences;
    for (const std::string& id : ids) {
      auto stored = reader_.find(id);
      if (!stored) return stored.error();
      if (!*stored) continue;
      const Sequence sequence = (*stored)->sequence;
      auto rows = read_delivery_rows(*reader_.impl().select_deliveries, sequence);
      if (!rows) return rows.error();
      for (const auto& step : reader_.impl().routes.plan(sequence, (*stored)->document.type)) {
        const auto* row = row_of(*rows, step.step);
        if (step.target == target_ && (row == nullptr || !is_settled(row->state)))
          sequences.push_back(sequence);
      }
    }
    return sequences;
  }

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
  return read_page(target, after, documents_max, false);
}

Result<BacklogPage> JournalBacklog::read_live(const std::string& target, Sequence after,
                                              std::size_t documents_max) {
  return read_page(target, after, documents_max, true);
}

Result<BacklogPage> JournalBacklog::read_page(const std::string& target, Sequence after,
                                              std::size_t documents_max, bool live) {
  auto& impl = reader_.impl();
  if (auto fresh = impl.refresh_routes(); !fresh) return fresh.error();
  auto head = reader_.head();
  if (!head) return head.error();
  BacklogPage page;
  page.through = std::min(head->sequence, page_end(after, documents_max));
  auto decoded = live ? read_backlog_documents(reader_, store_id_, after, documents_max)
                      : documents(target, after, documents_max);
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
    if (auto added = maker.add(std::move(*document), *rows_of, false, &read_ahead_, page.entries, live);
        !added)
      return added.error();
    if (++count < documents_max) continue;
    page.through = sequence;
    if (ahead_ != nullptr && ahead_wanted_ && !live) ahead_->ask(target, page.through, documents_max);
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

Result<BacklogKeys> JournalBacklog::read_keys(const std::string& target, Sequence after, Sequence through,
                                              std::size_t documents_max) {
  BacklogKeys found;
  found.through = std::min(through, Sequence{after.value + kKeyRecordsMax});
  const auto add_keys = [&](const Document& document, Sequence sequence) {
    for (const OrderingKey& key : ordering_keys(document, store_id_)) found.uses.push_back({key, sequence});
  };
  // Returns, counts and customer updates (DocumentType).
  auto select = reader_.impl().database.prepare(
      "SELECT sequence FROM record WHERE sequence > ? AND sequence <= ? AND kind = 1 AND type IN (2, 4, 6) "
      "ORDER BY sequence LIMIT ?");
  if (!select) return select.error();
  select->bind(1, after.value).bind(2, found.through.value).bind(3, static_cast<std::int64_t>(documents_max));
  for (std::size_t count = 0;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    const Sequence sequence{select->integer(0)};
    auto stored = reader_.load(sequence);
    if (!stored) return stored.error();
    if (*stored) add_keys((*stored)->document, sequence);
    if (++count < documents_max) continue;
    found.through = sequence;
    break;
  }
  auto amended = reader_.impl().database.prepare(
      "SELECT document, step FROM delivery WHERE state NOT IN (3, 5) AND target = ? AND document > ? AND "
      "document <= ? AND version IS NOT NULL");
  if (!amended) return amended.error();
  amended->bind(1, target).bind(2, after.value).bind(3, found.through.value);
  while (true) {
    auto row = amended->step();
    if (!row) return row.error();
    if (!*row) return found;
    const DeliveryKey key{Sequence{amended->integer(0)}, amended->text(1)};
    auto stored = reader_.load_version(key);
    if (!stored) return stored.error();
    if (*stored) add_keys((*stored)->document, key.document);
  }
}

}  // namespace tillsync
