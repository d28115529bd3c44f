#include "tests/central/money.h"

namespace tillsync::central {
namespace {

/// A decimal string or an integer; zero where it is absent or no number (the store has checked it already).
Decimal decimal_of(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  if (value == nullptr) return {};
  const std::string* text = value->as_string();
  if (text == nullptr && value->as_number() != nullptr) text = &value->as_number()->text;
  if (text == nullptr) return {};
  const auto parsed = Decimal::parse(*text, Decimal::kDecimals);
  return parsed ? *parsed : Decimal();
}

const json::Array& items_of(const json::Value& object, std::string_view name) {
  static const json::Array kNone;
  const json::Value* value = object.find(name);
  return value != nullptr && value->as_array() != nullptr ? *value->as_array() : kNone;
}

bool prices_include_tax(const json::Value& document) {
  const json::Value* value = document.find("prices_include_tax");
  return value == nullptr || value->as_bool() == nullptr || *value->as_bool();
}

}  // namespace

std::optional<std::string> document_total_text(const json::Value& document) {
  const std::string_view type = document.text_of("type");
  if (type != "sale" && type != "return") return std::nullopt;
  if (document.find("total") != nullptr) return decimal_of(document, "total").text(2);
  Decimal sum;
  for (const json::Value& line : items_of(document, "lines")) {
    sum += line.find("amount") != nullptr ? decimal_of(line, "amount")
                                          : decimal_of(line, "quantity") * decimal_of(line, "unit_price");
    for (const json::Value& discount : items_of(line, "discounts")) sum -= decimal_of(discount, "amount");
    if (prices_include_tax(document)) continue;
    for (const json::Value& tax : items_of(line, "taxes")) sum += decimal_of(tax, "amount");
  }
  return sum.text(2);
}

void add_net(std::map<std::string, Decimal>& totals, const Effect& effect) {
  if (!effect.total || !effect.currency) return;
  const auto amount = Decimal::parse(*effect.total, Decimal::kDecimals);
  if (!amount) return;
  totals[*effect.currency] += effect.type == "return" ? -*amount : *amount;
}

Decimal stock_after(const Decimal& before, const json::Value& document, std::string_view sku) {
  const std::string_view type = document.text_of("type");
  Decimal stock = before;
  for (const json::Value& line : items_of(document, "lines")) {
    if (line.text_of("sku") != sku) continue;
    if (type == "sale") stock -= decimal_of(line, "quantity");
    // Damaged goods, and those that go back to the vendor, are not for sale again.
    const std::string_view disposition = line.text_of("disposition");
    if (type == "return" && (disposition.empty() || disposition == "resell"))
      stock += decimal_of(line, "quantity");
    if (type == "stock_adjustment") stock += decimal_of(line, "quantity_delta");
    if (type == "stock_count") stock = decimal_of(line, "counted");
    if (type == "stock_transfer" && document.text_of("direction") == "in")
      stock += decimal_of(line, "quantity");
    if (type == "stock_transfer" && document.text_of("direction") == "out")
      stock -= decimal_of(line, "quantity");
  }
  return stock;
}

}  // namespace tillsync::central
