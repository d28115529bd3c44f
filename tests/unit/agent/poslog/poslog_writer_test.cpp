#include "agent/poslog/poslog_writer.h"

#include <doctest/doctest.h>

#include <pugixml.hpp>

#include "tests/unit/outbox/document/samples.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

std::string written(const Document& document) {
  return poslog_text({{document, "0417", "0417/" + document.id, "0417/" + document.id + ":erp", 7}});
}

pugi::xml_node retail_of(const pugi::xml_document& xml) {
  return xml.child("POSLog").child("Transaction").child("RetailTransaction");
}

Decimal decimal_in(pugi::xml_node node) {
  return Decimal::parse(node.text().get(), 7).value();
}

}  // namespace

TEST_CASE("poslog: a sale as it stands in the file") {
  const Document document = accepted(
      R"({"id":"S1","type":"sale","terminal":"T1","terminal_sequence":17,"occurred_at":"2026-11-23T09:15:00Z",
      "operator":"Ann","customer":"C-1","lines":[{"sku":"A1","gtin":"4006381333931","description":"Cup & <b>",
      "quantity":"2","unit_price":"2.5","discounts":[{"reason":"staff","amount":"0.30"}],
      "taxes":[{"code":"S","amount":"0.78"}]}],"tenders":[{"type":"cash","amount":"4.70","reference":"d1"}],
      "total":"4.70"})");
  CHECK(written(document) == R"(<?xml version="1.0" encoding="UTF-8"?>
<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/" xmlns:tillsync="urn:tillsync:poslog:1" MajorVersion="6" MinorVersion="0" FixVersion="0">
 <Transaction tillsync:Reference="0417/S1" tillsync:IdempotencyKey="0417/S1:erp" tillsync:JournalSequence="7">
  <BusinessUnit>
   <UnitID>0417</UnitID>
  </BusinessUnit>
  <WorkstationID TypeCode="POS">T1</WorkstationID>
  <SequenceNumber>17</SequenceNumber>
  <TransactionID>S1</TransactionID>
  <BusinessDayDate>2026-11-23</BusinessDayDate>
  <OperatorID>Ann</OperatorID>
  <CurrencyCode>GBP</CurrencyCode>
  <ReceiptDateTime>2026-11-23T09:15:00Z</ReceiptDateTime>
  <ReceiptNumber>S1</ReceiptNumber>
  <RetailTransaction tillsync:PricesIncludeTax="true">
   <LineItem>
    <Sale ItemType="Stock">
     <POSIdentity POSIDType="GTIN">
      <POSItemID>4006381333931</POSItemID>
     </POSIdentity>
     <POSIdentity POSIDType="RSID">
      <POSItemID>A1</POSItemID>
     </POSIdentity>
     <ItemID>A1</ItemID>
     <Description>Cup &amp; &lt;b&gt;</Description>
     <RegularSalesUnitPrice Currency="GBP">2.50</RegularSalesUnitPrice>
     <ActualSalesUnitPrice Currency="GBP">2.50</ActualSalesUnitPrice>
     <ExtendedAmount Currency="GBP">4.70</ExtendedAmount>
     <ExtendedDiscountAmount Currency="GBP">0.30</ExtendedDiscountAmount>
     <Quantity Units="1" UnitOfMeasureCode="EA">2</Quantity>
     <RetailPriceModifier MethodCode="Promotion">
      <SequenceNumber>1</SequenceNumber>
      <Amount Currency="GBP" Action="Subtract">0.30</Amount>
      <Description>staff</Description>
     </RetailPriceModifier>
     <Tax>
      <TaxableAmount Currency="GBP" TaxIncludedInTaxableAmountFlag="true">4.70</TaxableAmount>
      <Amount Currency="GBP">0.78</Amount>
      <TaxGroupID>S</TaxGroupID>
     </Tax>
    </Sale>
    <SequenceNumber>1</SequenceNumber>
   </LineItem>
   <LineItem>
    <Tender TypeCode="Sale" TenderType="Cash" tillsync:Type="cash" tillsync:Reference="d1">
     <Amount Currency="GBP">4.70</Amount>
    </Tender>
    <SequenceNumber>2</SequenceNumber>
   </LineItem>
   <Total TotalType="TransactionGrandAmount" CurrencyCode="GBP">4.70</Total>
   <Total TotalType="TransactionTaxAmount" CurrencyCode="GBP">0.78</Total>
   <Customer>
    <CustomerID>C-1</CustomerID>
   </Customer>
  </RetailTransaction>
 </Transaction>
</POSLog>
)");
}

TEST_CASE("poslog: a return refunds, and names its sale; a till close settles the till") {
  pugi::xml_document xml;
  REQUIRE(xml.load_string(written(accepted(kReturnBody)).c_str()));
  const auto retail = retail_of(xml);
  CHECK(retail.child("LineItem").child("Return").attribute("tillsync:Disposition").value() ==
        std::string("resell"));
  CHECK(retail.find_child_by_attribute("Total", "TypeCode", "Return").text().get() == std::string("3.06"));
  CHECK(retail.child("TransactionLink").child("TransactionID").text().get() == std::string("0417-T1-000017"));
  CHECK(retail.select_node("LineItem/Tender[@TypeCode='Refund'][@TenderType='CreditDebit']"));
  REQUIRE(xml.load_string(written(accepted(kTillCloseBody)).c_str()));
  const auto settle =
      xml.child("POSLog").child("Transaction").child("TenderControlTransaction").child("TillSettle");
  CHECK(settle.attribute("tillsync:Documents").value() == std::string("212"));
  CHECK(settle.child("TenderSummary").child("Ending").child("Amount").text().get() == std::string("1034.10"));
}

TEST_CASE("poslog: what has no place in it, or no way to be written in XML, is refused with the reason") {
  for (const auto body : {kStockAdjustmentBody, kStockCountBody, kStockTransferBody, kCustomerUpdateBody}) {
    const auto checked = check_poslog(accepted(body));
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().detail.find("POSLog has no place for a ") == 0);
  }
  const std::string head =
      R"({"id":"S1","type":"sale","terminal":"T1","occurred_at":"2026-11-23T09:15:00Z","lines":[{"quantity":1,)"
      R"("unit_price":"1.00","sku":)";
  for (const std::string sku : {R"("A\uffff")", R"("\ufffe")"}) {
    CAPTURE(sku);
    const auto checked = check_poslog(accepted(head + sku + "}]}"));
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().detail.find("XML cannot hold") != std::string::npos);
  }
  // The door refuses control characters; an older journal may have one.
  Document old = accepted(head + R"("A"}]})");
  CHECK(check_poslog(old).has_value());
  std::get<Trade>(old.content).lines[0].description = "bell\a";
  CHECK_FALSE(check_poslog(old).has_value());
}

TEST_CASE(
    "I6: poslog: whatever the sale, the XML is well-formed, its texts come back and its amounts are exact") {
  CHECK(rc::check([] {
    const Document document = accepted(json::dump(random::body()));
    const auto* trade = std::get_if<Trade>(&document.content);
    if (trade == nullptr) return;
    pugi::xml_document xml;
    RC_ASSERT(static_cast<bool>(xml.load_string(written(document).c_str(), pugi::parse_default)));
    const auto retail = retail_of(xml);
    RC_ASSERT(decimal_in(retail.find_child_by_attribute("TotalType", "TransactionGrandAmount")) ==
              *document_total(document));
    auto item = retail.child("LineItem");
    for (const TradeLine& line : trade->lines) {
      const auto sale = item.first_child();
      Decimal net = line_amount(line);
      for (const Discount& each : line.discounts) net -= each.amount;
      RC_ASSERT(sale.child("ItemID").text().get() == line.sku);
      RC_ASSERT(sale.child("Description").text().get() == line.description.value_or(""));
      RC_ASSERT(decimal_in(sale.child("Quantity")) == line.quantity);
      RC_ASSERT(decimal_in(sale.child("ExtendedAmount")) == net);
      item = item.next_sibling("LineItem");
    }
  }));
}
