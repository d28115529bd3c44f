// What can still be read of a journal's records, however its file is damaged. Nothing here is trusted: the
// hash chain decides (recover.cpp). Private to outbox/journal.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "outbox/journal/facts.h"
#include "outbox/journal/reader.h"
#include "platform/sqlite/database.h"

namespace tillsync {

/// A record as found.
struct FoundRecord {
  Sequence sequence;
  RecordKind kind = RecordKind::kDocument;
  UtcTime recorded_at{};
  std::optional<Sequence> document;
  std::string body;
  std::string hash;  ///< as stored
};

class Salvage {
 public:
  /// The damaged journal in `folder` is only read. `scratch`: a folder for a database of finds. A file that
  /// SQLite cannot open is no error; kInvalid where another program, or a newer version, wrote it; kNotFound.
  static Result<std::unique_ptr<Salvage>> open(const std::string& folder, const std::string& scratch);

  /// Starts over, at the first record.
  void rewind();
  /// All that was found under the next sequence; empty at the end. Around what SQLite cannot read it skips;
  /// the skipped shows as missing.
  Result<std::vector<FoundRecord>> next();
  /// Looks through the file's pages for records whose sequence is `wanted`; from then on next() has them too.
  Result<void> scan_pages(const std::function<bool(Sequence)>& wanted);

  /// As the damaged journal says, where it can be read.
  std::optional<JournalHead> head();
  /// Ranges of the gap table, as far as it can be read.
  std::vector<PrunedRange> gaps();
  /// Targets that the lanes' table says are paused.
  std::vector<std::string> paused_targets();
  void for_each_key(const std::function<void(const std::string& key, Sequence document)>& visit);

 private:
  Salvage(std::string path, sqlite::Database scratch)
      : path_(std::move(path)), scratch_(std::move(scratch)) {}
  void find_next_stored();
  Result<void> find_next_scanned();

  const std::string path_;
  std::optional<sqlite::Database> database_;  // nothing where SQLite cannot use it
  std::optional<sqlite::Statement> select_;   // from database_
  std::optional<FoundRecord> stored_;         // the next one by SQLite
  sqlite::Database scratch_;
  std::optional<sqlite::Statement> select_scanned_;
  std::vector<FoundRecord> scanned_;  // the next ones of the scan, all of one sequence
  Sequence reached_;
  bool stored_ended_ = true;
};

}  // namespace tillsync
