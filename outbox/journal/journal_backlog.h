// What is owed, read from the journal for the scheduler.
#pragma once

#include <memory>
#include <string>

#include "outbox/delivery/backlog_source.h"
#include "outbox/journal/reader.h"

namespace tillsync {

class JournalBacklog final : public BacklogSource {
 public:
  /// `reader` is used by the scheduler's thread alone.
  JournalBacklog(JournalReader& reader, std::string store_id)
      : reader_(reader), store_id_(std::move(store_id)) {}

  Result<BacklogPage> read(const std::string& target, Sequence after, std::size_t documents_max) override;
  Result<std::vector<BacklogEntry>> read_on_record(const std::string& target, Sequence through,
                                                   std::size_t limit) override;

 private:
  JournalReader& reader_;
  const std::string store_id_;
};

}  // namespace tillsync
