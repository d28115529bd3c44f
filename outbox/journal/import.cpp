#include "outbox/journal/import.h"

#include <filesystem>
#include <set>

#include "outbox/document/codec.h"
#include "platform/json/json.h"
#include "platform/sqlite/database.h"

namespace tillsync {
namespace {

constexpr std::int64_t kTransactionRecords = 500;
constexpr std::size_t kTransactionBytes = 4 * 1024 * 1024;

constexpr const char* kScratch =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
    "CREATE TABLE map(there INTEGER PRIMARY KEY, here INTEGER NOT NULL, origin TEXT NOT NULL);"
    "CREATE TABLE closed(there INTEGER, step TEXT, PRIMARY KEY(there, step)) WITHOUT ROWID;";

std::string origin_of(const RawRecord& record) {
  return std::to_string(record.sequence.value) + " " + record.hash_hex;
}

class Import {
 public:
  Import(Journal& journal, SignedFile file, sqlite::Database scratch)
      : journal_(journal), file_(std::move(file)), scratch_(std::move(scratch)) {}

  Result<ImportResult> run(const std::string& path) {
    const auto before = journal_.head().sequence;
    auto taken = take_all(path);
    if (!taken) {
      if (open_) journal_.rollback();
      return taken.error();
    }
    result_.appended = journal_.head().sequence.value - before.value;
    return std::move(result_);
  }

 private:
  Result<void> take_all(const std::string& path) {
    auto visited = for_each_record(path, file_, [this](const RawRecord& record) { return take(record); });
    if (!visited) return visited.error();
    if (auto marked = mark_maybe_sent(); !marked) return marked.error();
    if (auto begun = begin(); !begun) return begun.error();
    auto noted = journal_.note_import(file_.header.store, file_.sha256_hex, file_.header.from,
                                      file_.header.to, to_hex(file_.header.head.hash));
    if (!noted) return noted.error();
    return commit();
  }

  Result<void> take(const RawRecord& record) {
    if (auto begun = begin(); !begun) return begun.error();
    auto done = ok();
    if (record.kind == RecordKind::kDocument) {
      done = take_document(record);
    } else if (record.document &&
               (record.kind == RecordKind::kOutcome || record.kind == RecordKind::kDecision)) {
      done = take_fact(record);
    }
    if (!done) return done.error();
    bytes_ += record.body.size();
    return ++records_ < kTransactionRecords && bytes_ < kTransactionBytes ? ok() : commit();
  }

  Result<void> take_document(const RawRecord& record) {
    auto parts = decode_document_record(record.body);
    if (!parts) return parts.error();
    auto document = decode_document(parts->document);
    if (!document) return document.error();
    auto post = make_post(*document, std::move(parts->meta));
    auto answer = journal_.append(post);
    if (answer && answer->kind == PostAnswer::Kind::kReused && answer->key_reused) {
      ++result_.keys_dropped;  // the document matters more than a key that is in other use here
      post.meta.idempotency_key.clear();
      answer = journal_.append(post);
    }
    if (!answer) return answer.error();
    if (answer->kind == PostAnswer::Kind::kReused) {
      ++result_.refused;
      if (result_.refused_ids.size() < kRefusedTold) result_.refused_ids.push_back(post.id);
      return ok();
    }
    ++(answer->kind == PostAnswer::Kind::kJournaled ? result_.documents : result_.known);
    auto insert = scratch_.prepare("INSERT OR REPLACE INTO map VALUES(?, ?, ?)");
    if (!insert) return insert.error();
    return insert->bind(1, record.sequence.value)
        .bind(2, answer->sequence.value)
        .bind(3, origin_of(record))
        .run();
  }

  // Only what settles or decides: attempts that came to nothing say nothing more than that it may be sent.
  Result<void> take_fact(const RawRecord& record) {
    auto select = scratch_.prepare("SELECT here FROM map WHERE there = ?");
    if (!select) return select.error();
    auto row = select->bind(1, record.document->value).step();
    if (!row) return row.error();
    if (!*row) return ok();  // of a document that is not in the file, or was refused
    const Sequence here{select->integer(0)};
    auto appended = Result<bool>(false);
    if (record.kind == RecordKind::kOutcome) {
      auto fact = decode_outcome(here, record.body);
      if (!fact) return fact.error();
      if (fact->outcome.kind != OutcomeKind::kDelivered && fact->outcome.kind != OutcomeKind::kRejected)
        return ok();
      fact->imported_from = origin_of(record);
      if (auto noted = note_closed(*record.document, fact->delivery.step, Closed::kYes); !noted)
        return noted.error();
      appended = journal_.record_imported(*fact);
    } else {
      auto fact = decode_decision(here, record.body);
      if (!fact) return fact.error();
      fact->imported_from = origin_of(record);
      const auto closed = fact->kind == DecisionFact::Kind::kDiscard ? Closed::kYes : Closed::kNo;
      if (auto noted = note_closed(*record.document, fact->delivery.step, closed); !noted)
        return noted.error();
      appended = journal_.decide_imported(*fact);
    }
    if (!appended) return appended.error();
    if (*appended) ++result_.facts;
    return ok();
  }

  // Whether a delivery is settled or quarantined there, as far as read.
  enum class Closed { kYes, kNo };
  Result<void> note_closed(Sequence there, const std::string& step, Closed closed) {
    auto note = scratch_.prepare(closed == Closed::kYes ? "INSERT OR IGNORE INTO closed VALUES(?, ?)"
                                                        : "DELETE FROM closed WHERE there = ? AND step = ?");
    if (!note) return note.error();
    return note->bind(1, there.value).bind(2, step).run();
  }

  Result<std::set<std::string>> closed_steps(Sequence there) {
    auto select = scratch_.prepare("SELECT step FROM closed WHERE there = ?");
    if (!select) return select.error();
    select->bind(1, there.value);
    std::set<std::string> steps;
    while (true) {
      auto row = select->step();
      if (!row) return row.error();
      if (!*row) return steps;
      steps.insert(select->text(0));
    }
  }

  // What is open there, and not settled here: it may have been sent from there.
  Result<void> mark_maybe_sent() {
    auto select = scratch_.prepare("SELECT here, origin, there FROM map ORDER BY here");
    if (!select) return select.error();
    while (true) {
      auto row = select->step();
      if (!row) return row.error();
      if (!*row) return ok();
      if (auto begun = begin(); !begun) return begun.error();
      auto closed = closed_steps(Sequence{select->integer(2)});
      if (!closed) return closed.error();
      auto marked = journal_.mark_maybe_sent(Sequence{select->integer(0)}, select->text(1), *closed);
      if (!marked) return marked.error();
      result_.facts += *marked;
      if (++records_ < kTransactionRecords) continue;
      if (auto committed = commit(); !committed) return committed.error();
    }
  }

  Result<void> begin() {
    if (open_) return ok();
    records_ = 0;
    bytes_ = 0;
    auto begun = journal_.begin();
    open_ = begun.has_value();
    return begun;
  }

  // Each transaction leaves what it appended as maybe sent: an import that is cut short must not be followed
  // by a blind send.
  Result<void> commit() {
    if (!open_) return ok();
    std::set<std::string> targets;
    for (const auto& [type, steps] : journal_.routes().steps) {
      for (const auto& step : steps) targets.insert(step.target);
    }
    for (const auto& target : targets) {
      if (auto reserved = journal_.reserve(target, journal_.head().sequence); !reserved)
        return reserved.error();
    }
    open_ = false;
    return journal_.commit();
  }

  Journal& journal_;
  const SignedFile file_;
  sqlite::Database scratch_;
  ImportResult result_;
  bool open_ = false;  // a transaction is
  std::int64_t records_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

Result<ImportResult> import_journal(Journal& journal, const ImportOptions& options,
                                    const VerifyingKey& trusted) {
  auto file = check_signed_file(options.file, trusted);
  if (!file) return file.error();
  if (file->header.store != options.store) {
    return Error{ErrorKind::kInvalid, "other-store",
                 options.file + " is store " + file->header.store + "'s, this is store " + options.store +
                     "; nothing was imported"};
  }
  std::error_code failed;
  std::filesystem::remove_all(options.scratch, failed);
  std::filesystem::create_directories(options.scratch, failed);
  auto scratch = sqlite::Database::open(options.scratch + "/scratch.db", sqlite::OpenMode::kReadWriteCreate);
  if (!scratch) return scratch.error();
  if (auto made = scratch->execute(kScratch); !made) return made.error();
  auto result = Import(journal, std::move(*file), std::move(*scratch)).run(options.file);
  std::filesystem::remove_all(options.scratch, failed);
  return result;
}

}  // namespace tillsync
