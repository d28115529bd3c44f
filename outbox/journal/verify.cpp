#include "outbox/journal/verify.h"

#include <limits>
#include <map>

#include "outbox/document/codec.h"
#include "outbox/journal/chain.h"
#include "outbox/journal/reader_impl.h"

namespace tillsync {
namespace {

constexpr std::int64_t kProgressEvery = 4096;

struct Gap {
  Sequence last;
  std::string hash;
};

class Verifier {
 public:
  Verifier(JournalReader& reader, const std::function<void(Sequence)>& progress)
      : database_(reader.impl().database), progress_(progress) {}

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

  Result<Verification> run() {
    auto read = read_gaps();
    if (!read) return read.error();
    auto select = database_.prepare(
        "SELECT sequence, kind, recorded_at, document, id, type, business_day, body, hash FROM record WHERE "
        "sequence > ? ORDER BY sequence");
    if (!select) return select.error();
    select->bind(1, previous_.value);
    while (result_.whole) {
      auto row = select->step();
      if (!row) return damaged(row.error());
      if (!*row) break;
      check(*select);
    }
    if (result_.whole) check_end();
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
    bad(Sequence{previous_.value + 1}, "the database is damaged here: " + error.detail);
    return result_;
  }

  Result<void> read_gaps() {
    auto select = database_.prepare("SELECT first, last, hash FROM gap ORDER BY first");
    if (!select) return select.error();
    while (true) {
      auto row = select->step();
      if (!row) return row.error();
      if (!*row) return ok();
      gaps_[Sequence{select->integer(0)}] = Gap{Sequence{select->integer(1)}, select->blob(2)};
    }
  }

  void check(sqlite::Statement& row) {
    const Sequence sequence{row.integer(0)};
    if (sequence.value != previous_.value + 1 && !cross_gap(sequence)) return;
    const auto kind = static_cast<RecordKind>(row.integer(1));
    const UtcTime recorded_at(std::chrono::microseconds(row.integer(2)));
    const auto about = row.is_null(3) ? std::nullopt : std::optional(Sequence{row.integer(3)});
    const auto body = row.blob_view(7);
    const auto hash = chain_hash(hash_, sequence, kind, recorded_at, about, body);
    if (as_bytes(hash) != row.blob_view(8))
      return bad(sequence, "the record, or the one before it, was changed");
    if (kind == RecordKind::kDocument) check_index(row, sequence, body);
    if (kind == RecordKind::kPruned) note_pruned(body);
    previous_ = sequence;
    hash_ = hash;
    ++result_.records;
    if (progress_ && result_.records % kProgressEvery == 0) progress_(sequence);
  }

  // The columns beside the body are no part of the hash: they must say what the body says.
  void check_index(sqlite::Statement& row, Sequence sequence, std::string_view body) {
    auto record = decode_document_record(body);
    if (!record) return bad(sequence, "the document cannot be read");
    auto document = decode_document(record->document);
    if (!document) return bad(sequence, "the document cannot be read: " + document.error().detail);
    if (row.text(4) != document->id || row.integer(5) != static_cast<std::int64_t>(document->type) ||
        row.integer(6) != document->business_day.day.time_since_epoch().count()) {
      bad(sequence, "the record's index columns were changed");
    }
  }

  bool cross_gap(Sequence next) {
    const Sequence first{previous_.value + 1};
    const auto gap = gaps_.find(first);
    if (gap == gaps_.end() || gap->second.last.value + 1 != next.value ||
        gap->second.hash.size() != hash_.size()) {
      bad(first, "records " + std::to_string(first.value) + " to " + std::to_string(next.value - 1) +
                     " are missing");
      return false;
    }
    std::copy(gap->second.hash.begin(), gap->second.hash.end(), hash_.begin());
    crossed_[first] = gap->second;
    return true;
  }

  void note_pruned(std::string_view body) {
    auto ranges = decode_pruned(body);
    if (!ranges) return;
    for (const auto& range : *ranges) attested_[range.from] = range;
  }

  // Every gap must be the sum of removals that the chain itself tells of.
  void check_end() {
    for (const auto& [first, gap] : crossed_) {
      Sequence reached{first.value - 1};
      std::string hash_hex;
      for (auto range = attested_.find(first); range != attested_.end();
           range = attested_.find(Sequence{reached.value + 1})) {
        if (range->second.through > gap.last) break;
        reached = range->second.through;
        hash_hex = range->second.hash_hex;
      }
      if (reached != gap.last || hash_hex != to_hex(gap.hash)) {
        return bad(first, "records " + std::to_string(first.value) + " to " + std::to_string(gap.last.value) +
                              " are missing, and retention did not remove them");
      }
    }
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
  std::map<Sequence, Gap> gaps_, crossed_;
  std::map<Sequence, PrunedRange> attested_;
  Sequence previous_;
  Sha256Digest hash_{};
};

}  // namespace

namespace {

/// Verifies the last `records` records, all in one read transaction.
Result<Verification> verify(JournalReader& reader, std::int64_t records,
                            const std::function<void(Sequence)>& progress) {
  auto& database = reader.impl().database;
  if (auto begun = database.execute("BEGIN"); !begun) return begun.error();
  auto head = reader.head();
  Result<Verification> answer = Verification{};
  if (head) {
    Verifier verifier(reader, progress);
    verifier.result_.head = *head;
    const auto trusted = verifier.trust(Sequence{head->sequence.value - records});
    answer = trusted ? verifier.run() : Result<Verification>(trusted.error());
  } else {
    answer = head.error();
  }
  if (auto ended = database.execute("COMMIT"); !ended && answer) return ended.error();
  return answer;
}

}  // namespace

Result<Verification> verify_journal(JournalReader& reader, const std::function<void(Sequence)>& progress) {
  return verify(reader, std::numeric_limits<std::int64_t>::max(), progress);
}

Result<Verification> verify_journal_end(JournalReader& reader, std::int64_t records) {
  return verify(reader, records, {});
}

}  // namespace tillsync
