// Inside of JournalReader, shared by its source files.
#pragma once

#include <functional>
#include <optional>

#include "outbox/journal/derive.h"
#include "outbox/journal/reader.h"
#include "platform/sqlite/database.h"

namespace tillsync {

struct JournalReader::Impl {
  sqlite::Database database;
  RouteHistory routes;
  std::optional<sqlite::Statement> select_document, select_id, select_body, select_time, select_deliveries,
      select_routes, begin, commit;
  std::function<void(const Error&)> on_damage;
  bool in_one = false;  ///< what is read is one state, until end_state()

  /// False: it is one state already, and whoever began it ends it.
  Result<bool> begin_state();
  Result<void> end_state();
  /// What `read` reads is one state of the journal: between two statements on their own retention may take
  /// what the first one named. Inside of another it adds nothing.
  template <class Read>
  auto in_one_state(Read read) -> decltype(read()) {
    auto begun = begin_state();
    if (!begun) return begun.error();
    auto result = read();
    if (!*begun) return result;
    if (auto ended = end_state(); !ended && result) return ended.error();
    return result;
  }

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
  Result<UtcTime> recorded_at(Sequence sequence);
  /// Which views name the last fact: each costs a record and its JSON.
  enum class Told { kAll, kButDelivered };
  Result<std::vector<DeliveryView>> views(Sequence document, DocumentType type,
                                          const std::vector<DeliveryRow>& rows, Told told);
  /// The oldest document with an open delivery to the target, where that is older than `before`.
  Result<std::optional<Sequence>> oldest_open(const std::string& target, std::optional<Sequence> before);
  /// The first sale past the target's frontier that is owed to it, before `end`.
  Result<std::optional<Sequence>> first_sale_past_frontier(const std::string& target, std::int64_t end);
  Result<void> visit_days(BusinessDay from, BusinessDay to,
                          const std::function<bool(const DayDocument&)>& visit);
};

}  // namespace tillsync
