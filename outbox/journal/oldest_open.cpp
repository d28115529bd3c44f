// JournalReader: which document waits longest. Asked with every status, so it must cost the same at any size
// of journal: it looks at what is unsettled on record, and at the few documents past a lane's frontier.
#include <limits>

#include "outbox/journal/reader_impl.h"
#include "outbox/journal/writer_statements.h"

namespace tillsync {
namespace {

/// A delivery without a row was not attempted yet.
bool owes(const std::vector<RouteStep>& plan, const std::vector<DeliveryRow>& rows,
          const std::string& target) {
  for (const auto& step : plan) {
    if (step.target != target) continue;
    const auto* row = row_of(rows, step.step);
    if (row == nullptr || is_open(row->state)) return true;
  }
  return false;
}

}  // namespace

Result<std::optional<Sequence>> JournalReader::Impl::oldest_open(const std::string& target,
                                                                 std::optional<Sequence> before) {
  std::optional<Sequence> oldest;
  // By the partial index delivery_unsettled; 4 is quarantined.
  auto on_record = database.prepare(
      "SELECT document FROM delivery WHERE state NOT IN (3, 5) AND target = ? AND state <> 4 "
      "ORDER BY document LIMIT 1");
  if (!on_record) return on_record.error();
  auto row = on_record->bind(1, target).step();
  if (!row) return row.error();
  if (*row && (!before || on_record->integer(0) < before->value)) oldest = Sequence{on_record->integer(0)};

  auto lane = database.prepare("SELECT frontier FROM lane WHERE target = ?");
  if (!lane) return lane.error();
  row = lane->bind(1, target).step();
  if (!row) return row.error();
  const std::int64_t frontier = *row ? lane->integer(0) : 0;
  const auto end = oldest ? oldest : before;
  auto documents = database.prepare(
      "SELECT sequence, type FROM record WHERE kind = 1 AND sequence > ? AND sequence < ? ORDER BY sequence");
  if (!documents) return documents.error();
  documents->bind(1, frontier).bind(2, end ? end->value : std::numeric_limits<std::int64_t>::max());
  while (true) {
    row = documents->step();
    if (!row) return row.error();
    if (!*row) return oldest;
    const Sequence document{documents->integer(0)};
    const auto& plan = routes.plan(document, static_cast<DocumentType>(documents->integer(1)));
    auto rows = read_delivery_rows(*select_deliveries, document);
    if (!rows) return rows.error();
    if (owes(plan, *rows, target)) return std::optional(document);
  }
}

Result<std::optional<Sequence>> JournalReader::Impl::first_sale_past_frontier(const std::string& target,
                                                                              std::int64_t end) {
  auto documents = database.prepare(
      "SELECT sequence FROM record WHERE kind = 1 AND type = ?1 AND sequence < ?3 AND sequence > "
      "COALESCE((SELECT frontier FROM lane WHERE target = ?2), 0) ORDER BY sequence");
  if (!documents) return documents.error();
  documents->bind(1, static_cast<std::int64_t>(DocumentType::kSale)).bind(2, target).bind(3, end);
  while (true) {
    auto row = documents->step();
    if (!row) return row.error();
    if (!*row) return std::optional<Sequence>();
    const Sequence document{documents->integer(0)};
    auto rows = read_delivery_rows(*select_deliveries, document);
    if (!rows) return rows.error();
    if (owes(routes.plan(document, DocumentType::kSale), *rows, target)) return std::optional(document);
  }
}

Result<std::optional<StoredDocument>> JournalReader::try_oldest_sale_not_at(const std::string& target) {
  return impl_->in_one_state([&]() -> Result<std::optional<StoredDocument>> {
    auto known = counts();
    if (!known) return known.error();
    const auto count = known->targets.find(target);
    if (count == known->targets.end() || count->second.owed == 0) return std::optional<StoredDocument>();
    if (auto fresh = impl_->refresh_routes(); !fresh) return fresh.error();
    // By the partial index delivery_unsettled.
    auto on_record = impl_->database.prepare(
        "SELECT d.document FROM delivery d JOIN record r ON r.sequence = d.document "
        "WHERE d.state NOT IN (3, 5) AND d.target = ?1 AND r.type = ?2 ORDER BY d.document LIMIT 1");
    if (!on_record) return on_record.error();
    auto row = on_record->bind(1, target).bind(2, static_cast<std::int64_t>(DocumentType::kSale)).step();
    if (!row) return row.error();
    std::optional<Sequence> oldest;
    if (*row) oldest = Sequence{on_record->integer(0)};
    auto unattempted = impl_->first_sale_past_frontier(
        target, oldest ? oldest->value : std::numeric_limits<std::int64_t>::max());
    if (!unattempted) return unattempted.error();
    if (*unattempted) oldest = *unattempted;
    if (!oldest) return std::optional<StoredDocument>();
    return load(*oldest);
  });
}

Result<std::optional<StoredDocument>> JournalReader::try_oldest_open() {
  return impl_->in_one_state([&]() -> Result<std::optional<StoredDocument>> {
    auto known = counts();
    if (!known) return known.error();
    if (known->backlog() == 0) return std::optional<StoredDocument>();
    if (auto fresh = impl_->refresh_routes(); !fresh) return fresh.error();
    std::optional<Sequence> oldest;
    for (const auto& [target, count] : known->targets) {
      if (count.owed <= count.quarantined) continue;  // nothing open, and perhaps a lane that nobody moves on
      auto older = impl_->oldest_open(target, oldest);
      if (!older) return older.error();
      if (*older) oldest = *older;
    }
    if (!oldest) return std::optional<StoredDocument>();
    return load(*oldest);
  });
}

}  // namespace tillsync
