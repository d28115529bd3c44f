// What the journal holds besides documents: facts, appended and never changed. Each is a JSON object in its
// record's body.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "outbox/delivery/outcome.h"
#include "outbox/document/document.h"
#include "outbox/planner/planner.h"
#include "platform/base/ids.h"

namespace tillsync {

/// Numbers are persisted: never reuse one.
enum class RecordKind : unsigned char {
  kDocument = 1,     ///< a till's document, as posted
  kOutcome = 2,      ///< what became of one attempt to deliver
  kDecision = 3,     ///< what a person decided
  kRoutes = 4,       ///< the routes in force from here on
  kPruned = 5,       ///< records that retention has removed, with the hashes that keep the chain provable
  kLookUp = 6,       ///< a look-up that did not find the effect; one that did is an outcome
  kRecovered = 7,    ///< what a recovery from a damaged journal carried over, and what it could not
  kImported = 8,     ///< a signed export of another journal of this store was taken in
  kConflict = 9,     ///< the store and central do not agree (conflict_facts.h)
  kResolution = 10,  ///< what a person chose on a conflict
  kAudit = 11,       ///< somebody changed the daemon itself
};
inline constexpr RecordKind kLastRecordKind = RecordKind::kAudit;
std::string_view record_kind_name(RecordKind kind);

/// What came with a document and is not part of it.
struct DocumentMeta {
  std::string traceparent;      ///< W3C Trace Context, "" where the till sent none
  std::string correlation_id;   ///< X-Correlation-ID, "" where the till sent none
  std::string idempotency_key;  ///< "" where the till sent none
  bool operator==(const DocumentMeta&) const = default;
};

struct OutcomeFact {
  DeliveryKey delivery;
  std::string target;
  int attempt = 1;
  Outcome outcome;
  bool looked_up = false;  ///< a look-up told it, not an answer to a post
  /// Of an imported one: "SEQUENCE HASH" of the record in the other journal that it rests on.
  std::string imported_from;
};

/// A look-up that told of no effect at the target. Changes nothing: what follows from it is an outcome.
struct LookUpFact {
  enum class Found : unsigned char {
    kAbsent,  ///< the target answered, and does not have it: it is sent next
    kFailed,  ///< the look-up itself failed: it is asked again
  };
  DeliveryKey delivery;
  std::string target;
  int attempt = 1;  ///< the attempt that it is asked for
  Found found = Found::kAbsent;
  std::string reason;   ///< of a failed one: what the target or the network said, one line
  int http_status = 0;  ///< 0 where no answer came
};
std::string_view found_name(LookUpFact::Found found);

struct DecisionFact {
  enum class Kind : unsigned char { kRetry, kDiscard, kAmend, kPause, kResume } kind = Kind::kRetry;
  DeliveryKey delivery;  ///< of retry, discard, amend
  std::string target;
  std::string reason;
  std::string by;
  std::optional<Document> amended;  ///< of amend: what this delivery sends from now on
  std::string imported_from;        ///< as in OutcomeFact
};
std::string_view decision_name(DecisionFact::Kind kind);

/// Records `from` to `through`, all removed; `hash` is the last one's.
struct PrunedRange {
  Sequence from;
  Sequence through;
  std::string hash_hex;  ///< of a lost range "" where it could not be read and another range follows on
};

/// A recovery from a damaged journal.
struct RecoveredFact {
  std::vector<PrunedRange> lost;  ///< what could not be carried over, in order; nobody removed it on purpose
  /// The head could not be read: more may have followed the last record that was carried over.
  bool end_unknown = false;
  std::int64_t carried = 0;  ///< records
  std::string aside;         ///< the folder, beside the journal, that keeps the damaged files
  std::string reason;
  std::string by;
};

/// Bodies as they stand in records. Reading fails with kCorrupt where the bytes are not what was written.
std::string encode_document_record(const DocumentMeta& meta, std::string_view encoded_document);
struct DocumentRecord {
  DocumentMeta meta;
  std::string_view document;  ///< for decode_document; points into the body
};
Result<DocumentRecord> decode_document_record(std::string_view body);

std::string encode_outcome(const OutcomeFact& fact);
Result<OutcomeFact> decode_outcome(Sequence document, std::string_view body);
std::string encode_look_up(const LookUpFact& fact);
Result<LookUpFact> decode_look_up(Sequence document, std::string_view body);
std::string encode_decision(const DecisionFact& fact);
Result<DecisionFact> decode_decision(Sequence document, std::string_view body);
std::string encode_routes(const Routes& routes);
Result<Routes> decode_routes(std::string_view body);
std::string encode_pruned(const std::vector<PrunedRange>& ranges);
Result<std::vector<PrunedRange>> decode_pruned(std::string_view body);
std::string encode_recovered(const RecoveredFact& fact);
Result<RecoveredFact> decode_recovered(std::string_view body);

}  // namespace tillsync
