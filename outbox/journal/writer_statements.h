// The writer's prepared statements, and the longer pieces of SQL behind Journal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "outbox/journal/derive.h"
#include "outbox/journal/facts.h"
#include "platform/sqlite/database.h"

namespace tillsync {

struct WriterStatements {
  sqlite::Statement begin, commit, rollback, checkpoint_passive, checkpoint_truncate;
  sqlite::Statement insert_record, select_record, select_id, select_about, select_facts_back;
  sqlite::Statement select_key, insert_key;
  sqlite::Statement select_deliveries, upsert_delivery, park_delivery;
  sqlite::Statement add_counter, add_day, set_day_target, set_head;
  sqlite::Statement select_lane, reserve_lane, frontier_lane, pause_lane;
  sqlite::Statement select_ahead, reserve_ahead, delete_ahead, select_day, reserve_day;

  static Result<WriterStatements> prepare(sqlite::Database& database);
};

/// What delivery_row() reads, first in its SELECT.
inline constexpr const char* kDeliveryColumns = "step, target, state, attempts, version, last_fact";
inline constexpr int kDeliveryColumnCount = 6;
/// The statement of read_delivery_rows().
inline const std::string kSelectDeliveries =
    std::string("SELECT ") + kDeliveryColumns + " FROM delivery WHERE document = ?";
/// The row that `select` stands on.
DeliveryRow delivery_row(const sqlite::Statement& select);
Result<std::vector<DeliveryRow>> read_delivery_rows(sqlite::Statement& select, Sequence document);

struct Pruned {
  std::vector<PrunedRange> ranges;
  std::int64_t records = 0;
  bool more = false;
};
/// Removes what Journal::prune promises, and keeps the gap table; the caller appends the fact.
Result<Pruned> prune_records(sqlite::Database& database, const RouteHistory& routes, std::int64_t keep_days,
                             UtcTime recorded_before, std::size_t records_max);

}  // namespace tillsync
