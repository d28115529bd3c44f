#include <array>
#include <string_view>

#include "agent/connectors/file/batch.h"
#include "outbox/document/currency.h"
#include "platform/base/csv.h"
#include "platform/json/json.h"

namespace tillsync::file {
namespace {

enum Column {
  kReference,
  kIdempotencyKey,
  kSequence,
  kType,
  kId,
  kStore,
  kTerminal,
  kTerminalSequence,
  kOccurredAt,
  kBusinessDay,
  kCurrency,
  kOperator,
  kCustomer,
  kOriginalId,
  kOriginalReceipt,
  kOriginalStore,
  kDirection,
  kOtherStore,
  kReason,
  kPricesIncludeTax,
  kCorrelationId,
  kRow,
  kRecord,
  kLine,
  kSku,
  kGtin,
  kDescription,
  kQuantity,
  kUnitPrice,
  kAmount,
  kCode,
  kTenderReference,
  kDisposition,
  kDocuments,
  kField,
  kBase,
  kValue,
  kExtensions,
  kColumns
};
constexpr std::array<std::string_view, kColumns> kHeader = {"reference",
                                                            "idempotency_key",
                                                            "sequence",
                                                            "type",
                                                            "id",
                                                            "store",
                                                            "terminal",
                                                            "terminal_sequence",
                                                            "occurred_at",
                                                            "business_day",
                                                            "currency",
                                                            "operator",
                                                            "customer",
                                                            "original_id",
                                                            "original_receipt",
                                                            "original_store",
                                                            "direction",
                                                            "other_store",
                                                            "reason",
                                                            "prices_include_tax",
                                                            "correlation_id",
                                                            "row",
                                                            "record",
                                                            "line",
                                                            "sku",
                                                            "gtin",
                                                            "description",
                                                            "quantity",
                                                            "unit_price",
                                                            "amount",
                                                            "code",
                                                            "tender_reference",
                                                            "disposition",
                                                            "documents",
                                                            "field",
                                                            "base",
                                                            "value",
                                                            "extensions"};

using Cells = std::array<std::string, kColumns>;

/// As in a spreadsheet's formula, but for numbers, which do not come here. With the apostrophe's own case the
/// receiver can undo it: one that leads goes.
std::string harmless(std::string_view text) {
  const bool changed = is_csv_formula(text) || text.starts_with('\'');
  return (changed ? "'" : "") + std::string(text);
}

void append_row(std::string& out, const auto& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    append_csv_field(out, cells[i]);
  }
  out += "\r\n";
}

/// The rows of one document: what stands in each of them, then what is the row's own.
class DocumentRows {
 public:
  DocumentRows(std::string& out, const std::string& store, const BatchDocument& each)
      : out_(out), document_(each.document), decimals_(currency_decimals(document_.currency).value_or(0)) {
    text(kReference, each.reference);
    text(kIdempotencyKey, each.idempotency_key);
    common_[kSequence] = std::to_string(each.key.document.value);
    text(kType, type_name(document_.type));
    text(kId, document_.id);
    text(kStore, store);
    text(kTerminal, document_.terminal);
    if (document_.terminal_sequence)
      common_[kTerminalSequence] = std::to_string(*document_.terminal_sequence);
    common_[kOccurredAt] = document_.occurred_at.text();
    common_[kBusinessDay] = document_.business_day.text();
    text(kCurrency, document_.currency);
    text(kOperator, document_.operator_id);
    text(kCustomer, document_.customer);
    text(kCorrelationId, document_.correlation_id);
  }

  void write() {
    std::visit([this](const auto& content) { rows_of(content); }, document_.content);
  }

 private:
  void rows_of(const Trade& trade) {
    if (trade.original) {
      text(kOriginalId, trade.original->id);
      text(kOriginalReceipt, trade.original->receipt);
      text(kOriginalStore, trade.original->store);
    }
    common_[kPricesIncludeTax] = trade.prices_include_tax ? "true" : "false";
    Cells head = document_row();
    head[kAmount] = amount(*document_total(document_));
    append(head);
    for (std::size_t i = 0; i < trade.lines.size(); ++i) line_rows(trade.lines[i], i + 1);
    for (const Tender& tender : trade.tenders) tender_row(tender);
  }

  void line_rows(const TradeLine& line, std::size_t number) {
    Cells row = begin("line", number);
    row[kSku] = harmless(line.sku);
    row[kGtin] = harmless(line.gtin.value_or(""));
    row[kDescription] = harmless(line.description.value_or(""));
    row[kQuantity] = line.quantity.text();
    row[kUnitPrice] = amount(line.unit_price);
    row[kAmount] = amount(line_amount(line));
    row[kDisposition] = harmless(line.disposition.value_or(""));
    append(row);
    for (const Discount& discount : line.discounts) {
      row = begin("discount", number);
      row[kAmount] = amount(discount.amount);
      row[kCode] = harmless(discount.reason);
      append(row);
    }
    for (const Tax& tax : line.taxes) {
      row = begin("tax", number);
      row[kAmount] = amount(tax.amount);
      row[kCode] = harmless(tax.code);
      append(row);
    }
  }

  void tender_row(const Tender& tender) {
    Cells row = begin("tender", 0);
    row[kAmount] = amount(tender.amount);
    row[kCode] = harmless(tender.type);
    row[kTenderReference] = harmless(tender.reference.value_or(""));
    append(row);
  }

  void rows_of(const StockAdjustment& adjustment) {
    text(kReason, adjustment.reason);
    append(document_row());
    for (std::size_t i = 0; i < adjustment.lines.size(); ++i) {
      const auto& line = adjustment.lines[i];
      Cells row = stock_row(line.sku, line.quantity_delta, i + 1);
      row[kDescription] = harmless(line.description.value_or(""));
      if (line.unit_price) row[kUnitPrice] = amount(*line.unit_price);
      append(row);
    }
  }
  void rows_of(const StockCount& count) {
    append(document_row());
    for (std::size_t i = 0; i < count.lines.size(); ++i)
      append(stock_row(count.lines[i].sku, count.lines[i].counted, i + 1));
  }
  void rows_of(const StockTransfer& transfer) {
    text(kDirection, transfer.direction);
    text(kOtherStore, transfer.other_store);
    append(document_row());
    for (std::size_t i = 0; i < transfer.lines.size(); ++i)
      append(stock_row(transfer.lines[i].sku, transfer.lines[i].quantity, i + 1));
  }

  void rows_of(const CustomerUpdate& update) {
    append(document_row());
    const json::Value changes = object_of(update.changes);
    const json::Value base = object_of(update.base.value_or("{}"));
    for (const auto& [name, value] : *changes.as_object()) {
      Cells row = begin("field", 0);
      row[kField] = harmless(name);
      // Which of the two ways it is written, since "5" and 5 look alike.
      row[kCode] = value.as_string() != nullptr ? "text" : "json";
      row[kValue] = harmless(value.as_string() != nullptr ? *value.as_string() : json::dump(value));
      if (const json::Value* before = base.find(name)) row[kBase] = harmless(json::dump(*before));
      append(row);
    }
  }

  void rows_of(const TillClose& close) {
    Cells head = document_row();
    if (close.documents) head[kDocuments] = std::to_string(*close.documents);
    append(head);
    for (const Tender& tender : close.tenders) tender_row(tender);
  }

  static json::Value object_of(const std::string& text) {
    auto parsed = json::parse(text, {.depth_max = 64});
    return parsed && parsed->as_object() != nullptr ? std::move(*parsed) : json::Value(json::Object{});
  }

  /// The first of a document, one for each.
  Cells document_row() {
    Cells row = begin("document", 0);
    row[kExtensions] = harmless(document_.extensions.value_or(""));
    return row;
  }

  Cells stock_row(const std::string& sku, const Decimal& quantity, std::size_t number) {
    Cells row = begin("line", number);
    row[kSku] = harmless(sku);
    row[kQuantity] = quantity.text();
    return row;
  }

  /// `line` 0: the row belongs to no line.
  Cells begin(std::string_view record, std::size_t line) {
    Cells row = common_;
    row[kRow] = std::to_string(++rows_);
    row[kRecord] = record;
    if (line > 0) row[kLine] = std::to_string(line);
    return row;
  }

  void append(const Cells& row) { append_row(out_, row); }
  void text(Column column, std::string_view value) { common_[column] = harmless(value); }
  void text(Column column, const std::string& value) { text(column, std::string_view(value)); }
  void text(Column column, const std::optional<std::string>& value) {
    if (value) common_[column] = harmless(*value);
  }
  std::string amount(const Decimal& value) const { return value.text(decimals_); }

  std::string& out_;
  const Document& document_;
  const int decimals_;
  Cells common_;
  std::size_t rows_ = 0;
};

}  // namespace

std::string csv_text(const std::string& store, const std::vector<BatchDocument>& documents) {
  std::string out;
  append_row(out, kHeader);
  for (const BatchDocument& each : documents) DocumentRows(out, store, each).write();
  return out;
}

}  // namespace tillsync::file
