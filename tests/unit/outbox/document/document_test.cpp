#include "outbox/document/document.h"

#include <doctest/doctest.h>

#include "tests/unit/outbox/document/samples.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {
Decimal dec(std::string_view text) {
  return Decimal::parse(text, Decimal::kDecimals).value();
}
}  // namespace

TEST_CASE("document: every type has its name") {
  for (const DocumentType type : kDocumentTypes) CHECK(type_from_name(type_name(type)) == type);
  CHECK_FALSE(type_from_name("account_adjustment").has_value());
}

TEST_CASE("document: a line's amount is the till's own, else the exact product") {
  TradeLine line;
  line.quantity = dec("0.333");
  line.unit_price = dec("3.3999");
  CHECK(line_amount(line) == dec("1.1321667"));
  line.amount = dec("1.13");
  CHECK(line_amount(line) == dec("1.13"));
}

TEST_CASE("document: discounts lessen the sum, taxes add only to prices without them") {
  Trade trade;
  trade.lines.push_back({.sku = "1",
                         .quantity = dec("2"),
                         .unit_price = dec("5"),
                         .discounts = {{"x", dec("1")}},
                         .taxes = {{"S", dec("0.5")}}});
  CHECK(exact_sum(trade) == dec("9"));
  trade.prices_include_tax = false;
  CHECK(exact_sum(trade) == dec("9.5"));
}

TEST_CASE("document: reports sum the till's total where it gave one, and money only where there is some") {
  CHECK(document_total(accepted(kSaleBody)) == dec("15.13"));
  CHECK(document_total(accepted(kReturnBody)) == dec("3.06"));
  for (const auto body :
       {kStockAdjustmentBody, kStockCountBody, kStockTransferBody, kCustomerUpdateBody, kTillCloseBody}) {
    CHECK_FALSE(document_total(accepted(body)).has_value());
  }
}

TEST_CASE("document: totals have at least the decimals of their currency") {
  CHECK(totals_text({}) == "{}");
  CHECK(totals_text({{"GBP", dec("12.5")}, {"JPY", dec("-250")}, {"EUR", dec("0.1234567")}}) ==
        R"({"EUR":"0.1234567","GBP":"12.50","JPY":"-250"})");
}
