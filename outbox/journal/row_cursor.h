// The state rows of one document after the other, in one walk over the table where the documents lie close
// together.
#pragma once

#include <optional>
#include <vector>

#include "outbox/journal/derive.h"
#include "platform/sqlite/database.h"

namespace tillsync {

class RowCursor {
 public:
  static Result<RowCursor> open(sqlite::Database& database);
  /// The rows of `document`, by step. Cheapest where documents are asked for in ascending order.
  Result<std::vector<DeliveryRow>> rows_of(Sequence document);

 private:
  explicit RowCursor(sqlite::Statement select) : select_(std::move(select)) {}
  Result<void> seek(Sequence document);
  Result<void> move();

  sqlite::Statement select_;
  std::optional<Sequence> at_;  ///< the document of the row that `select_` stands on; nothing: at the end
  Sequence asked_;              ///< the last document that was asked for; 0: none yet
};

}  // namespace tillsync
