// What a file target has been given, and what is on its way: the memory that look_up answers from, since a
// folder whose files are taken away can tell nothing. DESIGN.md says why it is enough for I3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/connectors/file/batch.h"
#include "platform/sqlite/database.h"

namespace tillsync::file {

/// A batch as it is published, from the ledger.
struct LedgerBatch {
  std::int64_t number = 0;
  std::string name;
  std::string data_file;
  std::string manifest_file;
  std::string data;      ///< "" once it is published
  std::string manifest;  ///< likewise
};

/// Where a delivery stands.
struct LedgerEntry {
  std::int64_t batch = 0;  ///< its number
  std::string batch_name;
  bool published = false;
  Sha256Digest digest{};  ///< of the document's canonical form as it went into the batch
};

/// An SQLite file of its own, one writer. Every change is durable when the call returns. Single-threaded.
class BatchLedger {
 public:
  /// Published deliveries that are remembered. Only those whose outcome is not in the journal yet are ever
  /// asked for: 4,096 wait for the journal at most, and 8 batches of 1,000 are under way.
  static constexpr std::int64_t kMembersKeptMax = 50'000;

  /// Makes the folder and the file where they are missing. kStorage; kCorrupt where the file is no ledger
  /// that this version can read.
  static Result<BatchLedger> open(const std::string& folder, const std::string& target,
                                  std::int64_t members_kept_max = kMembersKeptMax);

  /// The number that the next batch gets.
  std::int64_t next_number() const { return last_number_ + 1; }
  Result<std::optional<LedgerEntry>> find(const std::string& idempotency_key);
  /// Writes down a batch with next_number(), before anything of it is published. kStorage: nothing was.
  Result<void> spool(const Batch& batch);
  /// kNotFound where there is none of that number.
  Result<LedgerBatch> load(std::int64_t number);
  /// The batch is in the folder as a whole: its bytes are dropped, and of those published long ago the
  /// memory.
  Result<void> published(std::int64_t number);
  /// Batches that are written down and not published.
  Result<std::int64_t> pending();

 private:
  explicit BatchLedger(sqlite::Database database) : database_(std::move(database)) {}
  Result<void> prepare();
  Result<void> insert(const Batch& batch);
  Result<void> prune();

  sqlite::Database database_;
  std::int64_t members_kept_max_ = kMembersKeptMax;
  std::int64_t last_number_ = 0;
  std::int64_t members_ = 0;  ///< of published batches
};

}  // namespace tillsync::file
