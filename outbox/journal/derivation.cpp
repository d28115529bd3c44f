#include "outbox/journal/derivation.h"

#include "outbox/journal/counters.h"
#include "outbox/journal/schema.h"
#include "platform/crypto/sha256.h"

namespace tillsync {
namespace {

void put(std::vector<DeliveryRow>& rows, DeliveryRow row) {
  std::erase_if(rows, [&](const DeliveryRow& other) { return other.step == row.step; });
  rows.push_back(std::move(row));
}

Result<void> apply(DerivedDocument& document, Sequence at, RecordKind kind, std::string_view body) {
  std::optional<DeliveryRow> row;
  if (kind == RecordKind::kOutcome) {
    auto fact = decode_outcome(document.sequence, body);
    if (!fact) return fact.error();
    const auto* step = step_of(document.plan, fact->delivery.step);
    if (step == nullptr) return ok();
    row = row_after(*step, row_of(document.rows, step->step), *fact, at);
    if (row && row->state == DeliveryState::kDelivered) document.last_delivered[step->target] = at;
  } else if (kind == RecordKind::kDecision) {
    auto fact = decode_decision(document.sequence, body);
    if (!fact) return fact.error();
    const auto* step = step_of(document.plan, fact->delivery.step);
    if (step == nullptr) return ok();
    row = row_after(*step, row_of(document.rows, step->step), *fact, at);
  }
  if (row) put(document.rows, std::move(*row));
  return ok();
}

}  // namespace

Result<DocumentDeriver> DocumentDeriver::open(sqlite::Database& database) {
  auto select =
      database.prepare("SELECT sequence, kind, body FROM record WHERE document = ? ORDER BY sequence");
  if (!select) return select.error();
  return DocumentDeriver(std::move(*select));
}

Result<DerivedDocument> DocumentDeriver::derive(Sequence document, DocumentType type,
                                                std::int64_t business_day, const RouteHistory& routes) {
  DerivedDocument derived{document, type, business_day, routes.plan(document, type), {}, {}};
  select_.bind(1, document.value);
  while (true) {
    auto row = select_.step();
    if (!row) return row.error();
    if (!*row) break;
    auto applied = apply(derived, Sequence{select_.integer(0)}, static_cast<RecordKind>(select_.integer(1)),
                         select_.blob_view(2));
    if (!applied) {
      select_.reset();
      return applied.error();
    }
  }
  select_.reset();
  return derived;
}

void DerivedTotals::add(const DerivedDocument& document) {
  ++counters[counters::of_status(document.status())];
  ++counters[counters::of_type(document.type)];
  for (const auto& step : document.plan) {
    const auto* row = row_of(document.rows, step.step);
    const auto state = row == nullptr ? DeliveryState::kPending : row->state;
    if (!is_settled(state)) ++counters[counters::owed(step.target)];
    if (state == DeliveryState::kDelivered) ++counters[counters::delivered(step.target)];
    if (state == DeliveryState::kDiscarded) ++counters[counters::discarded(step.target)];
    if (state == DeliveryState::kQuarantined) ++counters[counters::quarantined(step.target)];
  }
  auto& day = days[document.business_day];
  if (day.documents++ == 0) day.first = document.sequence;
  for (const auto& [target, sequence] : document.last_delivered) {
    auto& last = day_targets[{document.business_day, target}];
    last = std::max(last, sequence);
  }
}

Result<void> DerivedTotals::add_conflict(Sequence at, std::optional<Sequence> about, std::string_view body) {
  auto fact = decode_conflict(about, body);
  if (!fact) return fact.error();
  ++counters[counters::conflicts(fact->kind)];
  if (fact->is_open()) ++counters[counters::open_conflicts(fact->kind)];
  conflicts[at] = conflict_row(*fact);
  open_kinds[at] = fact->kind;
  return ok();
}

// Of a conflict that is lost, after damage, the choice alone adds nothing.
Result<void> DerivedTotals::add_resolution(Sequence at, std::string_view body) {
  auto fact = decode_resolution(body);
  if (!fact) return fact.error();
  const auto row = conflicts.find(fact->conflict);
  if (row == conflicts.end() || !row->second.open) return ok();
  row->second.open = false;
  row->second.resolution = at;
  --counters[counters::open_conflicts(open_kinds[fact->conflict])];
  return ok();
}

Result<void> DerivedTotals::add_fact(RecordKind kind, Sequence at, std::optional<Sequence> about,
                                     std::string_view body) {
  if (kind == RecordKind::kConflict) return add_conflict(at, about, body);
  if (kind == RecordKind::kResolution) return add_resolution(at, body);
  if (kind == RecordKind::kOutcome) {
    auto fact = decode_outcome(about.value_or(Sequence{}), body);
    if (!fact) return fact.error();
    ++counters[counters::outcome(fact->target, fact->outcome.kind)];
  } else if (kind == RecordKind::kDecision && !about) {
    auto fact = decode_decision(Sequence{}, body);
    if (!fact) return fact.error();
    paused[fact->target] = fact->kind == DecisionFact::Kind::kPause;
  }
  return ok();
}

std::map<Sequence, DerivedGap> derive_gaps(std::map<Sequence, PrunedRange> ranges) {
  std::map<Sequence, DerivedGap> gaps;
  auto current = gaps.end();
  for (const auto& [first, range] : ranges) {
    const DerivedGap gap{range.through, from_hex(range.hash_hex).value_or("")};
    if (current != gaps.end() && current->second.last.value + 1 == first.value) {
      current->second = gap;
    } else {
      current = gaps.emplace(first, gap).first;
    }
  }
  return gaps;
}

Result<std::map<Sequence, PrunedRange>> read_ranges(sqlite::Database& database,
                                                    std::vector<RecoveredFact>& recovered, RangesBy by) {
  auto select = database.prepare(
      by == RangesBy::kIndex
          ? select_store_wide("kind, body", "kind IN (5, 7)")
          : "SELECT kind, body FROM record NOT INDEXED WHERE kind IN (5, 7) ORDER BY sequence");
  if (!select) return select.error();
  std::map<Sequence, PrunedRange> ranges;
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return ranges;
    if (static_cast<RecordKind>(select->integer(0)) == RecordKind::kPruned) {
      auto pruned = decode_pruned(select->blob_view(1));
      if (!pruned) continue;  // its hash will not hold either
      for (const auto& range : *pruned) ranges[range.from] = range;
    } else if (auto fact = decode_recovered(select->blob_view(1))) {
      for (const auto& range : fact->lost) ranges[range.from] = range;
      recovered.push_back(std::move(*fact));
    }
  }
}

}  // namespace tillsync
