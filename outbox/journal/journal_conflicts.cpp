// Journal: conflicts, what people choose, and changes to the daemon itself, as facts.
#include <algorithm>

#include "outbox/journal/conflict_rows.h"
#include "outbox/journal/counters.h"
#include "outbox/journal/journal_impl.h"

namespace tillsync {
namespace {

std::string listed(const std::vector<std::string>& texts) {
  std::string list;
  for (const auto& text : texts) (list += list.empty() ? "" : ", ") += text;
  return list;
}

Error no_such_conflict(Sequence record) {
  return Error{ErrorKind::kInvalid, "no-such-conflict",
               "there is no conflict " + std::to_string(record.value) + "; see `tillsync conflicts list`"};
}

}  // namespace

Result<std::optional<Sequence>> Journal::try_note_conflict(const ConflictFact& fact) {
  auto& impl = *impl_;
  const auto row = conflict_row(fact);
  auto known = impl.database->prepare("SELECT record FROM conflict WHERE key = ?");
  if (!known) return known.error();
  auto found = known->bind(1, row.key).step();
  if (!found) return found.error();
  if (*found) return std::optional<Sequence>();
  auto sequence = impl.append_record(RecordKind::kConflict, fact.document, encode_conflict(fact), nullptr,
                                     impl.clock.utc_now());
  if (!sequence) return sequence.error();
  if (auto put = put_conflict_row(*impl.database, *sequence, row); !put) return put.error();
  impl.count(counters::conflicts(fact.kind), 1);
  if (row.open) impl.count(counters::open_conflicts(fact.kind), 1);
  return std::optional(*sequence);
}

Result<ConflictView> Journal::try_resolve_conflict(const ResolutionFact& fact) {
  auto& impl = *impl_;
  auto found = read_conflicts(*impl.database, "c.record = ?", fact.conflict.value, 1);
  if (!found) return found.error();
  if (found->empty()) return no_such_conflict(fact.conflict);
  auto& conflict = found->front();
  if (!conflict.is_open()) {
    return Error{ErrorKind::kInvalid, "not-open",
                 "conflict " + std::to_string(fact.conflict.value) +
                     " is decided already: " + conflict.decision() + ", by " +
                     (conflict.resolution ? conflict.resolution->fact.by : "policy " + conflict.fact.policy)};
  }
  const auto& choices = conflict.fact.choices;
  if (std::find(choices.begin(), choices.end(), fact.choice) == choices.end()) {
    return Error{ErrorKind::kInvalid, "no-such-choice",
                 "conflict " + std::to_string(fact.conflict.value) + " can be resolved by " +
                     listed(choices) + "; \"" + fact.choice + "\" is none of these"};
  }
  const auto now = impl.clock.utc_now();
  auto sequence = impl.append_record(RecordKind::kResolution, conflict.fact.document, encode_resolution(fact),
                                     nullptr, now);
  if (!sequence) return sequence.error();
  auto update = impl.database->prepare("UPDATE conflict SET open = 0, resolution = ? WHERE record = ?");
  if (!update) return update.error();
  if (auto done = update->bind(1, sequence->value).bind(2, fact.conflict.value).run(); !done)
    return done.error();
  impl.count(counters::open_conflicts(conflict.fact.kind), -1);
  conflict.resolution = ConflictView::Resolution{now, fact};
  return std::move(conflict);
}

Result<std::vector<ConflictView>> Journal::conflicts_of(Sequence document) {
  return impl_->noted(
      read_conflicts(*impl_->database, "c.document = ?", document.value, kConflictsOfDocumentMax));
}

Result<void> Journal::try_note_audit(const AuditEvent& event) {
  auto sequence = impl_->append_record(RecordKind::kAudit, std::nullopt, encode_audit(event), nullptr,
                                       impl_->clock.utc_now());
  return sequence ? ok() : Result<void>(sequence.error());
}

}  // namespace tillsync
