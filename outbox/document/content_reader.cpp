#include "outbox/document/content_reader.h"

#include "outbox/document/gtin.h"
#include "outbox/document/trade_sums.h"
#include "platform/base/check.h"

namespace tillsync {
namespace {

using Sign = DecimalRule::Sign;

constexpr TextRule kCode{1, 128};
constexpr TextRule kReference{0, 128};
constexpr TextRule kDescription{0, 4096, TextRule::Letters::kAny};
constexpr TextRule kStoreId{1, 64};
constexpr TextRule kDocumentId{1, 64, TextRule::Letters::kIdentifier};

std::string required_text(ObjectReader& reader, std::string_view name, const TextRule& rule) {
  return reader.text(name, Need::kRequired, rule).value_or(std::string());
}

Decimal required_decimal(ObjectReader& reader, std::string_view name, const DecimalRule& rule) {
  return reader.decimal(name, Need::kRequired, rule).value_or(Decimal());
}

std::optional<std::string> read_gtin(ObjectReader& reader) {
  const json::Value* const value = reader.member("gtin", Need::kOptional);
  if (value == nullptr) return std::nullopt;
  if (const std::string* const text = value->as_string(); text != nullptr && is_valid_gtin(*text))
    return *text;
  reader.fault("gtin",
               "must be a string of 8, 12, 13 or 14 digits with a right check digit (GS1 General "
               "Specifications, 7.9)");
  return std::nullopt;
}

std::vector<Discount> read_discounts(ObjectReader& line) {
  return line.list<Discount>("discounts", Need::kOptional, ListSize::kAny, [](ObjectReader& reader) {
    Discount discount;
    discount.reason = required_text(reader, "reason", kCode);
    discount.amount = required_decimal(reader, "amount", amount_rule(Sign::kNotNegative));
    return discount;
  });
}

std::vector<Tax> read_taxes(ObjectReader& line) {
  return line.list<Tax>("taxes", Need::kOptional, ListSize::kAny, [](ObjectReader& reader) {
    Tax tax;
    tax.code = required_text(reader, "code", kCode);
    tax.amount = required_decimal(reader, "amount", amount_rule(Sign::kNotNegative));
    return tax;
  });
}

TradeLine read_trade_line(DocumentType type, std::optional<int> currency_decimals, ObjectReader& reader) {
  const std::size_t faults_before = reader.faults().count();
  TradeLine line;
  line.sku = required_text(reader, "sku", kCode);
  line.gtin = read_gtin(reader);
  line.description = reader.text("description", Need::kOptional, kDescription);
  line.quantity = required_decimal(reader, "quantity", quantity_rule(Sign::kPositive));
  line.unit_price = required_decimal(reader, "unit_price", amount_rule(Sign::kNotNegative));
  line.amount = reader.decimal("amount", Need::kOptional, amount_rule(Sign::kNotNegative));
  line.discounts = read_discounts(reader);
  line.taxes = read_taxes(reader);
  if (type == DocumentType::kReturn) {
    line.disposition = reader.choice("disposition", Need::kOptional, {"resell", "damaged", "vendor"});
  }
  if (currency_decimals && reader.faults().count() == faults_before) {
    check_line_amount(line, *currency_decimals, reader);
  }
  return line;
}

Tender read_tender(ObjectReader& reader) {
  Tender tender;
  tender.type = required_text(reader, "type", kCode);
  tender.amount = required_decimal(reader, "amount", amount_rule(Sign::kAny));
  return tender;
}

std::optional<OriginalSale> read_original(ObjectReader& body) {
  const json::Object* const members = body.object("original", Need::kOptional);
  if (members == nullptr) return std::nullopt;
  const Path path(body.path(), "original");
  ObjectReader reader(*members, path, body.faults());
  const std::size_t faults_before = body.faults().count();
  OriginalSale original;
  original.id = reader.text("id", Need::kOptional, kDocumentId);
  original.receipt = reader.text("receipt", Need::kOptional, kCode);
  original.store = reader.text("store", Need::kOptional, kStoreId);
  if (!original.id && !original.receipt && body.faults().count() == faults_before) {
    reader.fault_here("must name the sale by \"id\" or \"receipt\"");
  }
  reader.finish();
  return original;
}

Trade read_trade(DocumentType type, std::optional<int> currency_decimals, ObjectReader& body) {
  const std::size_t faults_before = body.faults().count();
  Trade trade;
  trade.lines = body.list<TradeLine>(
      "lines", Need::kRequired, ListSize::kNotEmpty,
      [&](ObjectReader& reader) { return read_trade_line(type, currency_decimals, reader); });
  trade.tenders = body.list<Tender>("tenders", Need::kOptional, ListSize::kAny, [](ObjectReader& reader) {
    Tender tender = read_tender(reader);
    tender.reference = reader.text("reference", Need::kOptional, kReference);
    return tender;
  });
  trade.total = body.decimal("total", Need::kOptional, amount_rule(Sign::kNotNegative));
  trade.prices_include_tax = body.boolean("prices_include_tax", Need::kOptional).value_or(true);
  // A sum over faulty lines would only add a fault that goes away with the others.
  if (currency_decimals && body.faults().count() == faults_before)
    check_trade_sums(trade, *currency_decimals, body);
  if (type == DocumentType::kReturn) trade.original = read_original(body);
  return trade;
}

StockAdjustment read_stock_adjustment(ObjectReader& body) {
  StockAdjustment adjustment;
  adjustment.lines = body.list<StockAdjustment::Line>(
      "lines", Need::kRequired, ListSize::kNotEmpty, [](ObjectReader& reader) {
        StockAdjustment::Line line;
        line.sku = required_text(reader, "sku", kCode);
        line.description = reader.text("description", Need::kOptional, kDescription);
        line.quantity_delta = required_decimal(reader, "quantity_delta", quantity_rule(Sign::kNotZero));
        line.unit_price = reader.decimal("unit_price", Need::kOptional, amount_rule(Sign::kNotNegative));
        return line;
      });
  adjustment.reason = body.text("reason", Need::kOptional, kCode);
  return adjustment;
}

StockCount read_stock_count(ObjectReader& body) {
  StockCount count;
  count.lines =
      body.list<StockCount::Line>("lines", Need::kRequired, ListSize::kNotEmpty, [](ObjectReader& reader) {
        StockCount::Line line;
        line.sku = required_text(reader, "sku", kCode);
        line.counted = required_decimal(reader, "counted", quantity_rule(Sign::kNotNegative));
        return line;
      });
  return count;
}

StockTransfer read_stock_transfer(ObjectReader& body) {
  StockTransfer transfer;
  transfer.direction = body.choice("direction", Need::kRequired, {"in", "out"}).value_or(std::string());
  transfer.other_store = required_text(body, "other_store", kStoreId);
  transfer.lines =
      body.list<StockTransfer::Line>("lines", Need::kRequired, ListSize::kNotEmpty, [](ObjectReader& reader) {
        StockTransfer::Line line;
        line.sku = required_text(reader, "sku", kCode);
        line.quantity = required_decimal(reader, "quantity", quantity_rule(Sign::kPositive));
        return line;
      });
  return transfer;
}

CustomerUpdate read_customer_update(ObjectReader& body) {
  CustomerUpdate update;
  update.changes = body.free_object("changes", Need::kRequired, ListSize::kNotEmpty).value_or(std::string());
  update.base = body.free_object("base", Need::kOptional, ListSize::kAny);
  return update;
}

TillClose read_till_close(ObjectReader& body) {
  TillClose close;
  close.tenders = body.list<Tender>("tenders", Need::kRequired, ListSize::kAny, read_tender);
  close.documents = body.integer("documents", Need::kOptional, 0);
  return close;
}

}  // namespace

Content read_content(DocumentType type, std::optional<int> currency_decimals, ObjectReader& body) {
  switch (type) {
    case DocumentType::kSale:
    case DocumentType::kReturn:
      return read_trade(type, currency_decimals, body);
    case DocumentType::kStockAdjustment:
      return read_stock_adjustment(body);
    case DocumentType::kStockCount:
      return read_stock_count(body);
    case DocumentType::kStockTransfer:
      return read_stock_transfer(body);
    case DocumentType::kCustomerUpdate:
      return read_customer_update(body);
    case DocumentType::kTillClose:
      return read_till_close(body);
  }
  TILLSYNC_CHECK(false, "a document has one of the types");
}

}  // namespace tillsync
