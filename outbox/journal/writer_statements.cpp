#include "outbox/journal/writer_statements.h"

namespace tillsync {

Result<WriterStatements> WriterStatements::prepare(sqlite::Database& database) {
  std::vector<sqlite::Statement> made;
  for (const char* sql : {
           "BEGIN IMMEDIATE",
           "COMMIT",
           "ROLLBACK",
           "PRAGMA wal_checkpoint(PASSIVE)",
           "PRAGMA wal_checkpoint(TRUNCATE)",
           "INSERT INTO record(sequence, kind, recorded_at, document, id, type, business_day, body, hash) "
           "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
           "SELECT recorded_at, body FROM record WHERE sequence = ?",
           "SELECT sequence FROM record WHERE id = ?",
           "SELECT type, business_day FROM record WHERE sequence = ?",
           "SELECT kind, body FROM record WHERE document = ? ORDER BY sequence DESC LIMIT ?",
           "SELECT document FROM idempotency_key WHERE key = ?",
           "INSERT INTO idempotency_key VALUES(?, ?)",
           kSelectDeliveries.c_str(),
           "INSERT INTO delivery(document, step, target, state, attempts, version, last_fact) VALUES(?, ?, "
           "?, ?, ?, ?, ?) "
           "ON CONFLICT DO UPDATE SET state = excluded.state, attempts = excluded.attempts, version = "
           "excluded.version, "
           "last_fact = excluded.last_fact",
           "INSERT INTO delivery(document, step, target, state, attempts) VALUES(?, ?, ?, 0, 0) ON CONFLICT "
           "DO NOTHING",
           "INSERT INTO counter VALUES(?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
           "INSERT INTO day VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET documents = documents + "
           "excluded.documents",
           "INSERT INTO day_target VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET last_delivered = "
           "excluded.last_delivered",
           "UPDATE head SET sequence = ?, hash = ?",
           "SELECT frontier, reserved, paused FROM lane WHERE target = ?",
           "INSERT INTO lane VALUES(?1, 0, ?2, 0) ON CONFLICT DO UPDATE SET reserved = excluded.reserved",
           "INSERT INTO lane VALUES(?1, ?2, 0, 0) ON CONFLICT DO UPDATE SET frontier = excluded.frontier",
           "INSERT INTO lane VALUES(?1, 0, 0, ?2) ON CONFLICT DO UPDATE SET paused = excluded.paused",
           "SELECT first, last FROM lane_ahead WHERE target = ? ORDER BY first",
           "INSERT INTO lane_ahead VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET last = max(last, "
           "excluded.last)",
           "DELETE FROM lane_ahead WHERE target = ?1 AND last <= ?2",
           "SELECT full_at FROM lane_day WHERE target = ?",
           "INSERT INTO lane_day VALUES(?1, ?2) ON CONFLICT DO UPDATE SET full_at = excluded.full_at",
       }) {
    auto statement = database.prepare(sql);
    if (!statement) return statement.error();
    made.push_back(std::move(*statement));
  }
  std::size_t next = 0;
  const auto take = [&]() -> sqlite::Statement { return std::move(made[next++]); };
  // Braced initialisation runs in order: the list above has the order of the members.
  return WriterStatements{take(), take(), take(), take(), take(), take(), take(), take(), take(), take(),
                          take(), take(), take(), take(), take(), take(), take(), take(), take(), take(),
                          take(), take(), take(), take(), take(), take(), take(), take()};
}

DeliveryRow delivery_row(const sqlite::Statement& select) {
  DeliveryRow row{select.text(0), select.text(1), static_cast<DeliveryState>(select.integer(2)),
                  static_cast<int>(select.integer(3))};
  if (!select.is_null(4)) row.version = Sequence{select.integer(4)};
  if (!select.is_null(5)) row.last_fact = Sequence{select.integer(5)};
  return row;
}

Result<std::vector<DeliveryRow>> read_delivery_rows(sqlite::Statement& select, Sequence document) {
  select.bind(1, document.value);
  std::vector<DeliveryRow> rows;
  while (true) {
    auto next = select.step();
    if (!next) return next.error();
    if (!*next) break;
    rows.push_back(delivery_row(select));
  }
  select.reset();
  return rows;
}

}  // namespace tillsync
