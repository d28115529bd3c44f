#include "outbox/journal/row_cursor.h"

#include <string>

#include "outbox/journal/writer_statements.h"

namespace tillsync {
namespace {

/// To step over so many documents costs less than to search.
constexpr std::int64_t kStepOverMax = 32;

}  // namespace

Result<RowCursor> RowCursor::open(sqlite::Database& database) {
  auto select = database.prepare(std::string("SELECT ") + kDeliveryColumns +
                                 ", document FROM delivery WHERE document >= ? ORDER BY document, step");
  if (!select) return select.error();
  return RowCursor(std::move(*select));
}

Result<std::vector<DeliveryRow>> RowCursor::rows_of(Sequence document) {
  const bool ahead = asked_.value > 0 && document > asked_ && document.value - asked_.value <= kStepOverMax;
  asked_ = document;
  if (!ahead) {
    if (auto sought = seek(document); !sought) return sought.error();
  }
  std::vector<DeliveryRow> rows;
  while (at_ && *at_ <= document) {
    if (*at_ == document) rows.push_back(delivery_row(select_));
    if (auto moved = move(); !moved) return moved.error();
  }
  return rows;
}

Result<void> RowCursor::seek(Sequence document) {
  select_.reset();
  select_.bind(1, document.value);
  return move();
}

Result<void> RowCursor::move() {
  auto row = select_.step();
  if (!row) return row.error();
  at_ = *row ? std::optional(Sequence{select_.integer(kDeliveryColumnCount)}) : std::nullopt;
  return ok();
}

}  // namespace tillsync
