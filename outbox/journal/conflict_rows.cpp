#include "outbox/journal/conflict_rows.h"

namespace tillsync {
namespace {

std::int64_t days_of(BusinessDay day) {
  return day.day.time_since_epoch().count();
}

std::optional<Sequence> sequence_at(const sqlite::Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(Sequence{row.integer(column)});
}

UtcTime utc_at(const sqlite::Statement& row, int column) {
  return UtcTime(std::chrono::microseconds(row.integer(column)));
}

}  // namespace

ConflictRow conflict_row(const ConflictFact& fact) {
  return {fact.key(), fact.document, days_of(fact.business_day), fact.is_open(), std::nullopt};
}

Result<void> put_conflict_row(sqlite::Database& database, Sequence record, const ConflictRow& row) {
  auto insert = database.prepare("INSERT INTO conflict VALUES(?, ?, ?, ?, ?, ?)");
  if (!insert) return insert.error();
  insert->bind(1, record.value).bind(2, row.key);
  if (row.document) insert->bind(3, row.document->value);
  insert->bind(4, row.business_day).bind(5, row.open ? 1 : 0);
  if (row.resolution) insert->bind(6, row.resolution->value);
  return insert->run();
}

Result<ConflictRows> read_conflict_rows(sqlite::Database& database) {
  auto select =
      database.prepare("SELECT record, key, document, business_day, open, resolution FROM conflict");
  if (!select) return select.error();
  ConflictRows rows;
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return rows;
    rows[Sequence{select->integer(0)}] =
        ConflictRow{select->text(1), sequence_at(*select, 2), select->integer(3), select->integer(4) != 0,
                    sequence_at(*select, 5)};
  }
}

Result<std::vector<ConflictView>> read_conflicts(sqlite::Database& database, const std::string& where,
                                                 std::int64_t value, std::size_t limit) {
  auto select = database.prepare(
      "SELECT c.record, r.recorded_at, r.document, r.body, d.recorded_at, d.body FROM conflict AS c JOIN "
      "record AS r ON r.sequence = c.record LEFT JOIN record AS d ON d.sequence = c.resolution WHERE " +
      where + " ORDER BY c.record LIMIT ?");
  if (!select) return select.error();
  select->bind(1, value).bind(2, static_cast<std::int64_t>(limit));
  std::vector<ConflictView> views;
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return views;
    auto fact = decode_conflict(sequence_at(*select, 2), select->blob_view(3));
    if (!fact) return fact.error();
    ConflictView view{Sequence{select->integer(0)}, utc_at(*select, 1), std::move(*fact), std::nullopt};
    if (!select->is_null(4)) {
      auto resolution = decode_resolution(select->blob_view(5));
      if (!resolution) return resolution.error();
      view.resolution = ConflictView::Resolution{utc_at(*select, 4), std::move(*resolution)};
    }
    views.push_back(std::move(view));
  }
}

}  // namespace tillsync
