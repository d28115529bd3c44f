#include "tests/unit/agent/connectors/file/support.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

std::string csv_of(std::string_view body, std::int64_t sequence = 7) {
  return file::csv_text("0417", documents_of({delivery_of(accepted(body), sequence)}));
}

}  // namespace

TEST_CASE("file csv: a sale as it stands in the file, byte for byte") {
  CHECK(
      csv_of(
          R"({"id":"S1","type":"sale","terminal":"T1","terminal_sequence":17,"occurred_at":"2026-11-23T09:15:00Z",
        "customer":"C-1","lines":[{"sku":"A,1","description":"8\" PAN","quantity":"2","unit_price":"2.5",
        "discounts":[{"reason":"staff","amount":"0.30"}],"taxes":[{"code":"S","amount":"0.78"}]}],
        "tenders":[{"type":"cash","amount":"5.00"},{"type":"change","amount":"-0.30","reference":"d1"}],
        "total":"4.70"})") ==
      "reference,idempotency_key,sequence,type,id,store,terminal,terminal_sequence,occurred_at,business_day,"
      "currency,operator,customer,original_id,original_receipt,original_store,direction,other_store,reason,"
      "prices_include_tax,correlation_id,row,record,line,sku,gtin,description,quantity,unit_price,amount,"
      "code,"
      "tender_reference,disposition,documents,field,base,value,extensions\r\n"
      "0417/S1,0417/S1:legacy,7,sale,S1,0417,T1,17,2026-11-23T09:15:00Z,2026-11-23,GBP,,C-1,,,,,,,true,,"
      "1,document,,,,,,,4.70,,,,,,,,\r\n"
      "0417/S1,0417/S1:legacy,7,sale,S1,0417,T1,17,2026-11-23T09:15:00Z,2026-11-23,GBP,,C-1,,,,,,,true,,"
      "2,line,1,\"A,1\",,\"8\"\" PAN\",2,2.50,5.00,,,,,,,,\r\n"
      "0417/S1,0417/S1:legacy,7,sale,S1,0417,T1,17,2026-11-23T09:15:00Z,2026-11-23,GBP,,C-1,,,,,,,true,,"
      "3,discount,1,,,,,,0.30,staff,,,,,,,\r\n"
      "0417/S1,0417/S1:legacy,7,sale,S1,0417,T1,17,2026-11-23T09:15:00Z,2026-11-23,GBP,,C-1,,,,,,,true,,"
      "4,tax,1,,,,,,0.78,S,,,,,,,\r\n"
      "0417/S1,0417/S1:legacy,7,sale,S1,0417,T1,17,2026-11-23T09:15:00Z,2026-11-23,GBP,,C-1,,,,,,,true,,"
      "5,tender,,,,,,,5.00,cash,,,,,,,\r\n"
      "0417/S1,0417/S1:legacy,7,sale,S1,0417,T1,17,2026-11-23T09:15:00Z,2026-11-23,GBP,,C-1,,,,,,,true,,"
      "6,tender,,,,,,,-0.30,change,d1,,,,,,\r\n");
}

TEST_CASE("file csv: what a spreadsheet would run is made text, and the receiver can undo it") {
  for (const std::string text : {"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "'quoted", "plain"}) {
    CAPTURE(text);
    std::string quoted;
    json::quote_to(quoted, text);
    const auto rows = csv_rows(csv_of(
        R"({"id":"S1","type":"sale","terminal":"T1","occurred_at":"2026-11-23T09:15:00Z","lines":[{"sku":"A",)"
        R"("quantity":1,"unit_price":"1.00","description":)" +
        quoted + "}]}"));
    const std::string cell = named(rows, 2).at("description");
    CHECK(without_apostrophe(cell) == text);
    CHECK(std::string("=+-@\t").find(cell[0]) == std::string::npos);
  }
}

TEST_CASE("file csv: each type of document has its rows") {
  const auto record = [](const std::vector<std::vector<std::string>>& rows, std::size_t row) {
    return named(rows, row).at("record");
  };
  auto rows = csv_rows(csv_of(kReturnBody));
  CHECK(named(rows, 1).at("original_id") == "0417-T1-000017");
  CHECK(named(rows, 1).at("original_receipt") == "4111111111111111");
  CHECK(named(rows, 1).at("amount") == "3.06");
  CHECK(named(rows, 2).at("disposition") == "resell");
  rows = csv_rows(csv_of(kStockAdjustmentBody));
  CHECK(named(rows, 1).at("reason") == "broken");
  CHECK(named(rows, 2).at("quantity") == "-2.5");
  CHECK(named(rows, 3).at("quantity") == "3");
  rows = csv_rows(csv_of(kStockCountBody));
  CHECK(named(rows, 3).at("quantity") == "17.125");
  rows = csv_rows(csv_of(kStockTransferBody));
  CHECK(named(rows, 1).at("direction") == "out");
  CHECK(named(rows, 2).at("other_store") == "0418");
  rows = csv_rows(csv_of(kCustomerUpdateBody));
  CHECK(record(rows, 2) == "field");
  CHECK(named(rows, 2).at("field") == "email");
  CHECK(named(rows, 2).at("value") == "a@example.com");
  CHECK(named(rows, 2).at("code") == "text");
  CHECK(named(rows, 2).at("base") == "null");
  CHECK(named(rows, 3).at("value") == "1.5");
  CHECK(named(rows, 3).at("code") == "json");
  rows = csv_rows(csv_of(kTillCloseBody));
  CHECK(named(rows, 1).at("documents") == "212");
  CHECK(named(rows, 2).at("amount") == "1034.10");
  CHECK(record(rows, 2) == "tender");
}

TEST_CASE("I6: file csv: whatever the documents, rows are whole, texts come back and amounts are exact") {
  CHECK(rc::check([] {
    std::vector<OutgoingDelivery> deliveries;
    std::vector<Document> documents;
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
      documents.push_back(accepted(json::dump(random::body())));
      deliveries.push_back(delivery_of(documents.back(), i));
    }
    const auto rows = csv_rows(file::csv_text("0417", documents_of(deliveries)));
    for (const auto& row : rows) RC_ASSERT(row.size() == rows[0].size());
    std::size_t at = 0;
    for (std::size_t i = 1; i < rows.size(); ++i) {
      const auto cells = named(rows, i);
      if (cells.at("record") == "document") ++at;
      RC_ASSERT(at >= 1);
      const Document& document = documents[at - 1];
      RC_ASSERT(without_apostrophe(cells.at("id")) == document.id);
      const auto* trade = std::get_if<Trade>(&document.content);
      if (trade == nullptr) continue;
      if (cells.at("record") == "document")
        RC_ASSERT(Decimal::parse(cells.at("amount"), 7).value() == *document_total(document));
      if (cells.at("record") != "line") continue;
      const TradeLine& line = trade->lines.at(static_cast<std::size_t>(std::stoi(cells.at("line")) - 1));
      RC_ASSERT(without_apostrophe(cells.at("sku")) == line.sku);
      RC_ASSERT(without_apostrophe(cells.at("description")) == line.description.value_or(""));
      RC_ASSERT(Decimal::parse(cells.at("quantity"), 7).value() == line.quantity);
      RC_ASSERT(Decimal::parse(cells.at("unit_price"), 7).value() == line.unit_price);
      RC_ASSERT(Decimal::parse(cells.at("amount"), 7).value() == line_amount(line));
    }
    RC_ASSERT(at == documents.size());
  }));
}
