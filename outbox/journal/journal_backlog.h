// What is owed, read from the journal for the scheduler.
#pragma once

#include <memory>
#include <string>

#include "outbox/delivery/backlog_source.h"
#include "outbox/journal/documents_ahead.h"
#include "outbox/journal/reader.h"

namespace tillsync {

/// Some thousand usual documents.
inline constexpr std::size_t kReadAheadBytesMax = 8 * 1024 * 1024;

class JournalBacklog final : public BacklogSource {
 public:
  /// `reader` is used by the scheduler's thread alone. With `ahead` the next page is read while this one is
  /// sent.
  JournalBacklog(JournalReader& reader, std::string store_id, DocumentsAhead* ahead = nullptr,
                 std::size_t read_ahead_bytes_max = kReadAheadBytesMax)
      : reader_(reader), store_id_(std::move(store_id)), ahead_(ahead), read_ahead_(read_ahead_bytes_max) {}

  /// Whether the next page is read while this one is sent, where there is somebody to do it.
  void read_ahead(bool wanted) { ahead_wanted_ = wanted; }
  Result<BacklogPage> read(const std::string& target, Sequence after, std::size_t documents_max) override;
  Result<std::vector<BacklogEntry>> read_on_record(const std::string& target, Sequence through,
                                                   std::size_t limit) override;
  Result<BacklogPage> read_live(const std::string& target, Sequence after,
                                std::size_t documents_max) override;
  Result<BacklogKeys> read_keys(const std::string& target, Sequence after, Sequence through,
                                std::size_t documents_max) override;

 private:
  Result<BacklogPage> read_page(const std::string& target, Sequence after, std::size_t documents_max,
                                bool live);
  Result<std::vector<BacklogDocument>> documents(const std::string& target, Sequence after,
                                                 std::size_t documents_max);
  Result<BacklogDocument> load(Sequence sequence);

  JournalReader& reader_;
  const std::string store_id_;
  DocumentsAhead* const ahead_;
  bool ahead_wanted_ = true;
  ReadAhead read_ahead_;
};

}  // namespace tillsync
