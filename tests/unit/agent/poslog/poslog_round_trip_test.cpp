// What is written as POSLog is read as the same trade.
#include <doctest/doctest.h>

#include <variant>

#include "agent/poslog/poslog_reader.h"
#include "agent/poslog/poslog_writer.h"
#include "outbox/document/validation.h"
#include "tests/support/trading_day.h"

using namespace tillsync;

namespace {

StoreDefaults store() {
  return {"0417", "GBP", BusinessCalendar(TimeZone::find("Europe/London").value(), std::chrono::hours(4))};
}

Document parsed(const std::string& text) {
  auto checked = parse_document(text, store());
  REQUIRE_MESSAGE(std::holds_alternative<Document>(checked), text);
  return std::get<Document>(std::move(checked));
}

/// The documents that its XML becomes.
std::vector<Document> round_trip(const Document& document) {
  REQUIRE(check_poslog(document).has_value());
  const std::string xml =
      poslog_text({{document, "0417", "0417/" + document.id, "0417/" + document.id + ":erp", 7}});
  const PoslogContext context{"0417", "", "GBP", TimeZone::find("Europe/London").value()};
  std::vector<Document> read;
  const auto done = read_poslog(xml, context, [&](PoslogTransaction transaction) {
    CAPTURE(xml);
    CAPTURE(transaction.note);
    for (const PoslogFault& fault : transaction.faults) FAIL_CHECK((fault.xpath + ": " + fault.detail));
    for (const PoslogDocument& each : transaction.documents) {
      auto checked = parse_document(each.body, store());
      if (const auto* refused = std::get_if<Refusal>(&checked)) {
        FAIL_CHECK((refused->detail + " in " + each.body));
      } else {
        read.push_back(std::get<Document>(std::move(checked)));
      }
    }
    return true;
  });
  REQUIRE(done.has_value());
  return read;
}

void expect_same_trade(const Document& written, const Document& read) {
  CAPTURE(written.id);
  CHECK(read.type == written.type);
  CHECK(read.terminal == written.terminal);
  CHECK(read.business_day == written.business_day);
  CHECK(read.currency == written.currency);
  CHECK(read.customer == written.customer);
  const auto& before = std::get<Trade>(written.content);
  const auto& after = std::get<Trade>(read.content);
  CHECK(document_total(read) == document_total(written));
  CHECK(after.tenders.size() == before.tenders.size());
  REQUIRE(after.lines.size() == before.lines.size());
  for (std::size_t i = 0; i < before.lines.size(); ++i) {
    CHECK(after.lines[i].sku == before.lines[i].sku);
    CHECK(after.lines[i].gtin == before.lines[i].gtin);
    CHECK(after.lines[i].quantity == before.lines[i].quantity);
    CHECK(after.lines[i].unit_price == before.lines[i].unit_price);
  }
}

}  // namespace

TEST_CASE("poslog: a trading day that is written is read as the same trade, to the penny") {
  int trades = 0;
  const BusinessDay day{std::chrono::sys_days(std::chrono::year(2026) / 11 / 23)};
  for (const auto& till : testing::make_trading_day({.seed = 11, .documents = 400, .day = day})) {
    for (const auto& made : till) {
      const Document document = parsed(made.body);
      if (!std::holds_alternative<Trade>(document.content)) continue;
      const auto read = round_trip(document);
      REQUIRE(read.size() == 1);
      expect_same_trade(document, read[0]);
      ++trades;
    }
  }
  CHECK(trades > 200);
}

TEST_CASE("poslog: discounts, taxes on top, a weighed article and a linked return come through") {
  const Document sale = parsed(
      R"({"id":"S-1","type":"sale","terminal":"T1","terminal_sequence":41,"occurred_at":"2026-11-23T10:00:00Z","customer":"C-9",
       "prices_include_tax":false,"total":"13.91","lines":[
       {"sku":"A","gtin":"4006381333931","quantity":2,"unit_price":"5.00","discounts":[{"reason":"promo","amount":"1.00"}],"taxes":[{"code":"S","amount":"1.80"}]},
       {"sku":"B","quantity":"0.755","unit_price":"4.12","taxes":[{"code":"Z","amount":"0.00"}]}],
       "tenders":[{"type":"cash","amount":"3.91"},{"type":"card","amount":"10.00","reference":"R-7"}]})");
  auto read = round_trip(sale);
  REQUIRE(read.size() == 1);
  expect_same_trade(sale, read[0]);
  const Document returned = parsed(
      R"({"id":"R-1","type":"return","terminal":"T1","terminal_sequence":42,"occurred_at":"2026-11-23T11:00:00Z","original":{"id":"S-1"},
       "lines":[{"sku":"A","quantity":1,"unit_price":"5.00","disposition":"resell"}],"total":"5.00"})");
  read = round_trip(returned);
  REQUIRE(read.size() == 1);
  expect_same_trade(returned, read[0]);
  CHECK(std::get<Trade>(read[0].content).original.has_value());
}
