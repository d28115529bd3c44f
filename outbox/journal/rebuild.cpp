#include "outbox/journal/rebuild.h"

#include "outbox/document/codec.h"

namespace tillsync {
namespace {

class Rebuild {
 public:
  Rebuild(sqlite::Database& database, DocumentDeriver deriver)
      : database_(database), deriver_(std::move(deriver)) {}

  Result<std::int64_t> run(Sequence head, const std::map<Sequence, DerivedGap>& gaps) {
    auto select = database_.prepare("SELECT sequence, kind, document, body FROM record ORDER BY sequence");
    if (!select) return select.error();
    while (true) {
      auto row = select->step();
      if (!row) return row.error();
      if (!*row) break;
      if (auto added = add(*select); !added) return added.error();
    }
    for (auto part :
         {&Rebuild::put_counters, &Rebuild::put_days, &Rebuild::put_day_targets, &Rebuild::put_conflicts}) {
      if (auto put = (this->*part)(); !put) return put.error();
    }
    if (auto put = put_lanes(head); !put) return put.error();
    if (auto put = put_gaps(gaps); !put) return put.error();
    return documents_;
  }

 private:
  Result<void> add(sqlite::Statement& row) {
    const Sequence sequence{row.integer(0)};
    const auto kind = static_cast<RecordKind>(row.integer(1));
    const auto body = row.blob_view(3);
    if (kind == RecordKind::kRoutes) {
      auto routes = decode_routes(body);
      if (!routes) return routes.error();
      for (const auto& [type, steps] : routes->steps) {
        for (const auto& step : steps) frontiers_.try_emplace(step.target);
      }
      routes_.add(sequence, std::move(*routes));
      return ok();
    }
    if (kind != RecordKind::kDocument) {
      const auto about = row.is_null(2) ? std::nullopt : std::optional(Sequence{row.integer(2)});
      return totals_.add_fact(kind, sequence, about, body);
    }
    ++documents_;
    return add_document(sequence, body);
  }

  Result<void> add_document(Sequence sequence, std::string_view body) {
    auto record = decode_document_record(body);
    if (!record) return record.error();
    auto document = decode_document(record->document);
    if (!document) return document.error();
    auto derived = deriver_.derive(sequence, document->type,
                                   document->business_day.day.time_since_epoch().count(), routes_);
    if (!derived) return derived.error();
    totals_.add(*derived);
    for (const auto& step : derived->plan) {
      auto& frontier = frontiers_[step.target];
      if (!frontier && row_of(derived->rows, step.step) == nullptr) frontier = Sequence{sequence.value - 1};
    }
    for (const auto& row : derived->rows) {
      if (auto put = put_delivery(sequence, row); !put) return put.error();
    }
    if (record->meta.idempotency_key.empty()) return ok();
    auto insert = database_.prepare("INSERT OR IGNORE INTO idempotency_key VALUES(?, ?)");
    if (!insert) return insert.error();
    return insert->bind(1, record->meta.idempotency_key).bind(2, sequence.value).run();
  }

  Result<void> put_delivery(Sequence document, const DeliveryRow& row) {
    if (!insert_delivery_) {
      auto insert = database_.prepare("INSERT INTO delivery VALUES(?, ?, ?, ?, ?, ?, ?)");
      if (!insert) return insert.error();
      insert_delivery_.emplace(std::move(*insert));
    }
    auto& insert = *insert_delivery_;
    insert.bind(1, document.value).bind(2, row.step).bind(3, row.target);
    insert.bind(4, static_cast<std::int64_t>(row.state)).bind(5, row.attempts);
    if (row.version) insert.bind(6, row.version->value);
    if (row.last_fact) insert.bind(7, row.last_fact->value);
    return insert.run();
  }

  Result<void> put_counters() {
    auto insert = database_.prepare("INSERT INTO counter VALUES(?, ?)");
    if (!insert) return insert.error();
    for (const auto& [name, value] : totals_.counters) {
      if (auto put = insert->bind(1, name).bind(2, value).run(); !put) return put.error();
    }
    return ok();
  }

  Result<void> put_days() {
    auto insert = database_.prepare("INSERT INTO day VALUES(?, ?, ?)");
    if (!insert) return insert.error();
    for (const auto& [number, day] : totals_.days) {
      auto put = insert->bind(1, number).bind(2, day.first.value).bind(3, day.documents).run();
      if (!put) return put.error();
    }
    return ok();
  }

  Result<void> put_day_targets() {
    auto insert = database_.prepare("INSERT INTO day_target VALUES(?, ?, ?)");
    if (!insert) return insert.error();
    for (const auto& [key, last] : totals_.day_targets) {
      auto put = insert->bind(1, key.first).bind(2, key.second).bind(3, last.value).run();
      if (!put) return put.error();
    }
    return ok();
  }

  Result<void> put_conflicts() {
    for (const auto& [record, row] : totals_.conflicts) {
      if (auto put = put_conflict_row(database_, record, row); !put) return put.error();
    }
    return ok();
  }

  Result<void> put_lanes(Sequence head) {
    auto insert = database_.prepare("INSERT INTO lane VALUES(?, ?, ?, ?)");
    if (!insert) return insert.error();
    for (const auto& [target, paused] : totals_.paused) frontiers_.try_emplace(target);
    for (const auto& [target, frontier] : frontiers_) {
      const auto paused = totals_.paused.find(target);
      insert->bind(1, target).bind(2, frontier.value_or(head).value).bind(3, head.value);
      auto put = insert->bind(4, paused != totals_.paused.end() && paused->second ? 1 : 0).run();
      if (!put) return put.error();
    }
    return ok();
  }

  Result<void> put_gaps(const std::map<Sequence, DerivedGap>& gaps) {
    auto insert = database_.prepare("INSERT INTO gap VALUES(?, ?, ?)");
    if (!insert) return insert.error();
    for (const auto& [first, gap] : gaps) {
      auto put = insert->bind(1, first.value).bind(2, gap.last.value).bind_blob(3, gap.hash).run();
      if (!put) return put.error();
    }
    return ok();
  }

  sqlite::Database& database_;
  DocumentDeriver deriver_;
  RouteHistory routes_;
  DerivedTotals totals_;
  std::map<std::string, std::optional<Sequence>> frontiers_;  // by target; nothing: no document stops it
  std::optional<sqlite::Statement> insert_delivery_;
  std::int64_t documents_ = 0;
};

}  // namespace

Result<std::int64_t> rebuild_derived(sqlite::Database& database, Sequence head,
                                     const std::map<Sequence, DerivedGap>& gaps) {
  auto deriver = DocumentDeriver::open(database);
  if (!deriver) return deriver.error();
  return Rebuild(database, std::move(*deriver)).run(head, gaps);
}

}  // namespace tillsync
