// Retention: what is settled and old goes; what is owed, and the proof that nothing else went, stays (I2,
// I7).
#include <map>

#include "outbox/journal/writer_statements.h"
#include "platform/base/mutation.h"
#include "platform/crypto/sha256.h"

namespace tillsync {
namespace {

class Pruner {
 public:
  static Result<Pruner> open(sqlite::Database& database) {
    std::vector<sqlite::Statement> made;
    for (const char* sql : {
             // Days in the order in which the journal first met them: a date far in the future is one day
             // like any other.
             "SELECT business_day FROM day ORDER BY first_sequence DESC LIMIT -1 OFFSET ?",
             "SELECT sequence, type, hash FROM record WHERE business_day = ? AND recorded_at < ? AND "
             "sequence > ? "
             "ORDER BY sequence LIMIT 64",
             kSelectDeliveries.c_str(),
             "SELECT sequence, hash FROM record WHERE document = ?",
             "DELETE FROM record WHERE sequence = ?",
             "DELETE FROM delivery WHERE document = ?",
             "DELETE FROM idempotency_key WHERE document = ?",
             "UPDATE day SET documents = documents - 1 WHERE business_day = ?",
             "DELETE FROM day WHERE documents <= 0",
             "DELETE FROM day_target WHERE business_day NOT IN (SELECT business_day FROM day)",
             "SELECT first FROM gap WHERE last = ?",
             "SELECT last, hash FROM gap WHERE first = ?",
             "DELETE FROM gap WHERE first = ?",
             "INSERT INTO gap VALUES(?, ?, ?)",
             "SELECT 1 FROM conflict WHERE document = ? AND open <> 0 LIMIT 1",
             "DELETE FROM conflict WHERE document = ?",
         }) {
      auto statement = database.prepare(sql);
      if (!statement) return statement.error();
      made.push_back(std::move(*statement));
    }
    return Pruner(std::move(made));
  }

  Result<Pruned> run(const RouteHistory& routes, std::int64_t keep_days, UtcTime recorded_before,
                     std::size_t records_max) {
    auto days = old_days(keep_days);
    if (!days) return days.error();
    Pruned pruned;
    for (const auto day : *days) {
      auto done = prune_day(routes, day, recorded_before, records_max);
      if (!done) return done.error();
      if (removed_.size() >= records_max) {
        pruned.more = true;
        break;
      }
    }
    for (auto* statement : {&made_[8], &made_[9]}) {
      if (auto done = statement->run(); !done) return done.error();
    }
    pruned.records = static_cast<std::int64_t>(removed_.size());
    auto ranges = note_gaps();
    if (!ranges) return ranges.error();
    pruned.ranges = std::move(*ranges);
    return pruned;
  }

 private:
  explicit Pruner(std::vector<sqlite::Statement> made) : made_(std::move(made)) {}

  Result<std::vector<std::int64_t>> old_days(std::int64_t keep_days) {
    std::vector<std::int64_t> days;
    auto& select = made_[0];
    select.bind(1, mutated("expire-by-wall-clock") ? 0 : keep_days);
    while (true) {
      auto row = select.step();
      if (!row) return row.error();
      if (!*row) break;
      days.push_back(select.integer(0));
    }
    select.reset();
    return days;
  }

  struct Candidate {
    Sequence sequence;
    DocumentType type;
    std::string hash;
  };

  Result<void> prune_day(const RouteHistory& routes, std::int64_t day, UtcTime recorded_before,
                         std::size_t records_max) {
    Sequence after{0};
    while (removed_.size() < records_max) {
      auto page = candidates(day, recorded_before, after);
      if (!page) return page.error();
      if (page->empty()) break;
      after = page->back().sequence;
      for (const auto& candidate : *page) {
        auto rows = read_delivery_rows(made_[2], candidate.sequence);
        if (!rows) return rows.error();
        const auto status = derive_status(routes.plan(candidate.sequence, candidate.type), *rows);
        if (status == DocumentStatus::kJournaled || status == DocumentStatus::kQuarantined) continue;
        auto waits = has_open_conflict(candidate.sequence);
        if (!waits) return waits.error();
        if (*waits) continue;
        if (auto removed = remove(candidate, day); !removed) return removed.error();
      }
    }
    return ok();
  }

  Result<std::vector<Candidate>> candidates(std::int64_t day, UtcTime recorded_before, Sequence after) {
    std::vector<Candidate> page;
    auto& select = made_[1];
    select.bind(1, day).bind(2, recorded_before.time_since_epoch().count()).bind(3, after.value);
    while (true) {
      auto row = select.step();
      if (!row) return row.error();
      if (!*row) break;
      page.push_back(Candidate{Sequence{select.integer(0)}, static_cast<DocumentType>(select.integer(1)),
                               select.blob(2)});
    }
    select.reset();
    return page;
  }

  Result<bool> has_open_conflict(Sequence document) {
    auto row = made_[14].bind(1, document.value).step();
    made_[14].reset();
    return row;
  }

  Result<void> remove(const Candidate& candidate, std::int64_t day) {
    removed_[candidate.sequence] = candidate.hash;
    std::vector<Sequence> records{candidate.sequence};
    auto& facts = made_[3];
    facts.bind(1, candidate.sequence.value);
    while (true) {
      auto row = facts.step();
      if (!row) return row.error();
      if (!*row) break;
      records.push_back(Sequence{facts.integer(0)});
      removed_[records.back()] = facts.blob(1);
    }
    facts.reset();
    for (const auto sequence : records) {
      if (auto done = made_[4].bind(1, sequence.value).run(); !done) return done.error();
    }
    if (auto done = made_[5].bind(1, candidate.sequence.value).run(); !done) return done.error();
    if (auto done = made_[6].bind(1, candidate.sequence.value).run(); !done) return done.error();
    if (auto done = made_[15].bind(1, candidate.sequence.value).run(); !done) return done.error();
    return made_[7].bind(1, day).run();
  }

  // Runs of neighbours become ranges; the gap table joins them with what was removed before.
  Result<std::vector<PrunedRange>> note_gaps() {
    std::vector<PrunedRange> ranges;
    for (auto first = removed_.begin(); first != removed_.end();) {
      auto last = first;
      for (auto next = std::next(last); next != removed_.end() && next->first.value == last->first.value + 1;
           ++next) {
        last = next;
      }
      ranges.push_back(PrunedRange{first->first, last->first, to_hex(last->second)});
      if (auto joined = join_gap(first->first, last->first, last->second); !joined) return joined.error();
      first = std::next(last);
    }
    return ranges;
  }

  Result<void> join_gap(Sequence first, Sequence last, std::string hash) {
    auto& before = made_[10];
    auto row = before.bind(1, first.value - 1).step();
    if (!row) return row.error();
    const Sequence joined_first{*row ? before.integer(0) : 0};
    before.reset();
    auto& behind = made_[11];
    row = behind.bind(1, last.value + 1).step();
    if (!row) return row.error();
    const bool has_behind = *row;
    const Sequence behind_first{last.value + 1};
    if (has_behind) {
      last = Sequence{behind.integer(0)};
      hash = behind.blob(1);
    }
    behind.reset();
    if (has_behind) {
      if (auto done = made_[12].bind(1, behind_first.value).run(); !done) return done.error();
    }
    if (joined_first.value != 0) {
      first = joined_first;
      if (auto done = made_[12].bind(1, first.value).run(); !done) return done.error();
    }
    return made_[13].bind(1, first.value).bind(2, last.value).bind_blob(3, hash).run();
  }

  std::vector<sqlite::Statement> made_;
  std::map<Sequence, std::string> removed_;
};

}  // namespace

Result<Pruned> prune_records(sqlite::Database& database, const RouteHistory& routes, std::int64_t keep_days,
                             UtcTime recorded_before, std::size_t records_max) {
  auto pruner = Pruner::open(database);
  if (!pruner) return pruner.error();
  return pruner->run(routes, keep_days, recorded_before, records_max);
}

}  // namespace tillsync
