#include "outbox/journal/verify.h"

#include <limits>
#include <map>

#include "outbox/document/codec.h"
#include "outbox/journal/chain.h"
#include "outbox/journal/derivation.h"
#include "outbox/journal/derived_check.h"
#include "outbox/journal/reader_impl.h"

namespace tillsync {
namespace {

constexpr std::int64_t kProgressEvery = 4096;
constexpr std::int64_t kAllRecords = std::numeric_limits<std::int64_t>::max();

class Verifier {
 public:
  Verifier(JournalReader& reader, const std::function<void(Sequence)>& progress,
           const std::atomic<bool>* stop)
      : database_(reader.impl().database), progress_(progress), stop_(stop) {}

  /// Begins behind `sequence`, taking its stored hash as right; at the first record where there is no such
  /// one.
  Result<void> trust(Sequence sequence) {
    auto select = database_.prepare(
        "SELECT sequence, hash FROM record WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1");
    if (!select) return select.error();
    auto row = select->bind(1, sequence.value).step();
    if (!row) return row.error();
    if (!*row || select->blob_view(1).size() != hash_.size()) return ok();
    previous_ = Sequence{select->integer(0)};
    const auto bytes = select->blob_view(1);
    std::copy(bytes.begin(), bytes.end(), hash_.begin());
    return ok();
  }

  /// From the first record on, also the derived tables.
  Result<void> check_derived() {
    auto opened = DerivedCheck::open(database_);
    if (!opened) return opened.error();
    derived_.emplace(std::move(*opened));
    return ok();
  }

  Result<Verification> run() {
    auto walked = walk();
    if (!walked) return damaged(walked.error());
    return result_;
  }

  Verification result_;

 private:
  void bad(Sequence at, std::string reason) {
    result_.whole = false;
    result_.first_bad = at;
    result_.reason = std::move(reason);
  }

  Result<Verification> damaged(const Error& error) {
    if (error.kind != ErrorKind::kCorrupt) return error;
    if (derived_ && at_end_) {
      derived_differs(error.detail);
    } else {
      bad(Sequence{previous_.value + 1}, "the database is damaged here: " + error.detail);
    }
    return result_;
  }

  void derived_differs(const std::string& what) {
    result_.whole = false;
    result_.derived_differ = true;
    result_.reason = what;
  }

  Result<void> walk() {
    auto ranges = read_ranges(database_, result_.recovered, RangesBy::kIndex);
    if (!ranges) {
      // The index may be damaged alone: the records decide.
      if (ranges.error().kind != ErrorKind::kCorrupt) return ranges.error();
      derived_error_ = ranges.error().detail;
      result_.recovered.clear();
      ranges = read_ranges(database_, result_.recovered, RangesBy::kRecords);
    }
    if (ranges) gaps_ = derive_gaps(std::move(*ranges));
    auto select = database_.prepare(
        "SELECT sequence, kind, recorded_at, document, id, type, business_day, body, hash FROM record WHERE "
        "sequence > ? ORDER BY sequence");
    if (!select) return select.error();
    select->bind(1, previous_.value);
    while (result_.whole) {
      auto row = select->step();
      if (!row) return row.error();
      if (!*row) break;
      if (auto checked = check(*select); !checked) return checked.error();
      if (stop_ != nullptr && *stop_)
        return Error{ErrorKind::kUnavailable, "stopped", "stopped before the end"};
    }
    if (result_.whole) check_end();
    if (result_.whole && derived_error_) derived_differs(*derived_error_);
    if (!result_.whole || !derived_) return ok();
    at_end_ = true;
    if (auto finished = derived_->finish(gaps_); !finished) return finished.error();
    if (derived_->difference()) derived_differs(*derived_->difference());
    return ok();
  }

  Result<void> check(sqlite::Statement& row) {
    const Sequence sequence{row.integer(0)};
    if (sequence.value != previous_.value + 1 && !cross_gap(sequence)) return ok();
    const auto kind = static_cast<RecordKind>(row.integer(1));
    const UtcTime recorded_at(std::chrono::microseconds(row.integer(2)));
    const auto about = row.is_null(3) ? std::nullopt : std::optional(Sequence{row.integer(3)});
    const auto body = row.blob_view(7);
    const auto hash = chain_hash(hash_, sequence, kind, recorded_at, about, body);
    if (as_bytes(hash) != row.blob_view(8)) {
      bad(sequence, "the record, or the one before it, was changed");
      return ok();
    }
    auto checked = kind == RecordKind::kDocument ? check_document(row, sequence, body)
                   : derived_                    ? derived_->record(kind, sequence, about, body)
                                                 : ok();
    if (!checked && checked.error().kind != ErrorKind::kCorrupt) return checked.error();
    if (!checked) {  // of a table beside the records: whether these are whole is still to be seen
      derived_error_ = checked.error().detail;
      derived_.reset();
    }
    if (!result_.whole) return ok();
    previous_ = sequence;
    hash_ = hash;
    ++result_.records;
    if (progress_ && result_.records % kProgressEvery == 0) progress_(sequence);
    return ok();
  }

  // The columns beside the body are no part of the hash: they must say what the body says.
  Result<void> check_document(sqlite::Statement& row, Sequence sequence, std::string_view body) {
    auto record = decode_document_record(body);
    auto document = record ? decode_document(record->document) : Result<Document>(record.error());
    if (!document) {
      bad(sequence, "the document cannot be read: " + document.error().detail);
      return ok();
    }
    if (row.text(4) != document->id || row.integer(5) != static_cast<std::int64_t>(document->type) ||
        row.integer(6) != document->business_day.day.time_since_epoch().count()) {
      bad(sequence, "the record's index columns were changed");
      return ok();
    }
    return derived_ ? derived_->document(sequence, *document, record->meta) : ok();
  }

  // What is not there must be what retention removed, or what a recovery told of, to the record.
  bool cross_gap(Sequence next) {
    const Sequence first{previous_.value + 1};
    const auto gap = gaps_.find(first);
    if (gap == gaps_.end() || gap->second.last.value + 1 != next.value ||
        gap->second.hash.size() != hash_.size()) {
      bad(first, "records " + std::to_string(first.value) + " to " + std::to_string(next.value - 1) +
                     " are missing, and retention did not remove them");
      return false;
    }
    std::copy(gap->second.hash.begin(), gap->second.hash.end(), hash_.begin());
    return true;
  }

  void check_end() {
    if (result_.head.sequence != previous_) {
      const auto lower = std::min(result_.head.sequence, previous_);
      return bad(Sequence{lower.value + 1}, "the last record is " + std::to_string(previous_.value) +
                                                ", the head says " +
                                                std::to_string(result_.head.sequence.value));
    }
    if (result_.head.hash != hash_) bad(previous_, "the head's hash is not the last record's");
  }

  sqlite::Database& database_;
  const std::function<void(Sequence)>& progress_;
  const std::atomic<bool>* stop_;
  std::map<Sequence, DerivedGap> gaps_;
  std::optional<DerivedCheck> derived_;
  std::optional<std::string> derived_error_;
  bool at_end_ = false;  // the chain has been walked, and holds
  Sequence previous_;
  Sha256Digest hash_{};
};

/// Verifies the last `records` records, all in one read transaction.
Result<Verification> verify(JournalReader& reader, std::int64_t records,
                            const std::function<void(Sequence)>& progress, const std::atomic<bool>* stop) {
  auto& database = reader.impl().database;
  if (auto begun = database.execute("BEGIN"); !begun) return begun.error();
  auto head = reader.head();
  Result<Verification> answer = Verification{};
  if (head) {
    Verifier verifier(reader, progress, stop);
    verifier.result_.head = *head;
    const bool all = records == kAllRecords;
    const auto trusted =
        all ? verifier.check_derived() : verifier.trust(Sequence{head->sequence.value - records});
    answer = trusted ? verifier.run() : Result<Verification>(trusted.error());
  } else {
    answer = head.error();
  }
  // Of a damaged database the transaction may not even end.
  if (!database.execute("COMMIT")) (void)database.execute("ROLLBACK").has_value();
  if (answer || answer.error().kind != ErrorKind::kCorrupt) return answer;
  Verification damaged;  // already where it begins: from which record on cannot be told
  damaged.whole = false;
  damaged.reason = "the database is damaged: " + answer.error().detail;
  return damaged;
}

}  // namespace

std::int64_t Verification::lost_records() const {
  std::int64_t count = 0;
  for (const auto& fact : recovered) {
    for (const auto& range : fact.lost) count += range.through.value - range.from.value + 1;
  }
  return count;
}

Result<Verification> verify_journal(JournalReader& reader, const std::function<void(Sequence)>& progress,
                                    const std::atomic<bool>* stop) {
  return verify(reader, kAllRecords, progress, stop);
}

Result<Verification> verify_journal_end(JournalReader& reader, std::int64_t records) {
  return verify(reader, records, {}, nullptr);
}

}  // namespace tillsync
