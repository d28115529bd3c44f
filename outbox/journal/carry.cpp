#include "outbox/journal/carry.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "outbox/document/codec.h"
#include "outbox/journal/chain.h"
#include "outbox/journal/rebuild.h"
#include "outbox/journal/salvage.h"
#include "outbox/journal/schema.h"
#include "platform/base/check.h"

namespace tillsync {
namespace {

constexpr std::int64_t kProgressEvery = 4096;
constexpr std::int64_t kRecordsPerTransaction = 20'000;
/// A head that is so far beyond every record that was found is damaged itself.
constexpr std::int64_t kBelievableTail = 10'000'000;

/// Nothing is durable before the whole is: a failure throws the file away.
constexpr const char* kPragmas =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = "
    "-16384;";

Sha256Digest digest_of(std::string_view bytes) {
  Sha256Digest digest{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
  return digest;
}

bool proves(const Sha256Digest& before, const FoundRecord& record) {
  const auto hash =
      chain_hash(before, record.sequence, record.kind, record.recorded_at, record.document, record.body);
  return as_bytes(hash) == record.hash;
}

/// Says of each record in turn whether the chain proves it, and what is missing in between.
class Walk {
 public:
  /// Hashes of last records of ranges that may be missing, by their last; and whether a sequence lies in one.
  std::map<Sequence, std::set<std::string>> hints;

  /// The one among finds of one sequence that the hash before it proves, or nullptr.
  const FoundRecord* judge(const std::vector<FoundRecord>& finds) {
    const Sequence sequence = finds.front().sequence;
    const FoundRecord* proven = nullptr;
    for (const auto& before : hashes_before(sequence)) {
      for (const auto& find : finds) {
        if (proven == nullptr && proves(before, find) && readable(find)) {
          proven = &find;
          if (sequence.value > carried_.sequence.value + 1) {
            missing.push_back(PrunedRange{Sequence{carried_.sequence.value + 1}, Sequence{sequence.value - 1},
                                          to_hex(before)});
          }
        }
      }
    }
    seen_.clear();
    for (const auto& find : finds) seen_.push_back(digest_of(find.hash));
    seen_at_ = sequence;
    if (proven != nullptr) carried_ = JournalHead{sequence, digest_of(proven->hash)};
    return proven;
  }

  /// The last record that was proven.
  const JournalHead& carried() const { return carried_; }
  std::vector<PrunedRange> missing;

 private:
  std::vector<Sha256Digest> hashes_before(Sequence sequence) const {
    if (sequence.value == carried_.sequence.value + 1) return {carried_.hash};
    const Sequence before{sequence.value - 1};
    std::vector<Sha256Digest> hashes;
    if (seen_at_ == before) hashes = seen_;
    if (const auto known = hints.find(before); known != hints.end()) {
      for (const auto& hash : known->second) hashes.push_back(digest_of(hash));
    }
    return hashes;
  }

  static bool readable(const FoundRecord& record) {
    if (record.kind != RecordKind::kDocument) return true;
    auto parts = decode_document_record(record.body);
    return parts && decode_document(parts->document);
  }

  JournalHead carried_;
  std::vector<Sha256Digest> seen_;  // stored hashes of the last finds
  Sequence seen_at_;
};

/// The journal under construction.
class Target {
 public:
  static Result<Target> make(const std::string& path) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
      std::error_code ignored;
      std::filesystem::remove(path + suffix, ignored);
    }
    auto database = sqlite::Database::open(path, sqlite::OpenMode::kReadWriteCreate);
    if (!database) return database.error();
    if (auto migrated = migrate_journal(*database); !migrated) return migrated.error();
    if (auto set = database->execute(kPragmas); !set) return set.error();
    auto insert = database->prepare(
        "INSERT INTO record(sequence, kind, recorded_at, document, id, type, business_day, body, hash) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
    if (!insert) return insert.error();
    if (auto begun = database->execute("BEGIN"); !begun) return begun.error();
    return Target(std::move(*database), std::move(*insert));
  }

  Result<void> add(const FoundRecord& record) {
    insert_.bind(1, record.sequence.value).bind(2, static_cast<std::int64_t>(record.kind));
    insert_.bind(3, record.recorded_at.time_since_epoch().count());
    if (record.document) insert_.bind(4, record.document->value);
    if (record.kind == RecordKind::kDocument) {
      const auto parts = decode_document_record(record.body);
      const auto document = parts ? decode_document(parts->document) : Result<Document>(parts.error());
      TILLSYNC_CHECK(document.has_value(), "only readable documents are carried over");
      insert_.bind(5, document->id).bind(6, static_cast<std::int64_t>(document->type));
      insert_.bind(7, document->business_day.day.time_since_epoch().count());
      ++documents_;
    }
    if (auto inserted = insert_.bind_blob(8, record.body).bind_blob(9, record.hash).run(); !inserted)
      return inserted.error();
    if (record.kind == RecordKind::kPruned) {
      if (auto pruned = decode_pruned(record.body)) note(*pruned);
    } else if (record.kind == RecordKind::kRecovered) {
      if (auto recovered = decode_recovered(record.body)) note(recovered->lost);
    } else if (record.kind == RecordKind::kDecision && !record.document) {
      auto fact = decode_decision(Sequence{}, record.body);
      if (fact) paused_[fact->target] = fact->kind == DecisionFact::Kind::kPause;
    }
    if (++records_ % kRecordsPerTransaction == 0) return database_.execute("COMMIT; BEGIN");
    return ok();
  }

  /// A record of this recovery's own, behind `head`, which moves on.
  Result<void> append(JournalHead& head, RecordKind kind, const std::string& body, const Clock& clock) {
    FoundRecord record{Sequence{head.sequence.value + 1}, kind, clock.utc_now(), std::nullopt, body, ""};
    const auto hash =
        chain_hash(head.hash, record.sequence, kind, record.recorded_at, std::nullopt, record.body);
    record.hash = std::string(as_bytes(hash));
    head = JournalHead{record.sequence, hash};
    return add(record);
  }
  bool is_paused(const std::string& target) const {
    const auto known = paused_.find(target);
    return known != paused_.end() && known->second;
  }

  /// What is missing and was not attested: lost.
  std::vector<PrunedRange> lost_of(const std::vector<PrunedRange>& missing) const {
    std::vector<PrunedRange> lost;
    for (const auto& gap : missing) {
      Sequence from = gap.from;
      for (auto known = attested_.lower_bound(gap.from);
           known != attested_.end() && known->second.through <= gap.through; ++known) {
        if (known->first < from) continue;
        if (known->first > from) lost.push_back(PrunedRange{from, Sequence{known->first.value - 1}, ""});
        from = Sequence{known->second.through.value + 1};
      }
      if (from <= gap.through) lost.push_back(PrunedRange{from, gap.through, gap.hash_hex});
    }
    return lost;
  }

  void note(const std::vector<PrunedRange>& ranges) {
    for (const auto& range : ranges) attested_[range.from] = range;
  }

  Result<void> add_key(const std::string& key, Sequence document) {
    auto insert = database_.prepare(
        "INSERT OR IGNORE INTO idempotency_key SELECT ?, sequence FROM record WHERE sequence = ? AND kind = "
        "1");
    if (!insert) return insert.error();
    return insert->bind(1, key).bind(2, document.value).run();
  }

  Result<void> finish(const JournalHead& head) {
    auto set = database_.prepare("UPDATE head SET sequence = ?, hash = ?");
    if (!set) return set.error();
    if (auto done = set->bind(1, head.sequence.value).bind_blob(2, as_bytes(head.hash)).run(); !done)
      return done.error();
    // Only gaps between what is there: a range that a lost record told of may reach into what is kept.
    auto rebuilt = rebuild_derived(database_, head.sequence, derive_gaps(attested_));
    if (!rebuilt) return rebuilt.error();
    return ok();
  }
  Result<void> commit() { return database_.execute("COMMIT"); }

  std::int64_t records() const { return records_; }
  std::int64_t documents() const { return documents_; }

 private:
  Target(sqlite::Database database, sqlite::Statement insert)
      : database_(std::move(database)), insert_(std::move(insert)) {}

  sqlite::Database database_;
  sqlite::Statement insert_;
  std::map<Sequence, PrunedRange> attested_;
  std::map<std::string, bool> paused_;
  std::int64_t records_ = 0, documents_ = 0;
};

class Carrier {
 public:
  Carrier(Salvage& salvage, std::string path, const std::function<void(Sequence)>& progress)
      : salvage_(salvage), path_(std::move(path)), progress_(progress) {}

  /// Once by SQLite alone; where that leaves something out, once more with what lies in the file's pages.
  Result<void> run() {
    if (auto walked = walk(); !walked) return walked.error();
    find_tail();
    const auto wanted = missing_ranges();
    if (wanted.empty() && !end_unknown) return ok();
    auto scanned = salvage_.scan_pages([&](Sequence sequence) {
      const auto range =
          std::lower_bound(wanted.begin(), wanted.end(), sequence,
                           [](const PrunedRange& entry, Sequence at) { return entry.through < at; });
      // And the one before each, for its hash.
      return sequence > walk_.carried().sequence ||
             (range != wanted.end() && sequence.value >= range->from.value - 1);
    });
    if (!scanned) return scanned.error();
    if (auto walked = walk(); !walked) return walked.error();
    find_tail();
    return ok();
  }

  std::vector<PrunedRange> missing_ranges() const {
    auto missing = walk_.missing;
    if (tail) missing.push_back(*tail);
    return target->lost_of(missing);
  }
  const JournalHead& carried() const { return walk_.carried(); }

  std::optional<Target> target;
  std::optional<PrunedRange> tail;  ///< what is missing behind the last record
  bool end_unknown = false;

 private:
  Result<void> walk() {
    walk_ = Walk();
    if (auto hinted = read_hints(); !hinted) return hinted.error();
    target.reset();
    auto made = Target::make(path_);
    if (!made) return made.error();
    target.emplace(std::move(*made));
    salvage_.rewind();
    while (true) {
      auto finds = salvage_.next();
      if (!finds) return finds.error();
      if (finds->empty()) return ok();
      last_found_ = finds->front().sequence;
      if (const auto* proven = walk_.judge(*finds)) {
        if (auto added = target->add(*proven); !added) return added.error();
      }
      if (progress_ && last_found_.value % kProgressEvery == 0) progress_(last_found_);
    }
  }

  // The records that tell of gaps stand behind these.
  Result<void> read_hints() {
    const auto hint = [this](const std::vector<PrunedRange>& ranges) {
      for (const auto& range : ranges) {
        const auto hash = from_hex(range.hash_hex);
        if (hash && hash->size() == sizeof(Sha256Digest)) walk_.hints[range.through].insert(*hash);
      }
    };
    hint(salvage_.gaps());
    salvage_.rewind();
    while (true) {
      auto finds = salvage_.next();
      if (!finds) return finds.error();
      if (finds->empty()) return ok();
      for (const auto& find : *finds) {
        if (find.kind == RecordKind::kPruned) {
          if (auto ranges = decode_pruned(find.body)) hint(*ranges);
        } else if (find.kind == RecordKind::kRecovered) {
          if (auto fact = decode_recovered(find.body)) hint(fact->lost);
        }
      }
    }
  }

  void find_tail() {
    tail.reset();
    const auto last = walk_.carried();
    const auto head = salvage_.head();
    const bool believable = head && head->sequence.value >= last.sequence.value &&
                            head->sequence.value <= last_found_.value + kBelievableTail;
    end_unknown = !believable && !(head && head->sequence < last.sequence);
    if (believable && head->sequence > last.sequence)
      tail = PrunedRange{Sequence{last.sequence.value + 1}, head->sequence, to_hex(head->hash)};
  }

  Salvage& salvage_;
  const std::string path_;
  const std::function<void(Sequence)>& progress_;
  Walk walk_;
  Sequence last_found_;
};

}  // namespace

Result<Recovery> carry_over(const std::string& folder, const std::string& place, const std::string& scratch,
                            RecoveredFact fact, const Clock& clock,
                            const std::function<void(Sequence)>& progress) {
  auto salvage = Salvage::open(folder, scratch);
  if (!salvage) return salvage.error();
  Carrier carrier(**salvage, place + "/" + kJournalFile, progress);
  if (auto run = carrier.run(); !run) return run.error();
  auto& target = *carrier.target;
  if (target.records() == 0) {
    return Error{ErrorKind::kCorrupt, "nothing-readable",
                 "no record of the journal can be proven; nothing was changed: go on from a backup"};
  }
  Recovery recovery;
  recovery.carried = fact.carried = target.records();
  recovery.documents = target.documents();
  recovery.end_unknown = fact.end_unknown = carrier.end_unknown;
  recovery.lost = fact.lost = carrier.missing_ranges();

  auto before = carrier.carried();
  if (carrier.tail) before = JournalHead{carrier.tail->through, digest_of(*from_hex(carrier.tail->hash_hex))};
  // A pause whose record is lost holds on: whoever paused is there to resume.
  for (const auto& paused : (*salvage)->paused_targets()) {
    if (target.is_paused(paused)) continue;
    DecisionFact pause;
    pause.kind = DecisionFact::Kind::kPause;
    pause.target = paused;
    pause.reason = "it was paused when the journal was damaged";
    pause.by = fact.by;
    if (auto added = target.append(before, RecordKind::kDecision, encode_decision(pause), clock); !added)
      return added.error();
  }
  if (auto added = target.append(before, RecordKind::kRecovered, encode_recovered(fact), clock); !added)
    return added.error();
  if (auto finished = target.finish(before); !finished) return finished.error();
  auto kept = ok();
  (*salvage)->for_each_key([&](const std::string& key, Sequence document) {
    if (kept) kept = target.add_key(key, document);
  });
  if (!kept) return kept.error();
  if (auto committed = target.commit(); !committed) return committed.error();
  recovery.head = before;
  return recovery;
}

}  // namespace tillsync
