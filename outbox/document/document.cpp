#include "outbox/document/document.h"

#include "outbox/document/currency.h"
#include "platform/base/check.h"
#include "platform/json/json.h"

namespace tillsync {

std::string_view type_name(DocumentType type) {
  switch (type) {
    case DocumentType::kSale:
      return "sale";
    case DocumentType::kReturn:
      return "return";
    case DocumentType::kStockAdjustment:
      return "stock_adjustment";
    case DocumentType::kStockCount:
      return "stock_count";
    case DocumentType::kStockTransfer:
      return "stock_transfer";
    case DocumentType::kCustomerUpdate:
      return "customer_update";
    case DocumentType::kTillClose:
      return "till_close";
  }
  TILLSYNC_CHECK(false, "a document has one of the types");
}

std::optional<DocumentType> type_from_name(std::string_view name) {
  for (const DocumentType type : kDocumentTypes) {
    if (type_name(type) == name) return type;
  }
  return std::nullopt;
}

Decimal line_amount(const TradeLine& line) {
  return line.amount ? *line.amount : line.quantity * line.unit_price;
}

Decimal exact_sum(const Trade& trade) {
  Decimal sum;
  for (const TradeLine& line : trade.lines) {
    sum += line_amount(line);
    for (const Discount& discount : line.discounts) sum -= discount.amount;
    if (trade.prices_include_tax) continue;
    for (const Tax& tax : line.taxes) sum += tax.amount;
  }
  return sum;
}

std::optional<Decimal> document_total(const Document& document) {
  const Trade* const trade = std::get_if<Trade>(&document.content);
  if (trade == nullptr) return std::nullopt;
  return trade->total ? *trade->total : exact_sum(*trade);
}

std::string totals_text(const Totals& totals) {
  std::string out;
  char separator = '{';
  for (const auto& [currency, total] : totals) {
    out += separator;
    separator = ',';
    json::quote_to(out, currency);
    out += ":\"";
    out += total.text(currency_decimals(currency).value_or(0));
    out += '"';
  }
  out += out.empty() ? "{}" : "}";
  return out;
}

}  // namespace tillsync
