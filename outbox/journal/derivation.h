// What a journal's records add up to, in the large: the derived tables, made from nothing but the records.
// verify compares the tables with it, recovery makes them anew by it. A document at a time, so that memory
// does not grow with the journal: what is kept are sums by day, by target and by kind.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "outbox/journal/conflict_rows.h"
#include "outbox/journal/derive.h"
#include "platform/sqlite/database.h"

namespace tillsync {

/// One document with the state rows that its facts lead to; a delivery without facts has none.
struct DerivedDocument {
  Sequence sequence;
  DocumentType type = DocumentType::kSale;
  std::int64_t business_day = 0;  ///< days since 1970
  std::vector<RouteStep> plan;    ///< by the routes in force when it was journaled
  std::vector<DeliveryRow> rows;
  std::map<std::string, Sequence> last_delivered;  ///< by target

  DocumentStatus status() const { return derive_status(plan, rows); }
};

/// Reads a document's facts by the index on them.
class DocumentDeriver {
 public:
  static Result<DocumentDeriver> open(sqlite::Database& database);
  Result<DerivedDocument> derive(Sequence document, DocumentType type, std::int64_t business_day,
                                 const RouteHistory& routes);

 private:
  explicit DocumentDeriver(sqlite::Statement select) : select_(std::move(select)) {}
  sqlite::Statement select_;
};

/// Sums over all that was added.
struct DerivedTotals {
  std::map<std::string, std::int64_t> counters;
  struct Day {
    Sequence first;
    std::int64_t documents = 0;
  };
  std::map<std::int64_t, Day> days;
  std::map<std::pair<std::int64_t, std::string>, Sequence> day_targets;
  std::map<std::string, bool> paused;  ///< targets that a person ever paused or resumed
  ConflictRows conflicts;

  /// Documents come in journal order.
  void add(const DerivedDocument& document);
  /// Outcomes, decisions, conflicts and resolutions, in journal order; other kinds add nothing.
  Result<void> add_fact(RecordKind kind, Sequence at, std::optional<Sequence> about, std::string_view body);

 private:
  Result<void> add_conflict(Sequence at, std::optional<Sequence> about, std::string_view body);
  Result<void> add_resolution(Sequence at, std::string_view body);
  std::map<Sequence, std::string> open_kinds;  ///< of the conflicts
};

/// Ranges of records that are not there, by their first: those that retention removed and those that a
/// recovery could not carry over, neighbours joined, each with the hash of its last record.
struct DerivedGap {
  Sequence last;
  std::string hash;
  bool operator==(const DerivedGap&) const = default;
};
std::map<Sequence, DerivedGap> derive_gaps(std::map<Sequence, PrunedRange> ranges);

/// The ranges that `pruned` and `recovered` records tell of, by their first; `recovered` gets the latter.
/// Reads them by their index, or, where that is damaged, by walking all records.
enum class RangesBy { kIndex, kRecords };
Result<std::map<Sequence, PrunedRange>> read_ranges(sqlite::Database& database,
                                                    std::vector<RecoveredFact>& recovered, RangesBy by);

}  // namespace tillsync
