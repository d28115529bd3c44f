#include "reconcile/conflicts/stock.h"

#include <algorithm>
#include <set>

namespace tillsync {
namespace {

using Action = ConflictAction;

/// A level after the moves, in their order; those that `wanted` refuses left out.
template <class Wanted>
Decimal after(Decimal level, const std::vector<StoreMove>& moves, Wanted wanted) {
  for (const auto& move : moves) {
    if (!wanted(move)) continue;
    level = move.counted ? *move.counted : level + move.delta;
  }
  return level;
}

const StoreMove* last_count(const std::vector<StoreMove>& moves) {
  const auto found =
      std::find_if(moves.rbegin(), moves.rend(), [](const StoreMove& move) { return move.counted; });
  return found == moves.rend() ? nullptr : &*found;
}

Decimal sum_of(const std::vector<CentralMove>& moves) {
  Decimal sum;
  for (const auto& move : moves) sum += move.delta;
  return sum;
}

json::Array moves_json(const std::vector<StoreMove>& moves) {
  constexpr std::size_t kShown = 100;
  json::Array list;
  for (const auto& move : moves) {
    if (list.size() == kShown) break;
    json::Object entry{{"document", move.document_id}, {"sequence", move.document.value}};
    if (move.counted) {
      entry.emplace_back("counted", move.counted->text());
    } else {
      entry.emplace_back("quantity_delta", move.delta.text());
    }
    entry.emplace_back("at_central", move.at_central);
    list.emplace_back(std::move(entry));
  }
  return list;
}

ConflictFact fact_of(const StockCase& what, const StockReview& review, std::string_view kind,
                     const ConflictPolicies& policies) {
  ConflictFact fact;
  fact.kind = kind;
  // The last document that moved the SKU stands for the store's side: its day shows the conflict.
  fact.document = what.moves.back().document;
  fact.document_id = what.moves.back().document_id;
  fact.business_day = what.moves.back().business_day;
  fact.subject = what.sku;
  fact.version = what.version;
  fact.target = what.target;
  fact.policy = policies.text(kind);
  fact.store = json::Object{
      {"known", what.known.text()}, {"level", review.level.text()}, {"movements", moves_json(what.moves)}};
  json::Object central{{"level", what.now.text()}};
  if (review.order_known) central.emplace_back("moved", review.central_moved.text());
  if (what.central_moves) {
    json::Array list;
    for (const auto& move : *what.central_moves)
      list.emplace_back(
          json::Object{{"id", move.id}, {"quantity_delta", move.delta.text()}, {"at", format_utc(move.at)}});
    central.emplace_back("movements", std::move(list));
  }
  fact.central = std::move(central);
  if (policies.of(kind) == Action::kAsk) {
    fact.decision = "open";
    fact.choices = {"noted"};
  } else {
    fact.decision = "flagged";
  }
  return fact;
}

/// Without a count movements commute: what central moved is what its level has and nobody here did.
void review_deltas(const StockCase& what, const ConflictPolicies& policies, StockReview& review) {
  const auto at_central = [](const StoreMove& move) { return move.at_central; };
  review.central_moved = what.now - after(what.known, what.moves, at_central);
  review.level = after(what.now, what.moves, [&](const StoreMove& move) { return !at_central(move); });
  if (review.central_moved.is_zero()) return;
  const auto alone = review.level - review.central_moved;  // had central not moved
  const bool oversold =
      review.central_moved.is_negative() && review.level.is_negative() && !alone.is_negative();
  const auto kind = oversold ? conflict_kind::kOversold : conflict_kind::kStockMoved;
  if (policies.of(kind) == Action::kOff) return;
  auto fact = fact_of(what, review, kind, policies);
  fact.explanation =
      oversold
          ? what.sku + ": the store sold what central had promised elsewhere; central moved its level by " +
                review.central_moved.text() + ", and " + review.level.text() + " are left"
          : what.sku + ": central moved its level by " + review.central_moved.text() +
                " while the store moved it too; with both it is " + review.level.text();
  review.found.push_back(std::move(fact));
}

/// What central will have once it has all of the store's documents.
Decimal at_central_in_the_end(const StockCase& what) {
  return after(what.now, what.moves, [](const StoreMove& move) { return !move.at_central; });
}

void decide_count(ConflictFact& fact, const StockCase& what, StockReview& review, Action action,
                  const Decimal& counted, const Decimal& at_central) {
  if (action == Action::kAsk || (action == Action::kRebase && !review.order_known)) {
    fact.decision = "open";
    fact.choices = {"store", "central", "rebase"};
    if (review.order_known) return;
    fact.choices.pop_back();  // there is nothing to go by
    return;
  }
  fact.choices.clear();
  fact.decision = action_name(action);
  if (action == Action::kStore) review.level = counted;
  if (action == Action::kCentral) review.level = at_central;
  fact.explanation += "; by policy it is " + review.level.text();
  fact.store = json::Object{
      {"known", what.known.text()}, {"level", review.level.text()}, {"movements", moves_json(what.moves)}};
}

/// A count is what was on the shelf when it was taken: central's movements before it are in it, those after
/// it are not, whenever they reached anybody's books.
void review_count(const StockCase& what, const StoreMove& count, const ConflictPolicies& policies,
                  StockReview& review) {
  const auto since = [&](const StoreMove& move) { return move.document >= count.document; };
  const auto counted = after(Decimal(), what.moves, since);  // and the store's movements after it
  const auto at_central = at_central_in_the_end(what);
  review.level = counted;
  if (what.central_moves) {
    review.central_moved = sum_of(*what.central_moves);
    for (const auto& move : *what.central_moves) {
      if (move.at > count.occurred_at) review.level += move.delta;
    }
  } else {
    // Its level alone: what differs from what the store's documents make of it.
    review.order_known = false;
    review.central_moved =
        what.now - after(what.known, what.moves, [](const StoreMove& move) { return move.at_central; });
    if (review.central_moved.is_zero()) {
      review.order_known = true;
      return;
    }
  }
  if (review.order_known && review.level == at_central) return;
  const auto action = policies.of(conflict_kind::kCountRebased);
  if (action == Action::kOff) return;
  auto fact = fact_of(what, review, conflict_kind::kCountRebased, policies);
  fact.document = count.document;
  fact.document_id = count.document_id;
  fact.business_day = count.business_day;
  fact.explanation =
      what.sku + ": counted " + count.counted->text() + " between movements of both sides; " +
      (review.order_known ? "rebased over them it is " + review.level.text()
                          : "central moved by " + review.central_moved.text() + ", and does not tell when") +
      ", central has or will have " + at_central.text();
  decide_count(fact, what, review, action, counted, at_central);
  review.found.push_back(std::move(fact));
}

}  // namespace

StockReview review_stock(const StockCase& what, const ConflictPolicies& policies) {
  StockReview review;
  review.level = what.now;
  if (what.moves.empty()) return review;  // whatever central does alone is no conflict
  if (const auto* count = last_count(what.moves)) {
    review_count(what, *count, policies, review);
  } else {
    review_deltas(what, policies, review);
  }
  return review;
}

std::optional<std::vector<CentralMove>> central_moves_of(const json::Value& now, const json::Value& before) {
  const auto* list = now.find("movements");
  if (list == nullptr || list->as_array() == nullptr) return std::nullopt;
  std::set<std::string, std::less<>> old;
  if (const auto* earlier = before.find("movements"); earlier != nullptr && earlier->as_array() != nullptr) {
    for (const auto& entry : *earlier->as_array()) old.emplace(entry.text_of("id"));
  }
  std::vector<CentralMove> moves;
  for (const auto& entry : *list->as_array()) {
    const auto id = entry.text_of("id");
    if (old.find(id) != old.end()) continue;
    const auto delta = Decimal::parse(entry.text_of("quantity_delta"), 3);
    const auto at = OffsetTime::parse(entry.text_of("at"));
    if (id.empty() || !delta || !at) return std::nullopt;
    moves.push_back(
        CentralMove{std::string(id), *delta, std::chrono::floor<std::chrono::microseconds>(at->utc)});
  }
  return moves;
}

}  // namespace tillsync
