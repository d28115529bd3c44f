#include "outbox/document/trade_sums.h"

namespace tillsync {
namespace {

// What central tells back of a document has at most 15 digits in front of the point: a sum beyond could
// never be reconciled, and would spoil its whole day.
const Decimal kSumBelow = Decimal::from_integer(1'000'000'000'000'000);

}  // namespace

void check_line_amount(const TradeLine& line, int currency_decimals, ObjectReader& reader) {
  if (!line.amount) return;
  const Decimal product = line.quantity * line.unit_price;
  if ((*line.amount - product).abs() <= Decimal::minor_unit(currency_decimals)) return;
  reader.fault("amount", "is " + line.amount->text(currency_decimals) +
                             ", but quantity times unit_price is " + product.text(currency_decimals) +
                             ": they may differ by one minor unit of the currency");
}

void check_trade_sums(const Trade& trade, int currency_decimals, ObjectReader& reader) {
  const Decimal exact = exact_sum(trade);
  const Decimal rounded = exact.rounded(currency_decimals);
  const auto lines_come_to = [&] {
    return std::string(trade.prices_include_tax ? "the lines less discounts"
                                                : "the lines less discounts, plus taxes,") +
           " come to " + exact.text(currency_decimals);
  };
  if (exact.is_negative()) {
    reader.fault("lines", lines_come_to() + ": a sale or return must not be below 0");
  }
  if (exact >= kSumBelow) {
    reader.fault("lines", lines_come_to() + ": a sale or return is below 1000000000000000");
  }
  if (trade.total && *trade.total != exact && *trade.total != rounded) {
    reader.fault("total", "is " + trade.total->text(currency_decimals) + ", but " + lines_come_to());
  }
  if (trade.tenders.empty()) return;
  Decimal paid;
  for (const Tender& tender : trade.tenders) paid += tender.amount;
  const bool fits = trade.total ? paid == *trade.total : paid == exact || paid == rounded;
  if (fits) return;
  reader.fault("tenders",
               "the tenders come to " + paid.text(currency_decimals) + ", but " +
                   (trade.total ? "the total is " + trade.total->text(currency_decimals) : lines_come_to()));
}

}  // namespace tillsync
