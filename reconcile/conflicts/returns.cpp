#include "reconcile/conflicts/returns.h"

#include <algorithm>
#include <map>

#include "outbox/document/currency.h"

namespace tillsync {
namespace {

using Action = ConflictAction;

const Trade& trade_of(const Document& document) {
  return std::get<Trade>(document.content);
}

Decimal paid_for(const TradeLine& line) {
  Decimal amount = line_amount(line);
  for (const auto& discount : line.discounts) amount -= discount.amount;
  return amount;
}

struct SkuSum {
  Decimal quantity;
  Decimal paid;
};
using SkuSums = std::map<std::string, SkuSum>;

void add(SkuSums& sums, const Trade& trade) {
  for (const auto& line : trade.lines) {
    auto& sum = sums[line.sku];
    sum.quantity += line.quantity;
    sum.paid += paid_for(line);
  }
}

SkuSums sums_of(const Trade& trade) {
  SkuSums sums;
  add(sums, trade);
  return sums;
}

Decimal quantity_in(const SkuSums& sums, const std::string& sku) {
  const auto sum = sums.find(sku);
  return sum == sums.end() ? Decimal() : sum->second.quantity;
}

/// a x b, of amounts and quantities whose decimals together may be more than a Decimal has: as integers.
struct Product {
  Decimal::Units value;
};
Product product(const Decimal& a, const Decimal& b) {
  // Amounts have at most 7 decimals and 15 digits; quantities 3: b in thousandths keeps it within 128 bits.
  constexpr Decimal::Units kThousandth = 10'000;
  return {a.units() * (b.units() / kThousandth)};
}

/// Whether `refund` for `returned` pieces is what `paid` for `sold` pieces comes to, to the minor unit.
bool same_price(const Decimal& refund, const Decimal& returned, const Decimal& paid, const Decimal& sold,
                const std::string& currency) {
  const auto minor = Decimal::minor_unit(currency_decimals(currency).value_or(2));
  auto apart = product(refund, sold).value - product(paid, returned).value;
  if (apart < 0) apart = -apart;
  return apart < product(minor, sold).value;
}

std::string name_of_sale(const Document& document) {
  const auto& original = trade_of(document).original;
  if (!original) return "";
  return original->id ? *original->id : original->receipt.value_or("");
}

/// Finds what is wrong with one return; each finding still without its decision.
class Examination {
 public:
  Examination(const ReturnCase& what, const ConflictPolicies& policies) : what_(what), policies_(policies) {}

  std::vector<ConflictFact> run() {
    if (what_.known == ReturnCase::Sale::kUnknown) unknown_sale();
    if (what_.sale) {
      quantities();
      prices();
    }
    if (what_.policy) refund_policy();
    return std::move(found_);
  }

 private:
  void tell(std::string_view kind, const std::string& subject, std::string explanation, json::Value store,
            json::Value central) {
    if (policies_.of(kind) == Action::kOff) return;
    ConflictFact fact;
    fact.kind = kind;
    fact.document = what_.document;
    fact.document_id = what_.content.id;
    fact.subject = subject;
    fact.target = what_.target;
    fact.business_day = what_.content.business_day;
    fact.policy = policies_.text(kind);
    fact.explanation = std::move(explanation);
    fact.store = std::move(store);
    fact.central = std::move(central);
    found_.push_back(std::move(fact));
  }

  std::string about() const {
    return "return " + what_.content.id + " of sale " + name_of_sale(what_.content);
  }

  void unknown_sale() {
    tell(conflict_kind::kUnknownSale, "", about() + ": neither the store nor central knows that sale",
         json::Object{{"original", name_of_sale(what_.content)}}, json::Object{{"documents", 0}});
  }

  void quantities() {
    const auto sold = sums_of(trade_of(*what_.sale));
    SkuSums here = sums_of(trade_of(what_.content)), elsewhere;
    json::Array others_here, others_there;
    for (const auto& other : what_.others) {
      add(other.elsewhere ? elsewhere : here, other.trade);
      (other.elsewhere ? others_there : others_here).emplace_back(other.reference);
    }
    for (const auto& [sku, returned] : sums_of(trade_of(what_.content))) {
      const auto had = quantity_in(sold, sku);
      const auto back = quantity_in(here, sku), there = quantity_in(elsewhere, sku);
      const json::Object store{{"sold", had.text()}, {"returned", back.text()}, {"returns", others_here}};
      if (back > had) {
        tell(conflict_kind::kOverQuantity, sku,
             about() + ": of " + sku + " " + had.text() + " were sold, " + back.text() + " came back here",
             store, nullptr);
      } else if (back + there > had) {
        tell(conflict_kind::kAlreadyRefunded, sku,
             about() + ": of " + sku + " " + had.text() + " were sold, and " + there.text() +
                 " were refunded in another store already",
             store, json::Object{{"returned", there.text()}, {"returns", others_there}});
      }
    }
  }

  void prices() {
    const auto sold = sums_of(trade_of(*what_.sale));
    for (const auto& [sku, back] : sums_of(trade_of(what_.content))) {
      const auto paid = sold.find(sku);
      if (paid == sold.end() || paid->second.quantity.is_zero()) continue;  // nothing to compare with
      if (what_.sale->currency == what_.content.currency &&
          same_price(back.paid, back.quantity, paid->second.paid, paid->second.quantity,
                     what_.content.currency))
        continue;
      const auto side = [](const SkuSum& sum, const std::string& currency) {
        return json::Object{
            {"quantity", sum.quantity.text()}, {"amount", sum.paid.text(2)}, {"currency", currency}};
      };
      tell(conflict_kind::kPriceDiffers, sku, about() + ": the refund for " + sku + " is not what was paid",
           json::Object{{"refund", side(back, what_.content.currency)},
                        {"sale", side(paid->second, what_.sale->currency)}},
           nullptr);
    }
  }

  void refund_policy() {
    const bool has_receipt = !name_of_sale(what_.content).empty();
    if (what_.policy->receipt_required && !has_receipt) {
      tell(conflict_kind::kOutsidePolicy, "receipt",
           "return " + what_.content.id + " names no sale, and central's policy asks for a receipt", nullptr,
           json::Object{{"receipt_required", true}});
    }
    if (!what_.sale || !what_.policy->days) return;
    const auto days = (what_.content.business_day.day - what_.sale->business_day.day).count();
    if (days <= *what_.policy->days) return;
    tell(conflict_kind::kOutsidePolicy, "days",
         about() + ": " + std::to_string(days) + " days after the sale; central's policy allows " +
             std::to_string(*what_.policy->days),
         json::Object{{"sold", what_.sale->business_day.text()},
                      {"returned", what_.content.business_day.text()}},
         json::Object{{"days", *what_.policy->days}});
  }

  const ReturnCase& what_;
  const ConflictPolicies& policies_;
  std::vector<ConflictFact> found_;
};

void decide(ConflictFact& fact, Action action, const std::vector<std::string>& steps) {
  if (action == Action::kHold) {
    fact.decision = "open";
    fact.choices = {"approve", "reject"};
    fact.steps = steps;
  } else {
    fact.decision = action == Action::kReject ? "rejected" : "flagged";
  }
}

}  // namespace

ReturnReview review_return(const ReturnCase& what, const ConflictPolicies& policies,
                           const std::vector<ConflictView>& decided) {
  ReturnReview review;
  const auto heed = [&review](const ConflictFact& fact, const std::string& decision, bool open) {
    const bool no = decision == "rejected" || decision == "reject";
    if ((open || no) && review.reason.empty()) review.reason = fact.explanation;
    review.waits = review.waits || open;
    review.rejected = review.rejected || no;
  };
  for (const auto& conflict : decided) {
    if (!conflict.fact.kind.starts_with("return-")) continue;
    const bool overruled = conflict.fact.decision == "rejected" && conflict.record < what.retried_at;
    if (!overruled) heed(conflict.fact, conflict.decision(), conflict.is_open());
  }
  for (auto& fact : Examination(what, policies).run()) {
    const auto key = fact.key();
    if (std::any_of(decided.begin(), decided.end(), [&](const auto& c) { return c.fact.key() == key; }))
      continue;
    decide(fact, policies.of(fact.kind), what.steps);
    heed(fact, fact.decision, fact.is_open());
    review.found.push_back(std::move(fact));
  }
  return review;
}

std::optional<ReturnCase::Policy> refund_policy_of(const json::Value& value) {
  if (value.as_object() == nullptr) return std::nullopt;
  ReturnCase::Policy policy;
  if (const auto* days = value.find("days"); days != nullptr && days->as_number() != nullptr)
    policy.days = value.integer_of("days");
  const auto* receipt = value.find("receipt_required");
  policy.receipt_required = receipt != nullptr && receipt->as_bool() != nullptr && *receipt->as_bool();
  return policy;
}

}  // namespace tillsync
