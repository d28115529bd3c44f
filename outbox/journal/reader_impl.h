// Inside of JournalReader, shared by its two source files.
#pragma once

#include "outbox/journal/derive.h"
#include "outbox/journal/reader.h"
#include "platform/sqlite/database.h"

namespace tillsync {

struct JournalReader::Impl {
  sqlite::Database database;
  RouteHistory routes;
  std::optional<sqlite::Statement> select_document, select_id, select_body, select_deliveries, select_routes;

  Result<void> prepare();
  /// A row of (sequence, recorded_at, body).
  Result<StoredDocument> stored(sqlite::Statement& row);
  Result<std::optional<StoredDocument>> first(sqlite::Statement& select);
  Result<void> refresh_routes();
  struct Body {
    std::string body;
    UtcTime recorded_at;
  };
  Result<Body> body_of(Sequence sequence);
  Result<std::vector<DeliveryView>> views(Sequence document, DocumentType type);
  Result<void> visit_days(BusinessDay from, BusinessDay to,
                          const std::function<bool(const DayDocument&)>& visit);
};

}  // namespace tillsync
