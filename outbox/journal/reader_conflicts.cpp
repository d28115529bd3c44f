// JournalReader: conflicts.
#include "outbox/journal/conflict_rows.h"
#include "outbox/journal/reader_impl.h"

namespace tillsync {

Result<std::vector<ConflictView>> JournalReader::open_conflicts(Sequence after, std::size_t limit) {
  return noted(read_conflicts(impl_->database, "c.open <> 0 AND c.record > ?", after.value, limit));
}

Result<std::vector<ConflictView>> JournalReader::conflicts_of_day(BusinessDay day, std::size_t limit) {
  return noted(
      read_conflicts(impl_->database, "c.business_day = ?", day.day.time_since_epoch().count(), limit));
}

Result<std::vector<ConflictView>> JournalReader::conflicts_of(Sequence document) {
  return noted(read_conflicts(impl_->database, "c.document = ?", document.value, kConflictsOfDocumentMax));
}

Result<std::optional<ConflictView>> JournalReader::conflict(Sequence record) {
  auto found = noted(read_conflicts(impl_->database, "c.record = ?", record.value, 1));
  if (!found) return found.error();
  if (found->empty()) return std::optional<ConflictView>();
  return std::optional(std::move(found->front()));
}

}  // namespace tillsync
