#include "agent/poslog/poslog_lines.h"

#include <algorithm>

#include "outbox/document/gtin.h"

namespace tillsync::poslog {
namespace {

constexpr int kAmountDecimals = 4;
constexpr int kQuantityDecimals = 3;
const Decimal kQuantityBelow = Decimal::from_integer(1'000'000'000);
const Decimal kAmountBelow = Decimal::from_integer(1'000'000'000'000);

bool is_gtin_kind(std::string_view kind) {
  for (const std::string_view known : {"GTIN", "EAN", "UPC", "JAN", "EAN8", "EAN13", "UPCA", "UPCE", "UPC-A",
                                       "UPC-E", "EAN-8", "EAN-13", "GTIN8", "GTIN12", "GTIN13", "GTIN14"})
    if (equal_ignoring_case(kind, known)) return true;
  return false;
}

bool is_group_kind(std::string_view kind) {
  std::string small(kind);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return small.find("group") != std::string::npos || small.find("hierarchy") != std::string::npos;
}

/// The retailer's own number first: a barcode names the article only to who made it.
void read_item_identity(pugi::xml_node item, TradeLine& line) {
  std::string own, untyped, other, barcode;
  const auto keep_first = [](std::string& kept, const std::string& found) {
    if (kept.empty()) kept = found;
  };
  for (const auto id : children(item, "ItemID")) {
    auto kind = attribute(id, "Type");
    if (kind.empty()) kind = attribute(id, "Qualifier");
    keep_first(is_gtin_kind(kind) ? barcode : own, text(id));
  }
  for (const auto identity : children(item, "POSIdentity")) {
    const auto kind = attribute(identity, "POSIDType");
    const auto value = text_of(identity, "POSItemID");
    if (is_gtin_kind(kind)) {
      keep_first(barcode, value);
    } else if (kind.empty()) {
      keep_first(untyped, value);
    } else if (!is_group_kind(kind)) {
      keep_first(other, value);
    }
  }
  for (const auto* const candidate : {&own, &untyped, &other, &barcode}) keep_first(line.sku, *candidate);
  // What is sold by weight stands under a PLU of four or five digits, also where a GTIN is asked for: that is
  // none. A whole one with a wrong check digit is for the door to refuse.
  const auto size = barcode.size();
  const bool whole = size == 8 || size == 12 || size == 13 || size == 14;
  if (whole) {
    line.gtin = barcode;
  } else if (is_valid_gtin(line.sku)) {
    line.gtin = line.sku;
  }
}

/// Quantity times its Units: two packs of six are twelve.
Decimal read_quantity(pugi::xml_node item, const std::string& xpath, FaultList& faults) {
  const auto node = child(item, "Quantity");
  if (!node) return Decimal::from_integer(1);
  const auto units_text = attribute(node, "Units");
  const auto count = decimal(text(node));
  const auto units = units_text.empty() ? Decimal::from_integer(1) : decimal(units_text);
  const auto fits = [](const std::optional<Decimal>& value) {
    return value && value->abs() < kQuantityBelow && decimals_of(*value) <= kQuantityDecimals;
  };
  if (fits(count) && fits(units)) {
    if (const auto all = std::optional<Decimal>(*count * *units); fits(all)) return *all;
  }
  faults.add(xpath + "/Quantity",
             "must be a decimal below 1000000000 with at most 3 decimals, its Units too");
  return Decimal::from_integer(1);
}

/// base / quantity, rounded half up to the 4 decimals of a price.
Decimal divided(const Decimal& base, const Decimal& quantity) {
  using Units = Decimal::Units;
  constexpr Units kTenThousand = 10'000;
  constexpr Units kUnitsPerStep = 1'000;
  const Units twice = 2 * quantity.units();
  return Decimal::from_units((2 * base.units() * kTenThousand + quantity.units()) / twice * kUnitsPerStep);
}

std::vector<Discount> read_modifiers(pugi::xml_node item, const std::string& xpath, Line& line,
                                     Money& money) {
  std::vector<Discount> discounts;
  std::size_t number = 0;
  for (const auto modifier : children(item, "RetailPriceModifier")) {
    const auto at = xpath + "/RetailPriceModifier[" + std::to_string(++number) + "]";
    const auto action = attribute(child(modifier, "Amount"), "Action");
    // What raises or replaces a price is in the price already.
    if (equal_ignoring_case(action, "Add") || equal_ignoring_case(action, "Replace")) continue;
    const auto amount = money.amount(modifier, "Amount", at);
    if (!amount || amount->is_zero()) continue;
    discounts.push_back({discount_reason(modifier, "price modifier"), amount->abs()});
    line.modified[text_of(modifier, "PromotionID")] += amount->abs();
  }
  if (!discounts.empty()) return discounts;
  auto extended = money.amount(item, "ExtendedDiscountAmount", xpath);
  if (!extended) {
    if (const auto each = money.amount(item, "DiscountAmount", xpath))
      extended = each->abs() * line.line.quantity;
  }
  if (extended && !extended->is_zero()) discounts.push_back({"discount", extended->abs()});
  return discounts;
}

Decimal sum_of(const std::vector<Discount>& discounts) {
  Decimal sum;
  for (const auto& discount : discounts) sum += discount.amount;
  return sum;
}

/// Prices as the till wrote them, all positive.
struct Prices {
  std::optional<Decimal> regular, actual, each_discount;
  std::optional<Decimal> extended;  ///< after the line's own discounts
};

/// Price, amount and discounts such that amount less discounts is what the till says the line comes to. Only
/// numbers that it wrote are used, but for a price that it left out.
void settle_price(const Prices& prices, std::vector<Discount> discounts, const std::string& xpath,
                  TradeLine& line, Money& money) {
  if (!prices.extended) {
    if (!prices.actual && !prices.regular) {
      money.faults().add(xpath,
                         "has neither ActualSalesUnitPrice nor RegularSalesUnitPrice nor ExtendedAmount: a "
                         "line of a sale needs its price");
      return;
    }
    // Discounts are in the actual price already.
    line.unit_price = prices.actual ? *prices.actual : *prices.regular;
    if (!prices.actual) line.discounts = std::move(discounts);
    return;
  }
  const Decimal base = *prices.extended + sum_of(discounts);
  if (base >= kAmountBelow) return money.faults().add(xpath, "comes to more than an amount may be");
  const auto comes_to = [&](const std::optional<Decimal>& price, const Decimal& amount) {
    return price && money.close(line.quantity * *price, amount);
  };
  std::optional<Decimal> before;  // the discount
  if (prices.actual && prices.each_discount) before = *prices.actual + *prices.each_discount;
  for (const auto& candidate : {prices.regular, prices.actual, before}) {
    if (!comes_to(candidate, base)) continue;
    line.unit_price = *candidate;
    line.amount = base;
    line.discounts = std::move(discounts);
    return;
  }
  if (comes_to(prices.actual, *prices.extended) && !discounts.empty()) {
    line.unit_price = divided(base, line.quantity);
    line.amount = base;
    line.discounts = std::move(discounts);
    return;
  }
  if (!prices.actual && !prices.regular) {
    line.unit_price = divided(base, line.quantity);
    line.amount = base;
    line.discounts = std::move(discounts);
    return;
  }
  money.faults().add(xpath + "/ExtendedAmount",
                     "is " + prices.extended->text(money.decimals()) +
                         ", which is neither quantity times price nor that less the line's discounts");
}

std::string disposition_of(pugi::xml_node item) {
  const auto disposal = child(item, "Disposal");
  auto how = std::string(attribute(disposal, "Method"));
  if (how.empty()) how = text(disposal);
  if (equal_ignoring_case(how, "ReturnToStock")) return "resell";
  if (equal_ignoring_case(how, "ReturnToVendor")) return "vendor";
  if (equal_ignoring_case(how, "Destroy") || equal_ignoring_case(how, "Damaged")) return "damaged";
  return {};
}

void read_taxes(pugi::xml_node item, const std::string& xpath, TradeLine& line, Money& money) {
  std::size_t number = 0;
  for (const auto tax : children(item, "Tax")) {
    const auto amount = money.tax(tax, xpath + "/Tax[" + std::to_string(++number) + "]");
    if (amount) line.taxes.push_back({tax_code(tax), amount->abs()});
  }
}

std::optional<Decimal> positive(const std::optional<Decimal>& value) {
  return value ? std::optional<Decimal>(value->abs()) : std::nullopt;
}

}  // namespace

std::optional<Decimal> Money::read(pugi::xml_node node, const std::string& xpath) {
  auto currency = attribute(node, "Currency");
  if (currency.empty()) currency = attribute(node, "CurrencyCode");
  if (!currency.empty() && currency != currency_) {
    faults_.add(xpath, "is in another currency than the transaction, " + currency_ +
                           ": a document has one; post the amount in that one");
    return std::nullopt;
  }
  const auto value = decimal(text(node));
  if (!value) {
    faults_.add(xpath, "must be a decimal with at most 12 digits in front of the point and 7 behind");
    return std::nullopt;
  }
  return equal_ignoring_case(attribute(node, "Action"), "Subtract") && !value->is_negative() ? -*value
                                                                                             : *value;
}

std::optional<Decimal> Money::amount(pugi::xml_node parent, std::string_view name, const std::string& xpath) {
  const auto node = child(parent, name);
  if (!node) return std::nullopt;
  const auto at = xpath + "/" + std::string(name);
  const auto value = read(node, at);
  if (value && decimals_of(*value) > kAmountDecimals) {
    faults_.add(at, "has more than the 4 decimals that an amount may have");
    return std::nullopt;
  }
  return value;
}

std::optional<Decimal> Money::tax(pugi::xml_node parent, const std::string& xpath) {
  const auto node = child(parent, "Amount");
  if (!node) return std::nullopt;
  const auto value = read(node, xpath + "/Amount");
  if (!value || decimals_of(*value) <= kAmountDecimals) return value;
  constexpr std::size_t kWrittenMax = 1'000;
  if (taxes_as_written_.size() < kWrittenMax) taxes_as_written_.push_back(value->text());
  return value->rounded(kAmountDecimals);
}

Line read_merchandise(pugi::xml_node item, pugi::xml_node line_item, const std::string& xpath,
                      const std::map<std::string, Decimal>& deposits, Money& money) {
  Line line;
  line.xpath = xpath;
  line.sequence = text_of(line_item, "SequenceNumber");
  line.is_return = local_name(item).starts_with("Return");
  read_item_identity(item, line.line);
  if (line.line.sku.empty())
    money.faults().add(xpath, "names no article: it needs ItemID or POSIdentity/POSItemID");
  if (auto description = text_of(item, "Description"); !description.empty())
    line.line.description = std::move(description);

  const auto quantity = read_quantity(item, xpath, money.faults());
  if (quantity.is_zero()) {
    money.faults().add(xpath + "/Quantity", "must not be 0");
    return line;
  }
  auto extended = money.amount(item, "ExtendedAmount", xpath);
  const auto actual = money.amount(item, "ActualSalesUnitPrice", xpath);
  if (!line.is_return && quantity.is_negative()) line.is_return = true;
  const bool below_zero = extended ? extended->is_negative() : actual && actual->is_negative();
  if (!line.is_return && below_zero) {
    line.is_deduction = true;
    line.line.quantity = quantity;
    line.deduction = extended ? extended->abs() : (quantity * *actual).abs();
    return line;
  }
  line.line.quantity = quantity.abs();
  if (const auto recycling = money.amount(item, "RecyclingAmount", xpath); recycling && extended) {
    const auto deposit = deposits.find(line.sequence);
    if (deposit != deposits.end() && deposit->second == *recycling) *extended -= *recycling;
  }
  Prices prices{positive(money.amount(item, "RegularSalesUnitPrice", xpath)), positive(actual),
                positive(money.amount(item, "DiscountAmount", xpath)), positive(extended)};
  settle_price(prices, read_modifiers(item, xpath, line, money), xpath, line.line, money);
  if (line.line.amount == line.line.quantity * line.line.unit_price) line.line.amount.reset();
  read_taxes(item, xpath, line.line, money);
  if (line.is_return) {
    if (auto disposition = disposition_of(item); !disposition.empty())
      line.line.disposition = std::move(disposition);
  }
  return line;
}

std::string tax_code(pugi::xml_node tax) {
  if (auto code = first_text(tax, {"TaxGroupID", "TaxRuleID"}); !code.empty()) return code;
  if (const auto percent = decimal(text_of(tax, "Percent"))) return percent->text() + "%";
  return "tax";
}

std::string discount_reason(pugi::xml_node node, std::string_view otherwise) {
  auto reason = first_text(node, {"Description", "PromotionID"});
  if (reason.empty()) reason = attribute(node, "MethodCode");
  return reason.empty() ? std::string(otherwise) : reason;
}

}  // namespace tillsync::poslog
