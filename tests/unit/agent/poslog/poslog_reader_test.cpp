#include "agent/poslog/poslog_reader.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include "outbox/document/canonical.h"
#include "outbox/document/validation.h"
#include "tests/support/poslog_samples.h"
#include "tests/support/process.h"

using namespace tillsync;

namespace {

StoreDefaults store() {
  return {"0417", "GBP", BusinessCalendar(TimeZone::find("Europe/London").value(), std::chrono::hours(4))};
}

PoslogContext context() {
  return {"0417", "", "GBP", TimeZone::find("Europe/London").value()};
}

struct Read {
  std::vector<PoslogTransaction> transactions;
  Result<void> result = ok();
};

Read read_all(const std::string& xml, const PoslogContext& from = context(),
              const PoslogLimits& limits = {}) {
  Read read;
  read.result = read_poslog(
      xml, from,
      [&](PoslogTransaction transaction) {
        read.transactions.push_back(std::move(transaction));
        return true;
      },
      limits);
  return read;
}

const std::string kHead =
    "<RetailStoreID>0417</RetailStoreID><WorkstationID>T1</WorkstationID><SequenceNumber>7</SequenceNumber>"
    "<BusinessDayDate>2026-11-20</BusinessDayDate><EndDateTime>2026-11-20T10:00:00+00:00</EndDateTime>";

std::string transaction(const std::string& inside, const std::string& attributes = "",
                        const std::string& head = kHead) {
  return "<Transaction " + attributes + ">" + head + inside + "</Transaction>";
}
std::string poslog(const std::string& transactions) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?><POSLog "
         "xmlns=\"http://www.nrf-arts.org/IXRetail/namespace/\">" +
         transactions + "</POSLog>";
}
std::string retail(const std::string& inside) {
  return "<RetailTransaction>" + inside + "</RetailTransaction>";
}
std::string item(const std::string& inside, const std::string& kind = "Sale", int number = 1) {
  return fmt::format("<LineItem><SequenceNumber>{0}</SequenceNumber><{1}>{2}</{1}></LineItem>", number, kind,
                     inside);
}
/// One of `sku` at `price`.
std::string goods(const std::string& sku, const std::string& price, const std::string& more = "") {
  return "<ItemID>" + sku + "</ItemID><ActualSalesUnitPrice>" + price +
         "</ActualSalesUnitPrice><ExtendedAmount>" + price + "</ExtendedAmount>" + more;
}
std::string tender(const std::string& type, const std::string& amount, const std::string& code = "Sale") {
  return fmt::format(
      "<LineItem><Tender TenderType=\"{}\" TypeCode=\"{}\"><Amount>{}</Amount></Tender></LineItem>", type,
      code, amount);
}
std::string total(const std::string& amount, const std::string& type = "TransactionGrandAmount") {
  return "<Total TotalType=\"" + type + "\">" + amount + "</Total>";
}

/// What the only transaction of a file became, through the door that every document takes.
std::vector<Document> documents_of(const std::string& xml) {
  const auto read = read_all(xml);
  REQUIRE_MESSAGE(read.result.has_value(), (read.result ? "" : read.result.error().detail));
  REQUIRE(read.transactions.size() == 1);
  for (const auto& fault : read.transactions[0].faults) FAIL_CHECK(fault.xpath << " " << fault.detail);
  std::vector<Document> documents;
  for (const auto& document : read.transactions[0].documents) {
    auto checked = parse_document(document.body, store());
    if (const auto* refusal = std::get_if<Refusal>(&checked)) {
      for (const auto& fault : refusal->faults) FAIL_CHECK(fault.pointer << ": " << fault.detail);
      FAIL(document.body);
    }
    documents.push_back(std::get<Document>(std::move(checked)));
    CHECK(documents.back().id == document.id);
  }
  return documents;
}
Document document_of(const std::string& xml) {
  auto documents = documents_of(xml);
  REQUIRE(documents.size() == 1);
  return documents[0];
}
const Trade& trade_of(const Document& document) {
  return std::get<Trade>(document.content);
}
Document trade(const std::string& inside) {
  return document_of(poslog(transaction(retail(inside))));
}
Decimal dec(const char* text) {
  return Decimal::parse(text, 7).value();
}
/// The only fault of the only transaction.
PoslogFault fault_of(const std::string& inside, const std::string& attributes = "",
                     const std::string& head = kHead) {
  const auto read = read_all(poslog(transaction(inside, attributes, head)));
  REQUIRE(read.result.has_value());
  REQUIRE(read.transactions.size() == 1);
  CHECK(read.transactions[0].documents.empty());
  CHECK(read.transactions[0].note.empty());
  REQUIRE(read.transactions[0].faults.size() == 1);
  return read.transactions[0].faults[0];
}
std::string note_of(const std::string& inside, const std::string& attributes = "",
                    const std::string& head = kHead) {
  const auto read = read_all(poslog(transaction(inside, attributes, head)));
  REQUIRE(read.transactions.size() == 1);
  CHECK(read.transactions[0].documents.empty());
  CHECK(read.transactions[0].faults.empty());
  return read.transactions[0].note;
}

}  // namespace

TEST_CASE("poslog: a sale with its lines, discount, tax, tenders and total") {
  const auto sale = document_of(poslog(transaction(
      "<OperatorID>Ann</OperatorID><CurrencyCode>GBP</CurrencyCode><ReceiptNumber>R-7</ReceiptNumber>" +
      retail(
          item("<POSIdentity "
               "POSIDType=\"GTIN\"><POSItemID>4006381333931</POSItemID></POSIdentity><POSIdentity>"
               "<POSItemID>pen</POSItemID></POSIdentity><Description> A pen "
               "</Description><RegularSalesUnitPrice>"
               "2.00</RegularSalesUnitPrice><ActualSalesUnitPrice>1.80</"
               "ActualSalesUnitPrice><ExtendedAmount>5.40"
               "</ExtendedAmount><Quantity>3</Quantity><RetailPriceModifier><Amount Action=\"Subtract\">0.60"
               "</Amount><PromotionID>P1</PromotionID></RetailPriceModifier><Tax><TaxGroupID>V20</TaxGroupID>"
               "<Amount>0.90</Amount></Tax>") +
          item(goods("bag", "0.10"), "Sale", 2) + tender("Cash", "6.00") +
          "<LineItem><TenderChange TenderType=\"Cash\"><Amount>0.50</Amount></TenderChange></LineItem>" +
          total("5.50") + "<Customer><CustomerID>C9</CustomerID></Customer>"))));
  CHECK(sale.id == "0417:T1:7:2026-11-20");
  CHECK(sale.type == DocumentType::kSale);
  CHECK(sale.terminal == "T1");
  CHECK(sale.terminal_sequence == 7);
  CHECK(sale.business_day.text() == "2026-11-20");
  CHECK(sale.occurred_at.text() == "2026-11-20T10:00:00Z");
  CHECK(sale.operator_id == "Ann");
  CHECK(sale.customer == "C9");
  CHECK(sale.extensions ==
        R"({"poslog":{"store":"0417","workstation":"T1","sequence":"7","receipt":"R-7"}})");
  const auto& sold = trade_of(sale);
  REQUIRE(sold.lines.size() == 2);
  const auto& pen = sold.lines[0];
  CHECK(pen.sku == "pen");
  CHECK(pen.gtin == "4006381333931");
  CHECK(pen.description == "A pen");
  CHECK(pen.quantity == dec("3"));
  CHECK(pen.unit_price == dec("2"));
  CHECK(line_amount(pen) == dec("6"));
  CHECK(pen.discounts == std::vector<Discount>{{"P1", dec("0.60")}});
  CHECK(pen.taxes == std::vector<Tax>{{"V20", dec("0.90")}});
  CHECK(sold.total == dec("5.50"));
  CHECK(sold.prices_include_tax);
  CHECK(sold.tenders == std::vector<Tender>{{"Cash", dec("6"), {}}, {"Cash", dec("-0.5"), {}}});
}

TEST_CASE("poslog: a return names its sale by the very id that the sale was read with") {
  const auto link =
      "<TransactionLink><RetailStoreID>0417</RetailStoreID><WorkstationID>T1</WorkstationID><SequenceNumber>7"
      "</SequenceNumber><BusinessDayDate>2026-11-20</BusinessDayDate></TransactionLink>";
  const auto returned =
      trade(item(goods("pen", "2.00", std::string(link) + "<Disposal Method=\"ReturnToStock\"/>"), "Return") +
            tender("Cash", "2.00", "Refund") + total("2.00"));
  CHECK(returned.type == DocumentType::kReturn);
  const auto& trade = trade_of(returned);
  REQUIRE(trade.original.has_value());
  CHECK(trade.original->id == document_of(poslog(transaction(retail(item(goods("pen", "2.00")))))).id);
  CHECK_FALSE(trade.original->store.has_value());
  CHECK(trade.lines[0].disposition == "resell");
  CHECK(trade.tenders == std::vector<Tender>{{"Cash", dec("2"), {}}});
}

TEST_CASE("poslog: a link without a store means the return's own, whatever the settings call it") {
  const auto head = [](const char* sequence) {
    return std::string(
               "<BusinessUnit><UnitID>RS-1</UnitID></BusinessUnit><WorkstationID>T1</WorkstationID>"
               "<SequenceNumber>") +
           sequence + "</SequenceNumber><EndDateTime>2026-11-20T10:00:00Z</EndDateTime>" +
           "<BusinessDayDate>2026-11-20</BusinessDayDate>";
  };
  const auto sold = document_of(poslog(transaction(retail(item(goods("pen", "2.00"))), "", head("7"))));
  const auto link =
      "<TransactionLink><WorkstationID>T1</WorkstationID><SequenceNumber>7</SequenceNumber><BusinessDayDate>"
      "2026-11-20</BusinessDayDate></TransactionLink>";
  const auto returned =
      document_of(poslog(transaction(retail(item(goods("pen", "2.00"), "Return") + link), "", head("8"))));
  const OriginalSale expected{sold.id, std::nullopt, std::nullopt};
  CHECK(trade_of(returned).original == expected);
}

TEST_CASE("poslog: a return that knows only a receipt names that") {
  const auto returned = trade(item(goods("pen", "2.00"), "Return") +
                              "<TransactionLink><TransactionID>abc</TransactionID><RetailStoreID>9</"
                              "RetailStoreID></TransactionLink>");
  const OriginalSale expected{std::nullopt, "abc", "9"};
  CHECK(trade_of(returned).original == expected);
}

TEST_CASE("poslog: an exchange becomes a sale and a return that pay for each other") {
  const auto both = documents_of(
      poslog(transaction(retail(item(goods("new", "30.00")) + item(goods("old", "20.00"), "Return", 2) +
                                tender("Cash", "10.00") + total("10.00")))));
  REQUIRE(both.size() == 2);
  CHECK(both[0].id == "0417:T1:7:2026-11-20");
  CHECK(both[1].id == "0417:T1:7:2026-11-20-return");
  CHECK(both[0].type == DocumentType::kSale);
  CHECK(both[1].type == DocumentType::kReturn);
  CHECK(trade_of(both[0]).total == dec("30"));
  CHECK(trade_of(both[0]).tenders ==
        std::vector<Tender>{{"Cash", dec("10"), {}}, {"exchange", dec("20"), {}}});
  CHECK(trade_of(both[1]).total == dec("20"));
  CHECK(trade_of(both[1]).tenders == std::vector<Tender>{{"exchange", dec("20"), {}}});
  const auto refunded = documents_of(
      poslog(transaction(retail(item(goods("new", "5.00")) + item(goods("old", "20.00"), "Return", 2) +
                                tender("Cash", "15.00", "Refund") + total("15.00")))));
  REQUIRE(refunded.size() == 2);
  CHECK(trade_of(refunded[0]).tenders == std::vector<Tender>{{"exchange", dec("5"), {}}});
  CHECK(trade_of(refunded[1]).tenders ==
        std::vector<Tender>{{"Cash", dec("15"), {}}, {"exchange", dec("5"), {}}});
  const auto fault = fault_of(
      retail(item(goods("new", "30.00")) + item(goods("old", "20.00"), "Return", 2) + total("11.00")));
  CHECK(fault.detail.find("comes to 10") != std::string::npos);
}

TEST_CASE("poslog: taxes that come on top are told as such") {
  const auto sale =
      trade(item(goods("a", "10.00", "<Tax><Percent>7.250</Percent><Amount>0.73</Amount></Tax>")) +
            total("10.00", "TransactionNetAmount") + total("0.73", "TransactionTaxAmount"));
  CHECK(trade_of(sale).prices_include_tax);  // 10.00 is one of the till's totals
  const auto on_top =
      trade(item(goods("a", "10.00", "<Tax><Percent>7.250</Percent><Amount>0.73</Amount></Tax>")) +
            tender("Cash", "10.73") + total("10.73"));
  CHECK_FALSE(trade_of(on_top).prices_include_tax);
  CHECK(trade_of(on_top).total == dec("10.73"));
  CHECK(trade_of(on_top).lines[0].taxes == std::vector<Tax>{{"7.25%", dec("0.73")}});
  const auto of_all =
      trade(item(goods("a", "10.00")) +
            "<LineItem><Tax><TaxRuleID>R</TaxRuleID><Amount>0.73</Amount></Tax></LineItem>" + total("10.73"));
  CHECK(trade_of(of_all).lines[0].taxes == std::vector<Tax>{{"R", dec("0.73")}});
}

TEST_CASE("poslog: a tax with more decimals than an amount has is rounded, and kept as it was written") {
  const auto sale =
      trade(item(goods("a", "10.00", "<Tax><Percent>12</Percent><Amount>1.07145</Amount></Tax>")));
  CHECK(trade_of(sale).lines[0].taxes[0].amount == dec("1.0715"));
  CHECK(sale.extensions->find(R"("taxes_as_written":["1.07145"])") != std::string::npos);
}

TEST_CASE("poslog: what is taken off the whole transaction is a discount of a line, and counted once") {
  const auto discount = [](const char* amount, const char* link) {
    return fmt::format(
        "<LineItem><Discount><Amount Action=\"Subtract\">{}</Amount><PromotionID>P</PromotionID>"
        "<Description>two for one</Description>{}</Discount></LineItem>",
        amount, link);
  };
  const auto first = trade(item(goods("a", "10.00")) + item(goods("b", "5.00"), "Sale", 2) +
                           discount("3.00", "<ItemLink>1</ItemLink>") + total("12.00"));
  CHECK(trade_of(first).lines[0].discounts == std::vector<Discount>{{"two for one", dec("3")}});
  const auto last = trade(item(goods("a", "10.00")) + item(goods("b", "5.00"), "Sale", 2) +
                          discount("3.00", "") + total("12.00"));
  CHECK(trade_of(last).lines[1].discounts == std::vector<Discount>{{"two for one", dec("3")}});
  // Here it sums up what a price modifier has taken off.
  const auto modified =
      "<ItemID>a</ItemID><ExtendedAmount>7.00</ExtendedAmount><RetailPriceModifier><Amount>3.00</Amount>"
      "<PromotionID>P</PromotionID></RetailPriceModifier>";
  const auto summed = trade(item(modified) + discount("3.00", "<ItemLink>1</ItemLink>") + total("7.00"));
  CHECK(trade_of(summed).lines[0].unit_price == dec("10"));
  CHECK(trade_of(summed).lines[0].discounts == std::vector<Discount>{{"P", dec("3")}});
}

TEST_CASE("poslog: a negative line of a sale takes off the line before it") {
  const auto sale = trade(
      item(goods("a", "10.02")) +
      item("<ItemID>ROUND</ItemID><ExtendedAmount Action=\"Subtract\">0.02</ExtendedAmount>", "Sale", 2) +
      total("10.00"));
  REQUIRE(trade_of(sale).lines.size() == 1);
  CHECK(trade_of(sale).lines[0].discounts == std::vector<Discount>{{"ROUND", dec("0.02")}});
}

TEST_CASE("poslog: a deposit is counted once, whether or not the line that brings it counts it too") {
  const auto deposit =
      "<LineItem><Sale ItemType=\"Deposit\"><ItemID>D</ItemID><ExtendedAmount>1.00</ExtendedAmount>"
      "<ItemLink>1</ItemLink></Sale></LineItem>";
  const auto apart = trade(item(goods("cola", "14.90")) + deposit + total("15.90"));
  CHECK(line_amount(trade_of(apart).lines[0]) == dec("14.90"));
  const auto sale =
      trade(item("<ItemID>cola</ItemID><ExtendedAmount>15.90</ExtendedAmount><RecyclingAmount>1.00"
                 "</RecyclingAmount>") +
            deposit + total("15.90"));
  REQUIRE(trade_of(sale).lines.size() == 2);
  CHECK(line_amount(trade_of(sale).lines[0]) == dec("14.90"));
  CHECK(line_amount(trade_of(sale).lines[1]) == dec("1"));
}

TEST_CASE("poslog: weights, packs and prices that are left out") {
  const auto weighed =
      trade(item("<ItemID>apples</ItemID><ExtendedAmount>12.82000</ExtendedAmount><Quantity "
                 "Units=\"1.00\">1.29500</Quantity>"));
  CHECK(trade_of(weighed).lines[0].quantity == dec("1.295"));
  CHECK(trade_of(weighed).lines[0].unit_price == dec("9.8996"));  // 12.82 / 1.295 = 9.89961...
  CHECK(line_amount(trade_of(weighed).lines[0]) == dec("12.82"));
  const auto packs = trade(
      item("<ItemID>six</ItemID><ActualSalesUnitPrice>1.5</ActualSalesUnitPrice><Quantity Units=\"6\">2."
           "</Quantity>"));
  CHECK(trade_of(packs).lines[0].quantity == dec("12"));
  CHECK(exact_sum(trade_of(packs)) == dec("18"));
}

TEST_CASE("poslog: cash that is rounded adds up by the numbers that the till wrote") {
  const auto handed =
      trade(item(goods("a", "9.98")) +
            "<LineItem><Tender TenderType=\"Cash\"><Amount>10.00</Amount><Rounding>0.02</Rounding>"
            "</Tender></LineItem>" +
            total("9.98", "TransactionNetAmount") + total("10.00"));
  CHECK(trade_of(handed).total == dec("9.98"));
  CHECK(trade_of(handed).tenders ==
        std::vector<Tender>{{"Cash", dec("10"), {}}, {"Rounding", dec("-0.02"), {}}});
  const auto applied =
      trade(item(goods("a", "9.98")) +
            "<LineItem><Tender TenderType=\"Card\"><Amount>20.00</Amount><AmountAppliedToBill>9.98"
            "</AmountAppliedToBill></Tender></LineItem>" +
            total("9.98"));
  CHECK(trade_of(applied).tenders == std::vector<Tender>{{"Card", dec("9.98"), {}}});
}

TEST_CASE("poslog: a voided line is no line, and is told of") {
  auto line = item(goods("wrong", "99.00"), "Sale", 2);
  line.replace(0, std::string("<LineItem>").size(), "<LineItem CancelFlag=\"true\">");
  const auto sale = trade(item(goods("a", "1.00")) + line + total("1.00"));
  CHECK(trade_of(sale).lines.size() == 1);
  CHECK(sale.extensions->find(R"("voided_lines":[2])") != std::string::npos);
}

TEST_CASE("poslog: what is no document by the till's own word is noted") {
  const auto sale = retail(item(goods("a", "1.00")));
  CHECK(note_of(sale, "TrainingModeFlag=\"true\"") == "training");
  CHECK(note_of(sale, "CancelFlag=\"1\"") == "cancelled");
  CHECK(note_of("<RetailTransaction TransactionStatus=\"Voided\"/>") == "status Voided");
  CHECK(note_of("<RetailTransaction TransactionStatus=\"Suspended\"/>") == "status Suspended");
  CHECK(note_of("<ControlTransaction><SignOn/></ControlTransaction>") == "ControlTransaction");
  CHECK(note_of("<TenderControlTransaction/>") == "TenderControlTransaction");
}

TEST_CASE("poslog: what has an effect and is not understood is a fault, never passed over") {
  CHECK(fault_of("<InventoryTransaction/>").xpath == "/POSLog/Transaction[1]/InventoryTransaction");
  CHECK(fault_of("<RetailTransaction TransactionStatus=\"PostVoided\"/>").detail.find("post-void") !=
        std::string::npos);
  CHECK(fault_of(retail(item(goods("a", "1.00")) + "<LineItem><PaymentOnAccount><Amount>5</Amount>"
                                                   "</PaymentOnAccount></LineItem>"))
            .xpath == "/POSLog/Transaction[1]/RetailTransaction/LineItem[2]/PaymentOnAccount");
  CHECK(fault_of(retail(item("<ItemID>a</ItemID>"))).detail.find("price") != std::string::npos);
  CHECK(
      fault_of(retail(item("<ItemID>a</ItemID><ActualSalesUnitPrice>5</ActualSalesUnitPrice><ExtendedAmount>6"
                           "</ExtendedAmount>")))
          .detail.find("neither quantity times price") != std::string::npos);
  CHECK(fault_of(retail(item("<ItemID>a</ItemID><ExtendedAmount Currency=\"EUR\">6</ExtendedAmount>"
                             "<ActualSalesUnitPrice>6</ActualSalesUnitPrice>")))
            .detail.find("another currency") != std::string::npos);
  CHECK(fault_of(
            retail(item("<ItemID>a</ItemID><ActualSalesUnitPrice>1e3</ActualSalesUnitPrice><ExtendedAmount>1"
                        "</ExtendedAmount>")))
            .xpath.ends_with("LineItem[1]/Sale/ActualSalesUnitPrice"));
  CHECK(fault_of(retail("")).detail.find("no line of goods") != std::string::npos);
  CHECK(fault_of("").detail.find("no RetailTransaction") != std::string::npos);
  CHECK(fault_of("<CurrencyCode>XXZ</CurrencyCode>" + retail("")).xpath ==
        "/POSLog/Transaction[1]/CurrencyCode");
  const auto without_sequence = std::string(
      "<RetailStoreID>0417</RetailStoreID><WorkstationID>T1</WorkstationID><BusinessDayDate>2026-11-20"
      "</BusinessDayDate><EndDateTime>2026-11-20T10:00:00Z</EndDateTime>");
  CHECK(fault_of(retail(item(goods("a", "1"))), "", without_sequence).detail == "has no SequenceNumber");
}

TEST_CASE("poslog: sums that do not add up are for the door to refuse, at the place in the document") {
  const auto read = read_all(poslog(transaction(retail(item(goods("a", "10.00")) + total("11.00")))));
  REQUIRE(read.transactions.at(0).documents.size() == 1);
  const auto checked = parse_document(read.transactions[0].documents[0].body, store());
  REQUIRE(std::holds_alternative<Refusal>(checked));
  CHECK(std::get<Refusal>(checked).faults.at(0).pointer == "/total");
  CHECK(read.transactions[0].documents[0].line_xpaths ==
        std::vector<std::string>{"/POSLog/Transaction[1]/RetailTransaction/LineItem[1]/Sale"});
}

TEST_CASE("poslog: times without an offset are the store's own") {
  const auto at = [](const std::string& time) {
    return document_of(
               poslog(transaction(retail(item(goods("a", "1.00"))), "",
                                  "<WorkstationID>T1</WorkstationID><SequenceNumber>7</SequenceNumber>"
                                  "<ReceiptDateTime>" +
                                      time + "</ReceiptDateTime>")))
        .occurred_at.text();
  };
  CHECK(at("2026-11-20T10:00:00") == "2026-11-20T10:00:00Z");
  CHECK(at("2026-06-20T10:00:00.250") == "2026-06-20T10:00:00.25+01:00");
  CHECK(at("2026-10-25T01:30:00") == "2026-10-25T01:30:00+01:00");  // twice that night: the first
  CHECK(at("2026-03-29T01:30:00") == "2026-03-29T01:30:00Z");       // never that night
  CHECK(at("2026-06-20T10:00:00-05:00") == "2026-06-20T10:00:00-05:00");
}

TEST_CASE("poslog: any prefix, CDATA, ISO-8859-1 and UTF-16 say the same") {
  const auto plain =
      poslog(transaction(retail(item(goods("a", "1.00", "<Description>caf\xc3\xa9</Description>")))));
  const auto expected = document_of(plain);
  CHECK(trade_of(expected).lines[0].description == "caf\xc3\xa9");
  std::string latin = plain;
  latin.replace(latin.find("UTF-8"), 5, "ISO-8859-1");
  latin.replace(latin.find("\xc3\xa9"), 2, "\xe9");
  CHECK(document_of(latin) == expected);
  std::string wide = "\xff\xfe";
  for (std::size_t i = plain.find("<POSLog"); i < plain.size(); ++i) {
    if (plain[i] == '\xc3') continue;
    wide += plain[i] == '\xa9' ? '\xe9' : plain[i];
    wide += '\0';
  }
  CHECK(document_of(wide) == expected);
  std::string prefixed;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    prefixed += plain[i];
    if (plain[i] == '<' && plain[i + 1] != '?') {
      if (plain[i + 1] == '/') prefixed += plain[++i];
      prefixed += "p:";
    }
  }
  CHECK(document_of(prefixed) == expected);
  std::string cdata = plain;
  cdata.replace(cdata.find("caf\xc3\xa9"), 5, "<!-- c -->ca<![CDATA[f\xc3\xa9]]>");
  CHECK(document_of(cdata) == expected);
}

TEST_CASE("poslog: a file that is none is refused as a whole") {
  const auto code = [](const std::string& xml, const PoslogLimits& limits = {}) {
    const auto read = read_all(xml, context(), limits);
    CHECK(read.transactions.empty());
    REQUIRE_FALSE(read.result.has_value());
    CHECK(read.result.error().kind == ErrorKind::kInvalid);
    return read.result.error().code;
  };
  const auto good = poslog(transaction(retail(item(goods("a", "1.00")))));
  CHECK(code("") == "malformed-xml");
  CHECK(code("no xml") == "malformed-xml");
  for (std::size_t cut : {good.size() - 1, good.size() / 2, std::size_t{60}})
    CHECK(code(good.substr(0, cut)) == "malformed-xml");
  CHECK(code("<html/>") == "not-poslog");
  CHECK(code("<POSLog/>") == "not-poslog");
  CHECK(code("<!DOCTYPE POSLog>" + good.substr(good.find("<POSLog"))) == "doctype");
  std::string windows = good;
  windows.replace(windows.find("UTF-8"), 5, "windows-1252");
  CHECK(code(windows) == "unsupported-encoding");
  std::string deep, end;
  for (int i = 0; i < 100'000; ++i) {
    deep += "<a>";
    end += "</a>";
  }
  CHECK(code("<POSLog>" + deep + end + "</POSLog>") == "too-deep");
  CHECK(code("<POSLog>" + deep + end + "</POSLog>", {.elements_max = 99'999}) == "too-large");
  CHECK(code("<POSLog a='1' b='2'/>", {.attributes_max = 1}) == "too-large");
}

TEST_CASE("poslog: a billion laughs is a DOCTYPE, and nothing of it is expanded") {
  std::string laughs = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\">";
  for (int i = 1; i < 10; ++i) {
    laughs += fmt::format("<!ENTITY lol{} \"", i);
    for (int j = 0; j < 10; ++j)
      laughs += fmt::format("&lol{};", i == 1 ? std::string() : std::to_string(i - 1));
    laughs += "\">";
  }
  laughs += "]><POSLog><Transaction>&lol9;</Transaction></POSLog>";
  const auto read = read_all(laughs);
  REQUIRE_FALSE(read.result.has_value());
  CHECK(read.result.error().code == "doctype");
}

TEST_CASE("poslog: reading can be left off") {
  int seen = 0;
  const auto read = read_poslog(poslog(transaction("") + transaction("") + transaction("")), context(),
                                [&](const PoslogTransaction&) { return ++seen < 2; });
  CHECK(read.has_value());
  CHECK(seen == 2);
}

TEST_CASE(
    "poslog: the published samples of the Swedish retailers' receipt become documents, or say why not") {
  const auto folder = test::poslog_samples();
  if (!folder) {
    MESSAGE("the samples are not on this machine");
    return;
  }
  const auto sample = [&](const char* name) { return testing::file_text((*folder / name).string()); };
  const auto returned = document_of(sample("swe-standard-dr-return.xml"));
  CHECK(returned.type == DocumentType::kReturn);
  CHECK(trade_of(returned).total == dec("49"));
  const auto first = document_of(sample("swe-standard-dr-sample-1.xml"));
  CHECK(trade_of(first).total == dec("508"));
  CHECK(trade_of(first).lines.size() == 4);
  const auto second = document_of(sample("swe-standard-dr-sample-2.xml"));
  CHECK(trade_of(second).total == dec("704.47"));
  CHECK(trade_of(second).lines.size() == 22);
  CHECK(trade_of(second).lines[20].sku == "10740");
  CHECK(line_amount(trade_of(second).lines[20]) == dec("112"));
  CHECK(trade_of(second).lines[20].unit_price == dec("28"));
  // Its lines have no prices at all.
  const auto bare = read_all(sample("swe-standard-dr-sale-min-with-image-attachment.xml"));
  CHECK(bare.transactions.at(0).faults.size() == 2);
  // Its lines come to 583.50, its totals say 558.50 and 558.00.
  const auto wrong = read_all(sample("swe-standard-dr-sale.xml"));
  REQUIRE(wrong.transactions.at(0).documents.size() == 1);
  const auto checked = parse_document(wrong.transactions[0].documents[0].body, store());
  REQUIRE(std::holds_alternative<Refusal>(checked));
  CHECK(std::get<Refusal>(checked).faults.at(0).pointer == "/total");
}

TEST_CASE("poslog, property: whatever the amounts are, a sale that adds up is taken and keeps its total") {
  rc::check([] {
    const auto count = *rc::gen::inRange(1, 8);
    std::string lines;
    Decimal sum;
    for (int i = 0; i < count; ++i) {
      const auto pence = *rc::gen::inRange(0, 1'000'000);
      const auto pieces = *rc::gen::inRange(1, 100);
      const auto off = *rc::gen::inRange(0, pence + 1);  // at most one piece's price
      const auto price = Decimal::from_units(Decimal::Units(pence) * 100'000);
      const auto discount = Decimal::from_units(Decimal::Units(off) * 100'000);
      const auto amount = price * Decimal::from_integer(pieces) - discount;
      sum += amount;
      lines += item(
          fmt::format("<ItemID>{}</ItemID><RegularSalesUnitPrice>{}</RegularSalesUnitPrice><ExtendedAmount>{}"
                      "</ExtendedAmount><Quantity>{}</Quantity><RetailPriceModifier><Amount>{}</Amount>"
                      "</RetailPriceModifier>",
                      i, price.text(2), amount.text(2), pieces, discount.text(2)),
          "Sale", i + 1);
    }
    const auto sale = trade(lines + tender("Cash", sum.text(2)) + total(sum.text(2)));
    RC_ASSERT(trade_of(sale).total == sum);
    RC_ASSERT(exact_sum(trade_of(sale)) == sum);
    RC_ASSERT(trade_of(sale).lines.size() == static_cast<std::size_t>(count));
  });
}
