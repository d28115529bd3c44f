// ConflictDetector: the level of each SKU that the store moved, against central's.
#include "reconcile/conflicts/detector.h"
#include "reconcile/reports/report.h"

namespace tillsync {
namespace {

std::optional<Decimal> quantity_of(const std::string& stock_view) {
  const auto value = json::parse(stock_view);
  if (!value) return std::nullopt;
  const auto quantity = Decimal::parse(value->text_of("quantity"), 3);
  return quantity ? std::optional(*quantity) : std::nullopt;
}

/// What the document does to the SKU; nothing where it does nothing (goods that came back damaged).
std::optional<StoreMove> move_of(const StoredDocument& stored, const std::string& sku) {
  const auto& document = stored.document;
  StoreMove move{stored.sequence,
                 document.id,
                 document.business_day,
                 std::nullopt,
                 Decimal(),
                 std::chrono::floor<std::chrono::microseconds>(document.occurred_at.utc),
                 true};
  bool moves = false;
  const auto add = [&](const Decimal& delta) {
    move.delta += delta;
    moves = true;
  };
  if (const auto* trade = std::get_if<Trade>(&document.content)) {
    for (const auto& line : trade->lines) {
      if (line.sku != sku) continue;
      if (document.type == DocumentType::kSale) add(-line.quantity);
      if (document.type == DocumentType::kReturn && line.disposition.value_or("resell") == "resell")
        add(line.quantity);
    }
  } else if (const auto* adjustment = std::get_if<StockAdjustment>(&document.content)) {
    for (const auto& line : adjustment->lines) {
      if (line.sku == sku) add(line.quantity_delta);
    }
  } else if (const auto* transfer = std::get_if<StockTransfer>(&document.content)) {
    for (const auto& line : transfer->lines) {
      if (line.sku == sku) add(transfer->direction == "in" ? line.quantity : -line.quantity);
    }
  } else if (const auto* count = std::get_if<StockCount>(&document.content)) {
    for (const auto& line : count->lines) {
      if (line.sku != sku) continue;
      move.counted = line.counted;  // the last one counts
      moves = true;
    }
  }
  return moves ? std::optional(std::move(move)) : std::nullopt;
}

}  // namespace

Result<void> ConflictDetector::review_stock_levels(const ReadBackUntil& until) {
  const auto& policies = parts_.policies;
  const bool wanted = policies.of(conflict_kind::kStockMoved) != ConflictAction::kOff ||
                      policies.of(conflict_kind::kOversold) != ConflictAction::kOff ||
                      policies.of(conflict_kind::kCountRebased) != ConflictAction::kOff;
  auto* port = parts_.port(parts_.systems.stock);
  if (!wanted || port == nullptr || !stock_served_) return ok();
  settled_.clear();
  auto head = parts_.reader.head();
  if (!head) return head.error();
  auto walked = parts_.trade.walk(parts_.reader, head->sequence);
  if (!walked) return walked.error();
  auto skus = parts_.trade.moved_skus(sku_, limits_.skus_max);
  if (!skus) return skus.error();
  for (const auto& sku : *skus) {
    if (until.stop || parts_.clock.steady_now() >= until.deadline) return ok();
    if (auto reviewed = review_sku(*port, sku); !reviewed) return reviewed.error();
    if (!stock_served_) return ok();
    sku_ = sku;
  }
  if (skus->size() < limits_.skus_max) sku_.clear();
  return ok();
}

Result<ConflictDetector::Settled> ConflictDetector::settled(Sequence document) {
  if (const auto known = settled_.find(document); known != settled_.end()) return known->second;
  auto deliveries = parts_.reader.deliveries(document);
  if (!deliveries) return deliveries.error();
  Settled settled;
  for (const auto& delivery : *deliveries) {
    if (delivery.target != parts_.systems.stock) continue;
    if (delivery.state == DeliveryState::kDelivered) {
      auto at = JournalOfReader(parts_.reader).delivered_at({document, delivery.step});
      if (!at) return at.error();
      settled.delivered_at = std::max(settled.delivered_at.value_or(Sequence{}), *at);
    } else if (delivery.state != DeliveryState::kQuarantined && delivery.state != DeliveryState::kDiscarded) {
      settled.in_flight = true;
    }
  }
  settled_[document] = settled;
  return settled;
}

Result<void> ConflictDetector::review_sku(FetchPort& port, const std::string& sku) {
  auto documents = parts_.trade.moves_of(sku);
  if (!documents) return documents.error();
  if (documents->size() > limits_.moves_of_sku_max) documents->resize(limits_.moves_of_sku_max);
  for (const auto document : *documents) {
    auto at = settled(document);
    if (!at) return at.error();
    if (at->in_flight) return ok();  // once it is settled the level says something
  }
  auto base = parts_.trade.base(sku);
  if (!base) return base.error();
  auto asked_at = parts_.reader.head();
  if (!asked_at) return asked_at.error();
  auto answer = port.fetch(FactKind::kStock, sku, "");
  if (!answer) return answer.error();
  if (answer->answer == FetchedFact::Answer::kNotServed) {
    stock_served_ = false;
    return ok();
  }
  auto answered_at = parts_.reader.head();
  if (!answered_at) return answered_at.error();
  const StockBase now{answer->answer == FetchedFact::Answer::kValue ? answer->value : "", answer->etag,
                      asked_at->sequence};
  return compare(sku, *base, now, *documents, answered_at->sequence);
}

/// Central's stock view as the store knew it ahead of `first`: what central did before that is no conflict.
Result<std::string> ConflictDetector::known_before(const std::string& sku,
                                                   const std::optional<StockBase>& base, Sequence first) {
  auto fact = parts_.facts.as_of(FactKind::kStock, sku, first);
  if (!fact) return fact.error();
  const bool newer = *fact && (!base || (*fact)->known_from >= base->asked_at);
  if (newer) return (*fact)->value;
  return base ? base->value : std::string();
}

Result<void> ConflictDetector::compare(const std::string& sku, const std::optional<StockBase>& base,
                                       const StockBase& now, const std::vector<Sequence>& documents,
                                       Sequence answered_at) {
  // What the store posted meanwhile may be in the level or not: then the next round tells.
  auto newer = parts_.trade.walk(parts_.reader, answered_at);
  if (!newer) return newer.error();
  auto again = parts_.trade.moves_of(sku);
  if (!again) return again.error();
  if (*again != documents) return ok();
  const auto level = quantity_of(now.value);
  StockCase what{sku, parts_.systems.stock, Decimal(), level.value_or(Decimal()), now.version, {}, {}};
  std::vector<Sequence> in_level;
  for (const auto sequence : documents) {
    auto at = settled(sequence);
    if (!at) return at.error();
    if (at->delivered_at && *at->delivered_at > now.asked_at) return ok();
    if (at->delivered_at) in_level.push_back(sequence);
    auto stored = parts_.reader.load(sequence);
    if (!stored) return stored.error();
    if (!*stored) continue;  // retention has taken it
    auto move = move_of(**stored, sku);
    if (!move) continue;
    move->at_central = at->delivered_at.has_value();
    what.moves.push_back(std::move(*move));
  }
  auto before_moves = known_before(sku, base, documents.front());
  if (!before_moves) return before_moves.error();
  const auto known = quantity_of(*before_moves);
  if (level && known) {
    what.known = *known;
    const auto before = json::parse(*before_moves), after = json::parse(now.value);
    if (before && after) what.central_moves = central_moves_of(*after, *before);
    auto review = review_stock(what, parts_.policies);
    if (!review.found.empty()) {
      if (auto noted = parts_.note(std::move(review.found)); !noted) return noted.error();
    }
  }
  return parts_.trade.set_base(sku, now, in_level);
}

}  // namespace tillsync
