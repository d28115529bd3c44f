// Journal: damage that shows while it is used is noted once, and nothing is begun on it any more.
#include "outbox/journal/journal_impl.h"

namespace tillsync {

Result<void> Journal::begin() {
  if (impl_->damage) {
    return Error{ErrorKind::kCorrupt, "journal-damaged", "the journal is damaged: " + impl_->damage->detail};
  }
  return impl_->noted(try_begin());
}

Result<PostAnswer> Journal::append(const DocumentPost& post) {
  return impl_->noted(try_append(post));
}

Result<void> Journal::record(const OutcomeFact& fact) {
  return impl_->noted(try_record(fact));
}

Result<void> Journal::record_look_up(const LookUpFact& fact) {
  return impl_->noted(try_record_look_up(fact));
}

Result<std::string> Journal::decide(const DecisionFact& fact) {
  return impl_->noted(try_decide(fact));
}

Result<std::optional<Sequence>> Journal::note_conflict(const ConflictFact& fact) {
  return impl_->noted(try_note_conflict(fact));
}

Result<ConflictView> Journal::resolve_conflict(const ResolutionFact& fact) {
  return impl_->noted(try_resolve_conflict(fact));
}

Result<void> Journal::note_audit(const AuditEvent& event) {
  return impl_->noted(try_note_audit(event));
}

Result<PruneResult> Journal::prune(std::int64_t keep_days, std::size_t records_max) {
  return impl_->noted(try_prune(keep_days, records_max));
}

Result<void> Journal::commit() {
  return impl_->noted(try_commit());
}

Result<void> Journal::checkpoint(bool truncate) {
  return impl_->noted(try_checkpoint(truncate));
}

}  // namespace tillsync
