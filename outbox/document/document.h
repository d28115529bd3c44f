// What a till posts, as this program holds it: the canonical model, version 1. Plain values; validation, the
// canonical form and the codec stand beside it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "platform/base/decimal.h"
#include "platform/base/time.h"

namespace tillsync {

/// Numbers are persisted: never reuse one.
enum class DocumentType : std::uint8_t {
  kSale = 1,
  kReturn = 2,
  kStockAdjustment = 3,
  kStockCount = 4,
  kStockTransfer = 5,
  kCustomerUpdate = 6,
  kTillClose = 7,
};
inline constexpr DocumentType kDocumentTypes[] = {
    DocumentType::kSale,       DocumentType::kReturn,        DocumentType::kStockAdjustment,
    DocumentType::kStockCount, DocumentType::kStockTransfer, DocumentType::kCustomerUpdate,
    DocumentType::kTillClose};

/// "sale", "return", "stock_adjustment", ...
std::string_view type_name(DocumentType type);
std::optional<DocumentType> type_from_name(std::string_view name);

struct Discount {
  std::string reason;
  Decimal amount;
  bool operator==(const Discount&) const = default;
};

struct Tax {
  std::string code;
  Decimal amount;
  bool operator==(const Tax&) const = default;
};

struct Tender {
  std::string type;
  Decimal amount;
  std::optional<std::string> reference;
  bool operator==(const Tender&) const = default;
};

struct TradeLine {
  std::string sku;
  std::optional<std::string> gtin;
  std::optional<std::string> description;
  Decimal quantity;
  Decimal unit_price;
  std::optional<Decimal> amount;  ///< the till's own rounding of quantity x unit_price
  std::vector<Discount> discounts;
  std::vector<Tax> taxes;
  std::optional<std::string> disposition;  ///< returns only: resell, damaged, vendor
  bool operator==(const TradeLine&) const = default;
};

/// The sale that a return names.
struct OriginalSale {
  std::optional<std::string> id;
  std::optional<std::string> receipt;
  std::optional<std::string> store;
  bool operator==(const OriginalSale&) const = default;
};

/// A sale or a return (the document's type tells which; amounts are positive in both).
struct Trade {
  std::vector<TradeLine> lines;
  std::vector<Tender> tenders;
  std::optional<Decimal> total;
  bool prices_include_tax = true;
  std::optional<OriginalSale> original;  ///< returns only
  bool operator==(const Trade&) const = default;
};

struct StockAdjustment {
  struct Line {
    std::string sku;
    std::optional<std::string> description;
    Decimal quantity_delta;
    std::optional<Decimal> unit_price;  ///< what the till books the goods at; no money changes hands
    bool operator==(const Line&) const = default;
  };
  std::vector<Line> lines;
  std::optional<std::string> reason;
  bool operator==(const StockAdjustment&) const = default;
};

struct StockCount {
  struct Line {
    std::string sku;
    Decimal counted;
    bool operator==(const Line&) const = default;
  };
  std::vector<Line> lines;
  bool operator==(const StockCount&) const = default;
};

struct StockTransfer {
  struct Line {
    std::string sku;
    Decimal quantity;
    bool operator==(const Line&) const = default;
  };
  std::string direction;  ///< "in" or "out"
  std::string other_store;
  std::vector<Line> lines;
  bool operator==(const StockTransfer&) const = default;
};

struct CustomerUpdate {
  std::string changes;              ///< JSON object, as the till wrote it (white space apart)
  std::optional<std::string> base;  ///< likewise: the values that the till saw
  bool operator==(const CustomerUpdate&) const = default;
};

struct TillClose {
  std::vector<Tender> tenders;  ///< as counted
  std::optional<std::int64_t> documents;
  bool operator==(const TillClose&) const = default;
};

using Content = std::variant<Trade, StockAdjustment, StockCount, StockTransfer, CustomerUpdate, TillClose>;

struct Document {
  std::string id;
  DocumentType type = DocumentType::kSale;
  std::string terminal;
  OffsetTime occurred_at;
  std::optional<std::int64_t> terminal_sequence;
  BusinessDay business_day;
  std::string currency;  ///< ISO 4217
  std::optional<std::string> operator_id;
  std::optional<std::string> customer;
  std::optional<std::string> correlation_id;
  std::optional<std::string> extensions;  ///< JSON object, as the till wrote it (white space apart)
  Content content;
  bool operator==(const Document&) const = default;
};

/// Sums per ISO 4217 currency; no entry where there is no money.
using Totals = std::map<std::string, Decimal>;

/// A line's amount: the till's own where it gave one, else the exact product. Before discounts and taxes.
Decimal line_amount(const TradeLine& line);
/// The exact sum of a sale's or return's lines, less discounts, plus taxes where prices do not include them.
Decimal exact_sum(const Trade& trade);
/// What reports sum: `total` where it is given, else the exact sum; nothing for documents without money (a
/// till_close's count is no turnover). Positive for a return.
std::optional<Decimal> document_total(const Document& document);
/// `totals` as a JSON object text {"GBP":"12.50"}, each with at least its currency's minor-unit decimals.
std::string totals_text(const Totals& totals);

}  // namespace tillsync
