// Reading the journal: an own read-only connection, so that reports never wait for the writer nor it for
// them. One thread at a time per reader; every call sees one consistent state of the journal (each is a read
// transaction of its own).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "outbox/delivery/delivery_state.h"
#include "outbox/journal/conflict_facts.h"
#include "outbox/journal/facts.h"
#include "platform/crypto/sha256.h"

namespace tillsync {

struct JournalHead {
  Sequence sequence;  ///< 0: empty
  Sha256Digest hash{};
};

struct StoredDocument {
  Sequence sequence;
  UtcTime recorded_at{};
  Document document;
  DocumentMeta meta;
};

/// One delivery of a document, derived from its facts.
struct DeliveryView {
  std::string step;
  std::string target;
  DeliveryState state = DeliveryState::kPending;
  int attempts = 0;
  std::string central_reference;  ///< of a delivered one
  std::string
      last_error;  ///< reason of the last outcome that was not delivered, where it is not settled well
  std::optional<Sequence> version;  ///< the amendment that it sends, where there is one
  /// When the fact that settled it was recorded; only for_each_document() tells it.
  std::optional<UtcTime> settled_at = {};
};

struct QuarantineEntry {
  DeliveryKey delivery;
  std::string document_id;
  DocumentType type = DocumentType::kSale;
  std::string target;
  UtcTime since{};
  int attempts = 0;
  std::string reason;
  int http_status = 0;
  std::string answer;
};

/// A record as it stands, for export, explain and verify.
struct RawRecord {
  Sequence sequence;
  RecordKind kind = RecordKind::kDocument;
  UtcTime recorded_at{};
  std::optional<Sequence>
      document;  ///< the document it is about; nothing for a document itself and for store-wide facts
  std::string body;
  std::string hash_hex;
};

/// What a person decided, as it stands in the journal.
struct JournaledDecision {
  Sequence sequence;
  UtcTime recorded_at{};
  DecisionFact fact;
  std::string document_id;  ///< "" for a target's pause and resume
};

/// Running counts, kept by the writer with every commit: reading them costs the same at any size of journal.
struct JournalCounts {
  std::int64_t by_status[kDocumentStatusCount] = {};
  std::map<std::string, std::int64_t> documents_by_type;
  struct Target {
    std::int64_t owed = 0;  ///< planned deliveries neither delivered nor discarded, quarantined ones included
    std::int64_t delivered = 0;
    std::int64_t quarantined = 0;
    std::int64_t discarded = 0;
    std::map<std::string, std::int64_t> outcomes;  ///< attempts by outcome name, ever
  };
  std::map<std::string, Target> targets;
  std::map<std::string, std::int64_t> conflicts;       ///< by kind, ever
  std::map<std::string, std::int64_t> open_conflicts;  ///< by kind: a person is waited for

  /// Of all kinds.
  std::int64_t conflicts_waiting() const {
    std::int64_t sum = 0;
    for (const auto& [kind, count] : open_conflicts) sum += count;
    return sum;
  }
  std::int64_t backlog() const { return by_status[static_cast<int>(DocumentStatus::kJournaled)]; }
};

/// A document has no more conflicts than this that anybody decides on.
inline constexpr std::size_t kConflictsOfDocumentMax = 10'000;
/// So many conflicts of a business day are shown.
inline constexpr std::size_t kConflictsOfDayMax = 100'000;

/// A document of a period with its deliveries, as a report needs it: `central_reference` is left empty, since
/// to know it takes a record more for each delivery (JournalReader::central_reference()).
struct DayDocument {
  StoredDocument stored;
  std::vector<DeliveryView> deliveries;
};

class JournalReader {
 public:
  /// kNotFound where there is no journal at `folder`; kInvalid `journal-from-the-future` where a newer
  /// version wrote it. `on_damage` is told of each call that finds the stored bytes not to be what was
  /// written, by the thread that called.
  static Result<std::unique_ptr<JournalReader>> open(const std::string& folder, const std::string& vfs = "",
                                                     std::function<void(const Error&)> on_damage = {});
  ~JournalReader();

  /// While it lives, all that is read is one state of the journal, and reading costs less: a transaction of
  /// its own for each question takes and gives back locks. Not to be held across a wait: it keeps checkpoints
  /// from starting the log over.
  class Snapshot {
   public:
    explicit Snapshot(JournalReader& reader);
    ~Snapshot();
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

   private:
    JournalReader& reader_;
    bool begun_ = false;
  };

  Result<JournalHead> head();
  Result<JournalCounts> counts();
  Result<std::optional<StoredDocument>> find(const std::string& id);
  Result<std::optional<StoredDocument>> load(Sequence sequence);
  /// What a delivery sends: the document as posted, or its latest amendment.
  Result<std::optional<StoredDocument>> load_version(const DeliveryKey& delivery);
  /// The plan's steps in their order, each with its state; empty for a document that goes nowhere.
  Result<std::vector<DeliveryView>> deliveries(Sequence document);
  Result<DocumentStatus> status(Sequence document);
  /// What central calls it; "" where it is not delivered.
  Result<std::string> central_reference(const DeliveryKey& delivery);
  /// Every fact about a document, oldest first.
  Result<std::vector<RawRecord>> history(Sequence document);
  /// The oldest first.
  Result<std::vector<QuarantineEntry>> quarantine(std::size_t limit);
  /// The oldest document with a delivery still open; one that is quarantined waits for a person, and is none.
  Result<std::optional<StoredDocument>> oldest_open();

  /// The first sale in journal order that this target does not have, be it that a person is waited for.
  Result<std::optional<StoredDocument>> oldest_sale_not_at(const std::string& target);

  /// Documents of business days `from` to `to`, both counted in, in journal order within each day; stops
  /// early where `visit` returns false.
  Result<void> for_each_document(BusinessDay from, BusinessDay to,
                                 const std::function<bool(const DayDocument&)>& visit);
  /// Business days that have documents, oldest first.
  Result<std::vector<BusinessDay>> business_days(BusinessDay from, BusinessDay to);
  /// Sequence of the last `delivered` outcome on `target` for a document of that day; 0 where there is none.
  /// What was read back from central before it is stale.
  Result<Sequence> last_delivery(BusinessDay day, const std::string& target);
  /// Business days with a delivery on `target` recorded after `after`.
  Result<std::vector<BusinessDay>> days_delivered_after(const std::string& target, Sequence after);
  /// Decisions about documents of business days `from` to `to`, both counted in, and the pauses and resumes
  /// after the first document of these days and before the first one of a later day; in journal order. Work
  /// is in the number of decisions since `from`, not in that of documents.
  Result<std::vector<JournaledDecision>> decisions(BusinessDay from, BusinessDay to);
  /// What recoveries from damage carried over and lost, oldest first.
  Result<std::vector<RecoveredFact>> recoveries();
  /// Records with sequence > after, at most `limit`.
  Result<std::vector<RawRecord>> records(Sequence after, std::size_t limit);
  /// Conflicts that wait for a person, oldest first, from behind record `after`.
  Result<std::vector<ConflictView>> open_conflicts(Sequence after, std::size_t limit);
  /// Conflicts that the report of a business day shows, oldest first.
  Result<std::vector<ConflictView>> conflicts_of_day(BusinessDay day, std::size_t limit);
  Result<std::vector<ConflictView>> conflicts_of(Sequence document);
  /// The conflict that `record` tells of; nothing where it tells of none.
  Result<std::optional<ConflictView>> conflict(Sequence record);
  /// Passes a result on, and tells `on_damage` of one that means damage: for what a caller finds in the bytes
  /// of a record.
  template <class T>
  Result<T> noted(Result<T> result) const {
    if (!result) note(result.error());
    return result;
  }

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit JournalReader(std::unique_ptr<Impl> impl);
  void note(const Error& error) const;

  // What the public calls do, before reader_damage.cpp looks at what came of it.
  Result<JournalHead> try_head();
  Result<JournalCounts> try_counts();
  Result<std::optional<StoredDocument>> try_find(const std::string& id);
  Result<std::optional<StoredDocument>> try_load(Sequence sequence);
  Result<std::optional<StoredDocument>> try_load_version(const DeliveryKey& delivery);
  Result<std::vector<DeliveryView>> try_deliveries(Sequence document);
  Result<DocumentStatus> try_status(Sequence document);
  Result<std::vector<RawRecord>> try_history(Sequence document);
  Result<std::vector<QuarantineEntry>> try_quarantine(std::size_t limit);
  Result<std::optional<StoredDocument>> try_oldest_open();
  Result<std::optional<StoredDocument>> try_oldest_sale_not_at(const std::string& target);
  Result<void> try_for_each_document(BusinessDay from, BusinessDay to,
                                     const std::function<bool(const DayDocument&)>& visit);
  Result<std::vector<BusinessDay>> try_business_days(BusinessDay from, BusinessDay to);
  Result<Sequence> try_last_delivery(BusinessDay day, const std::string& target);
  Result<std::vector<BusinessDay>> try_days_delivered_after(const std::string& target, Sequence after);
  Result<std::vector<JournaledDecision>> try_decisions(BusinessDay from, BusinessDay to);
  Result<std::vector<RecoveredFact>> try_recoveries();
  Result<std::vector<RawRecord>> try_records(Sequence after, std::size_t limit);

  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync
