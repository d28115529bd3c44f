// Are the derived tables what the records add up to? Fed by verify as it walks the chain.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "outbox/journal/derivation.h"
#include "outbox/journal/facts.h"

namespace tillsync {

/// Remembers the first difference, as "table NAME, KEY: what". Private to outbox/journal.
class DerivedCheck {
 public:
  static Result<DerivedCheck> open(sqlite::Database& database);

  /// Every record, in journal order, once its hash is found right. An error where the database cannot be
  /// read.
  Result<void> record(RecordKind kind, Sequence sequence, std::optional<Sequence> about,
                      std::string_view body);
  Result<void> document(Sequence sequence, const Document& document, const DocumentMeta& meta);
  /// After the last record: the tables of sums, and rows that stand for nothing. `gaps`: what is not there.
  Result<void> finish(const std::map<Sequence, DerivedGap>& gaps);

  const std::optional<std::string>& difference() const { return difference_; }

 private:
  DerivedCheck(sqlite::Database& database, DocumentDeriver deriver, std::vector<sqlite::Statement> made)
      : database_(&database), deriver_(std::move(deriver)), made_(std::move(made)) {}

  void differs(std::string_view table, const std::string& key, const std::string& what);
  void expect(std::string_view table, const std::string& key, std::int64_t stored, std::int64_t derived);
  Result<std::optional<std::int64_t>> look(sqlite::Statement& select);
  Result<void> check_rows(const DerivedDocument& document);
  Result<void> check_keys(Sequence sequence, const Document& document, const DocumentMeta& meta);
  Result<void> check_strays();
  Result<void> check_counters(bool pruned);
  Result<void> check_days(const std::map<Sequence, DerivedGap>& gaps);
  Result<void> check_day_targets(const std::map<Sequence, DerivedGap>& gaps);
  Result<void> check_gaps(const std::map<Sequence, DerivedGap>& gaps);
  Result<void> check_lanes();
  Result<void> check_conflicts();
  Result<void> check_database();

  sqlite::Database* database_;
  DocumentDeriver deriver_;
  std::vector<sqlite::Statement> made_;
  RouteHistory routes_;
  DerivedTotals totals_;
  std::map<std::string, Sequence> frontiers_;  // as stored
  bool frontiers_read_ = false;
  std::optional<std::string> difference_;
};

}  // namespace tillsync
