#include "outbox/document/validation.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/outbox/document/samples.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

json::Value line(std::initializer_list<json::Member> more = {}, const char* quantity = "2",
                 const char* price = "5.00") {
  json::Object members{{"sku", "1"}, {"quantity", quantity}, {"unit_price", price}};
  members.insert(members.end(), more.begin(), more.end());
  return members;
}

/// A sale of these lines and with these further members.
std::string sale(json::Array lines, std::initializer_list<json::Member> more = {}) {
  json::Object members{{"id", "1"},
                       {"type", "sale"},
                       {"terminal", "T"},
                       {"occurred_at", "2026-11-23T09:00:00Z"},
                       {"lines", std::move(lines)}};
  members.insert(members.end(), more.begin(), more.end());
  return json::dump(members);
}

std::vector<std::string> pointers(const Refusal& refusal) {
  std::vector<std::string> all;
  for (const Fault& fault : refusal.faults) all.push_back(fault.pointer);
  std::sort(all.begin(), all.end());
  return all;
}

/// The one fault of a body that has but one.
Fault only_fault(std::string_view body) {
  const Refusal refusal = refused(body);
  CAPTURE(faults_text(refusal));
  CHECK(refusal.kind == Refusal::Kind::kInvalid);
  REQUIRE(refusal.faults.size() == 1);
  return refusal.faults.front();
}

void check_fault(std::string_view body, std::string_view pointer, std::string_view part_of_detail = "") {
  const Fault fault = only_fault(body);
  CHECK(fault.pointer == pointer);
  CHECK_MESSAGE(fault.detail.find(part_of_detail) != std::string::npos, fault.detail);
}

void check_card_number(std::string_view body, std::string_view pointer) {
  const Refusal refusal = refused(body);
  CAPTURE(faults_text(refusal));
  CHECK(refusal.kind == Refusal::Kind::kCardNumber);
  CHECK(pointers(refusal) == std::vector<std::string>{std::string(pointer)});
  CHECK(faults_text(refusal).find("1111") == std::string::npos);
}

json::Array tenders(std::initializer_list<const char*> amounts) {
  json::Array items;
  for (const char* amount : amounts) items.push_back(json::Object{{"type", "cash"}, {"amount", amount}});
  return items;
}

constexpr const char* kCard = "4111 1111 1111 1111";

}  // namespace

TEST_CASE("validation: a full document of every type is taken") {
  for (const std::string_view body : kBodies) CHECK_NOTHROW(accepted(body));
}

TEST_CASE("validation: every missing member is named by its own pointer, all at once") {
  CHECK(pointers(refused("{}")) == std::vector<std::string>{"/id", "/occurred_at", "/terminal", "/type"});
  CHECK(pointers(refused(R"({"type":"sale"})")) ==
        std::vector<std::string>{"/id", "/lines", "/occurred_at", "/terminal"});
  CHECK(pointers(refused(sale({json::Object{}, line()}))) ==
        std::vector<std::string>{"/lines/0/quantity", "/lines/0/sku", "/lines/0/unit_price"});
  CHECK(pointers(refused(R"({"type":"stock_transfer","lines":[{}]})")) ==
        std::vector<std::string>{"/direction", "/id", "/lines/0/quantity", "/lines/0/sku", "/occurred_at",
                                 "/other_store", "/terminal"});
  CHECK(pointers(refused(
            R"({"type":"customer_update","id":"1","terminal":"1","occurred_at":"2026-11-23T09:00:00Z"})")) ==
        std::vector<std::string>{"/changes", "/customer"});
  check_fault(with(kTillCloseBody, "tenders", std::nullopt), "/tenders");
  check_fault(with(kStockCountBody, "lines", parsed(R"([{"sku":"1"}])")), "/lines/0/counted");
  check_fault(with(kStockAdjustmentBody, "lines", parsed(R"([{"sku":"1"}])")), "/lines/0/quantity_delta");
}

TEST_CASE("validation: an unknown member is named by its pointer") {
  check_fault(with(kSaleBody, "colour", "red"), "/colour");
  check_fault(with(kSaleBody, "a/b~c", 1), "/a~1b~0c");
  check_fault(sale({line(), line({{"colour", 1}})}), "/lines/1/colour");
  check_fault(sale({line({{"disposition", "resell"}})}), "/lines/0/disposition");
  check_fault(with(kSaleBody, "original", json::Object{{"id", "1"}}), "/original");
  check_fault(with(kStockCountBody, "total", "1"), "/total");
  check_fault(with(kReturnBody, "original", json::Object{{"id", "1"}, {"till", "T1"}}), "/original/till");
  check_fault(with(kTillCloseBody, "tenders", parsed(R"([{"type":"cash","amount":"1","reference":"x"}])")),
              "/tenders/0/reference");
}

TEST_CASE("validation: a body that is no document at all") {
  for (const char* body : {"", "{", "{\"a\":1,\"a\":2}", "nonsense", "{}x"}) {
    const Refusal refusal = refused(body);
    CHECK(refusal.kind == Refusal::Kind::kMalformed);
    CHECK(refusal.detail.find("byte") != std::string::npos);
  }
}

TEST_CASE("validation: JSON that is no object is refused as a whole") {
  for (const char* body : {"[]", "\"x\"", "1", "null"}) check_fault(body, "", "a document is a JSON object");
}

TEST_CASE("validation: nesting of 32 is taken, 33 is malformed, duplicates and size too") {
  const auto nested = [](int arrays) {
    const std::string value = std::string(static_cast<std::size_t>(arrays), '[') +
                              std::string(static_cast<std::size_t>(arrays), ']');
    std::string body(kStockCountBody);
    return body.replace(body.rfind('}'), 1, ",\"extensions\":{\"a\":" + value + "}}");
  };
  CHECK_NOTHROW(accepted(nested(30)));
  CHECK(refused(nested(31)).kind == Refusal::Kind::kMalformed);
  CHECK(refused(nested(10'000)).kind == Refusal::Kind::kMalformed);
  CHECK(refused(std::string(kDocumentBytesMax, ' ') + std::string(kSaleBody)).kind ==
        Refusal::Kind::kMalformed);
}

TEST_CASE(
    "validation: an amount is a string or an integer, a fraction as a JSON number is refused with the cure") {
  const auto priced = [](json::Value price) {
    return sale({json::Object{{"sku", "1"}, {"quantity", 1}, {"unit_price", std::move(price)}}});
  };
  CHECK_NOTHROW(accepted(priced(5)));
  CHECK_NOTHROW(accepted(priced("5")));
  CHECK_NOTHROW(accepted(priced("0")));
  for (const char* number : {"2.55", "2.0", "1e2", "1E0"})
    check_fault(priced(json::Number{number}), "/lines/0/unit_price", "write it as a string");
  check_fault(priced("1.00001"), "/lines/0/unit_price", "at most 4");
  check_fault(priced("-1"), "/lines/0/unit_price", "must not be negative");
  check_fault(priced(-1), "/lines/0/unit_price", "must not be negative");
  check_fault(priced("1,5"), "/lines/0/unit_price", "no decimal");
  check_fault(priced(""), "/lines/0/unit_price", "no decimal");
  check_fault(priced("1000000000000"), "/lines/0/unit_price", "below 1000000000000");
  check_fault(priced("10000000000000000000000"), "/lines/0/unit_price", "below 1000000000000");
  check_fault(priced(nullptr), "/lines/0/unit_price", "is null");
  check_fault(priced(true), "/lines/0/unit_price", "is boolean");
  CHECK_NOTHROW(accepted(priced("999999999999.9999")));
}

TEST_CASE("validation: a quantity has three decimals and the sign of its kind") {
  for (const char* quantity : {"0", "-1", "0.0001", "1000000000"}) {
    check_fault(sale({line({}, quantity)}), "/lines/0/quantity");
    check_fault(
        with(kStockTransferBody, "lines", json::Array{json::Object{{"sku", "1"}, {"quantity", quantity}}}),
        "/lines/0/quantity");
  }
  check_fault(with(kStockAdjustmentBody, "lines", parsed(R"([{"sku":"1","quantity_delta":"0.000"}])")),
              "/lines/0/quantity_delta", "must not be 0");
  check_fault(with(kStockCountBody, "lines", parsed(R"([{"sku":"1","counted":"-1"}])")), "/lines/0/counted");
}

TEST_CASE("validation: texts have their lengths and letters") {
  const auto sized = [](std::size_t size) { return json::Value(std::string(size, 'x')); };
  const auto edge = [&](std::string_view body, const char* member, std::size_t max) {
    CAPTURE(member);
    CHECK_NOTHROW(accepted(with(body, member, sized(max))));
    check_fault(with(body, member, sized(max + 1)), std::string("/") + member);
    check_fault(with(body, member, ""), std::string("/") + member);
    check_fault(with(body, member, "a\nb"), std::string("/") + member);
    check_fault(with(body, member, 7), std::string("/") + member);
  };
  edge(kSaleBody, "id", 64);
  edge(kSaleBody, "terminal", 32);
  edge(kSaleBody, "operator", 64);
  edge(kSaleBody, "customer", 128);
  edge(kSaleBody, "correlation_id", 128);
  edge(kStockAdjustmentBody, "reason", 128);
  edge(kStockTransferBody, "other_store", 64);
  check_fault(with(kSaleBody, "id", "a b"), "/id");
  check_fault(with(kSaleBody, "id", "caf\u00e9"), "/id");
  check_fault(with(kSaleBody, "terminal", "T/1"), "/terminal");
  // 64 characters of two bytes each
  std::string accents;
  for (int i = 0; i < 64; ++i) accents += "é";
  CHECK_NOTHROW(accepted(with(kSaleBody, "operator", accents)));
  check_fault(with(kSaleBody, "operator", accents + "é"), "/operator", "has 65");
}

TEST_CASE("validation: a description may be empty, long and of several lines") {
  for (const std::string& text : {std::string(), std::string("a\nb"), std::string(4096, 'x')}) {
    CHECK_NOTHROW(accepted(sale({line({{"description", text}})})));
  }
  check_fault(sale({line({{"description", std::string(4097, 'x')}})}), "/lines/0/description");
  check_fault(sale({line({{"description", nullptr}})}), "/lines/0/description", "leave the member out");
}

TEST_CASE("validation: lists that may not be empty, and kinds that are not as they should be") {
  for (const auto body :
       {kSaleBody, kReturnBody, kStockAdjustmentBody, kStockCountBody, kStockTransferBody}) {
    check_fault(with(body, "lines", json::Array{}), "/lines", "at least one");
    check_fault(with(body, "lines", json::Object{}), "/lines", "array");
    check_fault(with(body, "lines", json::Array{1}), "/lines/0", "object");
  }
  CHECK_NOTHROW(accepted(with(kTillCloseBody, "tenders", json::Array{})));
  check_fault(with(kCustomerUpdateBody, "changes", json::Object{}), "/changes", "at least one");
  check_fault(with(kCustomerUpdateBody, "changes", "x"), "/changes");
  check_fault(with(kCustomerUpdateBody, "base", json::Array{}), "/base");
  check_fault(with(kCustomerUpdateBody, "customer", nullptr), "/customer");
  check_fault(with(kSaleBody, "extensions", nullptr), "/extensions");
  check_fault(with(kSaleBody, "prices_include_tax", "true"), "/prices_include_tax");
  check_fault(with(kStockTransferBody, "direction", "up"), "/direction", "\"in\" \"out\"");
}

TEST_CASE("validation: integers are integers in their range") {
  for (const char* number : {"0", "-1", "1.0", "1e3", "9007199254740992", "99999999999999999999"}) {
    check_fault(with(kReturnBody, "terminal_sequence", json::Number{number}), "/terminal_sequence");
  }
  CHECK_NOTHROW(accepted(with(kReturnBody, "terminal_sequence", json::Number{"9007199254740991"})));
  check_fault(with(kReturnBody, "terminal_sequence", "17"), "/terminal_sequence");
  CHECK_NOTHROW(accepted(with(kTillCloseBody, "documents", 0)));
  check_fault(with(kTillCloseBody, "documents", -1), "/documents");
}

TEST_CASE("validation: type, time, day and currency") {
  check_fault(with(kSaleBody, "type", "account_adjustment"), "/type", "\"till_close\"");
  check_fault(with(kSaleBody, "type", 1), "/type");
  check_fault(with(kSaleBody, "occurred_at", "2026-11-23T09:00:00"), "/occurred_at", "offset");
  check_fault(with(kSaleBody, "business_day", "2026-02-30"), "/business_day");
  check_fault(with(kSaleBody, "currency", "GBX"), "/currency", "ISO 4217");
  check_fault(with(kSaleBody, "currency", 826), "/currency");
  CHECK(accepted(with(kSaleBody, "currency", "EUR")).currency == "EUR");
  CHECK(accepted(with(kSaleBody, "currency", std::nullopt)).currency == "GBP");
}

TEST_CASE(
    "validation: the business day comes from the time, the zone and the cut-over where the till says none") {
  const auto day = [](const char* time) {
    return accepted(with(with(kSaleBody, "business_day", std::nullopt), "occurred_at", time))
        .business_day.text();
  };
  CHECK(day("2026-11-23T03:59:59Z") == "2026-11-22");
  CHECK(day("2026-07-01T04:00:00+01:00") == "2026-07-01");
  CHECK(day("2026-07-01T03:59:59+01:00") == "2026-06-30");
}

TEST_CASE("validation: a time whose business day could not be told back is refused at the door") {
  const std::string body = with(kSaleBody, "business_day", std::nullopt);
  check_fault(with(body, "occurred_at", "1700-01-01T01:00:00Z"), "/occurred_at");
  check_fault(with(body, "occurred_at", "2200-12-31T23:59:59-23:59"), "/occurred_at");
  CHECK(accepted(with(body, "occurred_at", "1700-01-01T12:00:00Z")).business_day.text() == "1700-01-01");
}

TEST_CASE("validation: a gtin has a right check digit") {
  CHECK_NOTHROW(accepted(sale({line({{"gtin", "4006381333931"}})})));
  check_fault(sale({line({{"gtin", "4006381333930"}})}), "/lines/0/gtin", "check digit");
  check_fault(sale({line({{"gtin", 96385074}})}), "/lines/0/gtin");
}

TEST_CASE("validation: a line's own amount is within one minor unit of its product") {
  const auto with_amount = [](const char* amount, const char* currency) {
    return sale({line({{"amount", amount}}, "0.333", "3.39")}, {{"currency", currency}});  // 1.12887
  };
  for (const char* amount : {"1.13", "1.12", "1.1388", "1.1289"})
    CHECK_NOTHROW(accepted(with_amount(amount, "GBP")));
  check_fault(with_amount("1.14", "GBP"), "/lines/0/amount", "1.12887");
  check_fault(with_amount("1.11", "GBP"), "/lines/0/amount", "1.11");
  CHECK_NOTHROW(accepted(with_amount("2", "JPY")));
  check_fault(with_amount("3", "JPY"), "/lines/0/amount");
}

TEST_CASE("validation: a total is the exact sum, or it rounded half up") {
  const auto total = [](const char* price, const char* sum) {
    return sale({line({}, "1", price)}, {{"total", sum}});
  };
  CHECK_NOTHROW(accepted(total("2.345", "2.345")));
  CHECK_NOTHROW(accepted(total("2.345", "2.35")));
  check_fault(total("2.345", "2.34"), "/total", "2.345");
  check_fault(total("2.50", "2.51"), "/total", "is 2.51, but the lines less discounts come to 2.50");
  check_fault(total("2.50", "-2.50"), "/total", "must not be negative");
  const json::Value taxed = line({{"taxes", parsed(R"([{"code":"S","amount":"2"}])")},
                                  {"discounts", parsed(R"([{"reason":"x","amount":"1"}])")}});
  CHECK_NOTHROW(accepted(sale({taxed}, {{"total", "9"}})));
  CHECK_NOTHROW(accepted(sale({taxed}, {{"total", "9"}, {"prices_include_tax", true}})));
  CHECK_NOTHROW(accepted(sale({taxed}, {{"total", "11"}, {"prices_include_tax", false}})));
  check_fault(sale({taxed}, {{"total", "9"}, {"prices_include_tax", false}}), "/total",
              "plus taxes, come to 11.00");
  check_fault(sale({line({{"discounts", parsed(R"([{"reason":"x","amount":"10.01"}])")}})}), "/lines",
              "-0.01");
}

TEST_CASE("validation: a sum that central could not tell back is refused at the door") {
  CHECK_NOTHROW(accepted(sale({line({}, "999999", "999999999.9999")})));
  check_fault(sale({line({}, "1000000.1", "999999999.9999")}), "/lines", "below 1000000000000000");
}

TEST_CASE("validation: tenders come to the total, or to the sum where there is none") {
  CHECK_NOTHROW(accepted(sale({line()}, {{"tenders", tenders({"20", "-10"})}})));
  CHECK_NOTHROW(accepted(sale({line()}, {{"tenders", tenders({"4.99", "5.01"})}, {"total", "10"}})));
  CHECK_NOTHROW(accepted(sale({line()}, {{"tenders", json::Array{}}, {"total", "10"}})));
  CHECK_NOTHROW(accepted(sale({line({}, "1", "2.345")}, {{"tenders", tenders({"2.35"})}})));
  CHECK_NOTHROW(accepted(sale({line({}, "1", "2.345")}, {{"tenders", tenders({"2.345"})}})));
  check_fault(sale({line({}, "1", "2.345")}, {{"tenders", tenders({"2.345"})}, {"total", "2.35"}}),
              "/tenders", "the total is 2.35");
  check_fault(sale({line()}, {{"tenders", tenders({"9.99"})}}), "/tenders", "the tenders come to 9.99");
}

TEST_CASE("validation: a return names its sale by id or receipt") {
  for (const char* original :
       {R"({"id":"1"})", R"({"receipt":"1"})", R"({"id":"1","receipt":"1","store":"0418"})"}) {
    CHECK_NOTHROW(accepted(with(kReturnBody, "original", parsed(original))));
  }
  check_fault(with(kReturnBody, "original", parsed(R"({"store":"0418"})")), "/original",
              "\"id\" or \"receipt\"");
  check_fault(with(kReturnBody, "original", "1"), "/original");
  check_fault(with(kReturnBody, "lines", json::Array{line({{"disposition", "burn"}}, "1", "3.06")}),
              "/lines/0/disposition");
}

TEST_CASE("validation: of very many faults a hundred places are named, the rest is counted") {
  json::Array lines(500, json::Value(json::Object{}));
  const Refusal refusal = refused(sale(lines));
  CHECK(refusal.faults.size() == kFaultsMax);
  CHECK(refusal.faults.back().detail == "and 1401 faults more");
  CHECK(refusal.detail.find("1500") != std::string::npos);
}

TEST_CASE("validation: free objects are kept as the till wrote them") {
  const Document document =
      accepted(with(kStockCountBody, "extensions", parsed(R"({ "b" : 1.50e2, "a" : [ null, 0.10 ] })")));
  CHECK(document.extensions == R"({"b":1.50e2,"a":[null,0.10]})");
}

TEST_CASE("I9: a card number anywhere in a body is found, and its digits are not repeated") {
  check_card_number(with(kSaleBody, "operator", kCard), "/operator");
  check_card_number(with(kSaleBody, "customer", kCard), "/customer");
  check_card_number(with(kSaleBody, "colour", kCard), "/colour");
  check_card_number(with(kSaleBody, "terminal", "4111111111111111"), "/terminal");
  check_card_number(with(kSaleBody, "extensions", parsed(R"({"a":[{"b":"x 4111-1111-1111-1111"}]})")),
                    "/extensions/a/0/b");
  check_card_number(with(kSaleBody, "extensions", parsed(R"({"a":4111111111111111})")), "/extensions/a");
  check_card_number(with(kCustomerUpdateBody, "changes", json::Object{{"note", kCard}}), "/changes/note");
  check_card_number(with(kCustomerUpdateBody, "base", json::Object{{"note", kCard}}), "/base/note");
  check_card_number(sale({line(), line({{"description", kCard}})}), "/lines/1/description");
  check_card_number(
      sale({line()},
           {{"tenders", parsed(R"([{"type":"card","amount":"10","reference":"4111111111111111"}])")}}),
      "/tenders/0/reference");
  check_card_number(R"(["4111111111111111"])", "/0");
  check_card_number(R"("4111111111111111")", "");
  check_card_number(R"({"type":"nonsense","x":"4111111111111111"})", "/x");
}

TEST_CASE("I9: a card number as a member's name is noted at the object around it") {
  check_card_number(
      with(kSaleBody, "extensions", parsed(R"({"a":{"4111111111111111":{"4111111111111111":1}}})")),
      "/extensions/a");
  check_card_number(with(kSaleBody, "4111111111111111", 1), "");
}

TEST_CASE("I9: where long numbers of another kind belong, none is seen") {
  const char* const digits = "4111111111111111";
  CHECK_NOTHROW(accepted(with(kSaleBody, "id", digits)));
  CHECK_NOTHROW(accepted(with(kReturnBody, "original", json::Object{{"id", digits}, {"receipt", digits}})));
  CHECK_NOTHROW(accepted(sale({json::Object{{"sku", digits}, {"quantity", 1}, {"unit_price", "1"}}})));
  CHECK_NOTHROW(
      accepted(with(kStockCountBody, "lines", json::Array{json::Object{{"sku", digits}, {"counted", 1}}})));
  // A GTIN-13 that passes Luhn and begins like a Visa number of 13 digits.
  CHECK_NOTHROW(accepted(sale({line({{"gtin", "4000000000006"}})})));
  CHECK_NOTHROW(accepted(with(kSaleBody, "extensions", parsed(R"({"ratio":0.4111111111111111})"))));
}

TEST_CASE("I9: the exemptions hold only where they belong") {
  const char* const digits = "4111111111111111";
  check_card_number(with(kSaleBody, "extensions", json::Object{{"id", digits}}), "/extensions/id");
  check_card_number(with(kSaleBody, "sku", digits), "/sku");
  check_card_number(with(kReturnBody, "original", json::Object{{"id", "1"}, {"store", digits}}),
                    "/original/store");
  check_card_number(sale({line({{"gtin", digits}})}), "/lines/0/gtin");
  check_card_number(sale({line({{"id", digits}})}), "/lines/0/id");
}

TEST_CASE("document id: letters, digits and four marks, 1 to 64 of them") {
  CHECK(is_document_id("aZ09._:-"));
  CHECK(is_document_id(std::string(64, 'x')));
  CHECK_FALSE(is_document_id(""));
  CHECK_FALSE(is_document_id(std::string(65, 'x')));
  CHECK_FALSE(is_document_id("a/b"));
  CHECK_FALSE(is_document_id("a b"));
}
