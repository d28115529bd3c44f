#include "reconcile/conflicts/prices.h"

#include "outbox/document/currency.h"

namespace tillsync {

std::optional<CentralPrice> price_of(const json::Value& value) {
  const auto price = Decimal::parse(value.text_of("price"), 4);
  if (!price) return std::nullopt;
  CentralPrice read{*price, std::string(value.text_of("currency")), std::nullopt};
  const auto from = value.text_of("valid_from");
  if (from.empty()) return read;
  const auto at = OffsetTime::parse(from);
  if (!at) return std::nullopt;
  read.valid_from = std::chrono::floor<std::chrono::microseconds>(at->utc);
  return read;
}

std::optional<ConflictFact> review_price(const PriceCase& what, const ConflictPolicies& policies) {
  const auto action = policies.of(conflict_kind::kPriceChanged);
  const auto* trade = std::get_if<Trade>(&what.content.content);
  if (action == ConflictAction::kOff || trade == nullptr || what.content.type != DocumentType::kSale)
    return std::nullopt;
  const auto& line = trade->lines.at(what.line);
  const bool other_currency = !what.now.currency.empty() && what.now.currency != what.content.currency;
  if (other_currency || line.unit_price == what.now.price) return std::nullopt;
  const bool in_force = what.now.valid_from ? what.content.occurred_at.utc >= *what.now.valid_from
                                            : line.unit_price == what.before.price;
  if (!in_force) return std::nullopt;
  const int decimals = currency_decimals(what.content.currency).value_or(2);
  const auto variance = (line.unit_price - what.now.price) * line.quantity;
  ConflictFact fact;
  fact.kind = conflict_kind::kPriceChanged;
  fact.document = what.document;
  fact.document_id = what.content.id;
  fact.subject = line.sku + " line " + std::to_string(what.line + 1);
  fact.version = what.version;
  fact.target = what.target;
  fact.business_day = what.content.business_day;
  fact.policy = policies.text(conflict_kind::kPriceChanged);
  fact.explanation = "sale " + what.content.id + ": " + line.sku + " was sold at " +
                     line.unit_price.text(decimals) + ", central's price was " +
                     what.now.price.text(decimals) + " by then; a variance of " + variance.text(decimals) +
                     " " + what.content.currency;
  fact.store = json::Object{{"unit_price", line.unit_price.text(decimals)},
                            {"quantity", line.quantity.text()},
                            {"variance", variance.text(decimals)},
                            {"currency", what.content.currency}};
  json::Object central{{"price", what.now.price.text(decimals)},
                       {"before", what.before.price.text(decimals)}};
  if (what.now.valid_from) central.emplace_back("valid_from", format_utc(*what.now.valid_from));
  fact.central = std::move(central);
  fact.decision = action == ConflictAction::kAsk ? "open" : "flagged";
  if (action == ConflictAction::kAsk) fact.choices = {"accepted", "to-correct"};
  return fact;
}

}  // namespace tillsync
