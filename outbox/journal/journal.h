// The journal's writer: the only connection that writes, and the only one that checkpoints. Plain and
// single-threaded; JournalThread puts it on a thread of its own and makes group commits.
//
// Everything between begin() and commit() is one transaction: durable as a whole once commit() returns ok
// (I1; WAL, synchronous=EXTRA), or gone as a whole. DESIGN.md tells the format.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "outbox/delivery/delivery_state.h"
#include "outbox/delivery/scheduler.h"
#include "outbox/journal/audit_event.h"
#include "outbox/journal/facts.h"
#include "outbox/journal/reader.h"
#include "platform/base/time.h"

namespace tillsync {

struct JournalOptions {
  std::string folder;
  std::string vfs;  ///< "" for the platform's own
  /// The stored bytes are not what was written. Called once, by the thread that uses the journal; from then
  /// on every begin() fails with `journal-damaged`.
  std::function<void(const Error&)> on_damage;
};

/// A document on its way in, checked and encoded already: its bytes, and what the journal's indexes need of
/// it.
struct DocumentPost {
  std::string id;
  DocumentType type = DocumentType::kSale;
  BusinessDay business_day;
  std::string encoded;  ///< encode_document()
  DocumentMeta meta;
};
/// Encodes: what costs time and needs no journal.
DocumentPost make_post(const Document& document, DocumentMeta meta);

struct PostAnswer {
  enum class Kind {
    kJournaled,  ///< new
    kReplayed,   ///< the journal had this very document already
    kReused,     ///< the id, or the idempotency key, belongs to another document; nothing was stored
  } kind = Kind::kJournaled;
  Sequence sequence;  ///< of kReused: the document that has it
  UtcTime recorded_at{};
  DocumentStatus status = DocumentStatus::kJournaled;
  bool key_reused = false;  ///< of kReused: it was the idempotency key
};

/// A document whose status a commit has changed.
struct StatusChange {
  Sequence document;
  DocumentStatus status = DocumentStatus::kJournaled;
};

struct PruneResult {
  std::int64_t records = 0;  ///< removed by this call
  bool more = false;
};

class Journal {
 public:
  /// Opens or creates the journal in `folder`, and migrates it. The folder is made where it is missing (on
  /// the platform's own VFS).
  static Result<std::unique_ptr<Journal>> open(JournalOptions options, const Clock& clock);
  ~Journal();

  Result<void> begin();
  /// An error means storage: the whole transaction must then be rolled back. A refused document is no error.
  Result<PostAnswer> append(const DocumentPost& post);
  /// Appends an outcome and moves its delivery on. An outcome for a delivery that is settled already is
  /// appended, and changes nothing.
  Result<void> record(const OutcomeFact& fact);
  /// Appends a look-up that told of no effect; the delivery's state stays as it is. Of failed look-ups of one
  /// delivery in a row only those are appended whose reason or status differs from the one before, so that an
  /// outage does not fill the journal.
  Result<void> record_look_up(const LookUpFact& fact);
  /// kInvalid (`not-quarantined`, `no-such-delivery`) where the decision does not apply; then nothing was
  /// appended and the transaction is whole.
  /// Returns the target that it concerns.
  Result<std::string> decide(const DecisionFact& fact);
  /// Appends a conflict, and says where; nothing where one with its key is known.
  Result<std::optional<Sequence>> note_conflict(const ConflictFact& fact);
  /// Appends a person's choice and gives back what was decided on. kInvalid `no-such-conflict`, `not-open`,
  /// `no-such-choice`; then nothing was appended. What follows for deliveries is the caller's to decide().
  Result<ConflictView> resolve_conflict(const ResolutionFact& fact);
  /// Those of one document, the transaction's own included.
  Result<std::vector<ConflictView>> conflicts_of(Sequence document);
  Result<void> note_audit(const AuditEvent& event);
  /// What another journal of this store says of a delivery (`imported_from` names its record): appended
  /// unless this journal knows it, or better. Whether it was.
  Result<bool> record_imported(const OutcomeFact& fact);
  Result<bool> decide_imported(const DecisionFact& fact);
  /// Every open delivery of the document but those of the steps `but` becomes `unknown`, once per
  /// `imported_from`: it is looked up before it is sent. How many did.
  Result<std::int64_t> mark_maybe_sent(Sequence document, const std::string& imported_from,
                                       const std::set<std::string>& but);
  /// Appends that an export was taken in, unless this very one was before.
  Result<void> note_import(const std::string& store, const std::string& sha256_hex, Sequence from,
                           Sequence to, const std::string& head_hash_hex);
  /// Appends the routes where they differ from those in force.
  Result<void> set_routes(const Routes& routes);
  /// See the scheduler's Reserve and ReserveDay.
  Result<void> reserve(const std::string& target, Sequence through,
                       std::optional<Sequence> from = std::nullopt);
  Result<void> reserve_day(const std::string& target, UtcTime full_at);
  Result<void> save_frontier(const std::string& target, Sequence frontier);
  Result<void> park(const std::string& target, const std::vector<DeliveryKey>& deliveries);
  /// Removes at most `records_max` records of documents that are settled, whose business day is older than
  /// the newest `keep_days` business days of the journal, and which were recorded more than `keep_days` days
  /// ago: both, so that neither a jumping clock nor a till with wild dates expires anything (I5). What is
  /// owed, and every fact about it, stays.
  Result<PruneResult> prune(std::int64_t keep_days, std::size_t records_max);
  /// After a failure with a storage code the connection has been closed and opened anew, and the state read
  /// again.
  Result<void> commit();
  void rollback();

  /// Moves the WAL into the database; outside a transaction. `truncate` also cuts the WAL file.
  Result<void> checkpoint(bool truncate);
  /// Bytes in the write-ahead log after the last commit that are not known to be checkpointed away.
  std::int64_t wal_bytes() const;

  JournalHead head() const;
  const Routes& routes() const;
  const JournalCounts& counts() const;
  Result<LaneMemory> lane(const std::string& target);
  /// Status changes since the last call; those of a transaction that failed are dropped.
  std::vector<StatusChange> take_changes();

  struct Impl;

 private:
  explicit Journal(std::unique_ptr<Impl> impl);
  // What the functions above do; these note where an error means damage.
  Result<void> try_begin();
  Result<PostAnswer> try_append(const DocumentPost& post);
  Result<void> try_record(const OutcomeFact& fact);
  Result<void> try_record_look_up(const LookUpFact& fact);
  Result<std::string> try_decide(const DecisionFact& fact);
  Result<std::optional<Sequence>> try_note_conflict(const ConflictFact& fact);
  Result<ConflictView> try_resolve_conflict(const ResolutionFact& fact);
  Result<void> try_note_audit(const AuditEvent& event);
  Result<PruneResult> try_prune(std::int64_t keep_days, std::size_t records_max);
  Result<void> try_commit();
  Result<void> try_checkpoint(bool truncate);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync
