// Journal: what another journal of this store says, appended where this one does not know it yet.
#include "outbox/journal/journal_impl.h"
#include "platform/json/json.h"

namespace tillsync {

Result<bool> Journal::Impl::knows_import(Sequence document, std::string_view step,
                                         const std::string& origin) {
  auto select = database->prepare("SELECT body FROM record WHERE document = ? AND kind IN (2, 3)");
  if (!select) return select.error();
  select->bind(1, document.value);
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return false;
    const auto body = json::parse(select->blob_view(0));
    if (body && body->text_of("step") == step && body->text_of("imported_from") == origin) return true;
  }
}

Result<std::optional<Journal::Impl::Place>> Journal::Impl::place_of(const DeliveryKey& key) {
  auto known = about(key.document);
  if (!known) return known.error();
  if (!*known) return std::optional<Place>();
  const auto* step = step_of(routes.plan(key.document, (*known)->type), key.step);
  if (step == nullptr) return std::optional<Place>();
  auto rows = delivery_rows(key.document);
  if (!rows) return rows.error();
  const auto* row = row_of(*rows, key.step);
  return std::optional(Place{*step, row == nullptr ? std::nullopt : std::optional(*row)});
}

Result<bool> Journal::record_imported(const OutcomeFact& fact) {
  auto place = impl_->place_of(fact.delivery);
  if (!place) return place.error();
  const auto* row = *place && (*place)->row ? &*(*place)->row : nullptr;
  if (!*place || (row != nullptr && is_settled(row->state))) return false;
  // Refused there says nothing new of what a person has to decide here, nor of what may have been sent since.
  if (row != nullptr && row->state == DeliveryState::kQuarantined &&
      fact.outcome.kind != OutcomeKind::kDelivered)
    return false;
  auto known = impl_->knows_import(fact.delivery.document, fact.delivery.step, fact.imported_from);
  if (!known || *known) return known ? Result<bool>(false) : known;
  auto recorded = record(fact);
  return recorded ? Result<bool>(true) : recorded.error();
}

Result<bool> Journal::decide_imported(const DecisionFact& fact) {
  auto place = impl_->place_of(fact.delivery);
  if (!place) return place.error();
  if (!*place || !(*place)->row || (*place)->row->state != DeliveryState::kQuarantined) return false;
  auto known = impl_->knows_import(fact.delivery.document, fact.delivery.step, fact.imported_from);
  if (!known || *known) return known ? Result<bool>(false) : known;
  auto decided = decide(fact);
  return decided ? Result<bool>(true) : decided.error();
}

Result<std::int64_t> Journal::mark_maybe_sent(Sequence document, const std::string& imported_from,
                                              const std::set<std::string>& but) {
  auto known = impl_->about(document);
  if (!known) return known.error();
  if (!*known) return std::int64_t{0};
  const auto plan = impl_->routes.plan(document, (*known)->type);
  std::int64_t marked = 0;
  for (const auto& step : plan) {
    if (but.contains(step.step)) continue;
    auto place = impl_->place_of({document, step.step});
    if (!place) return place.error();
    const auto& row = (*place)->row;
    const auto state = row ? row->state : DeliveryState::kPending;
    if (!is_open(state) || state == DeliveryState::kUnknown) continue;
    auto before = impl_->knows_import(document, step.step, imported_from);
    if (!before) return before.error();
    if (*before) continue;
    OutcomeFact fact;
    fact.delivery = {document, step.step};
    fact.target = step.target;
    fact.attempt = std::max(1, row ? row->attempts : 1);
    fact.outcome.kind = OutcomeKind::kUnknown;
    fact.outcome.reason = "imported from another journal of this store (record " + imported_from +
                          "); it may have been sent from there";
    fact.imported_from = imported_from;
    if (auto recorded = record(fact); !recorded) return recorded.error();
    ++marked;
  }
  return marked;
}

Result<void> Journal::note_import(const std::string& store, const std::string& sha256_hex, Sequence from,
                                  Sequence to, const std::string& head_hash_hex) {
  const auto body = json::dump(json::Object{{"store", store},
                                            {"sha256", sha256_hex},
                                            {"from", from.value},
                                            {"to", to.value},
                                            {"head_hash", head_hash_hex}});
  auto select = impl_->database->prepare(select_store_wide("body", "kind = 8"));
  if (!select) return select.error();
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    if (select->blob_view(0) == body) return ok();
  }
  auto sequence =
      impl_->append_record(RecordKind::kImported, std::nullopt, body, nullptr, impl_->clock.utc_now());
  return sequence ? ok() : Result<void>(sequence.error());
}

}  // namespace tillsync
