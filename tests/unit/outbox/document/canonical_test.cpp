#include "outbox/document/canonical.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/outbox/document/samples.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

std::string digest_of(std::string_view body) {
  return to_hex(content_digest(accepted(body)));
}

/// The same content with the members of every object in another order.
json::Value shuffled(const json::Value& value) {
  if (const auto* array = value.as_array()) {
    json::Array items;
    for (const auto& item : *array) items.push_back(shuffled(item));
    return items;
  }
  const auto* object = value.as_object();
  if (object == nullptr) return value;
  json::Object members;
  for (const auto& [name, member] : *object) {
    members.insert(members.begin() +
                       *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(members.size()) + 1),
                   {name, shuffled(member)});
  }
  return members;
}

/// The same JSON with blanks where they may be.
void spread(std::string& out, const json::Value& value) {
  if (const auto* array = value.as_array()) {
    out += "[ ";
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i > 0) out += "\n,\t";
      spread(out, (*array)[i]);
    }
    out += " ]\r\n";
  } else if (const auto* object = value.as_object()) {
    out += "{\n";
    for (std::size_t i = 0; i < object->size(); ++i) {
      if (i > 0) out += " , ";
      json::quote_to(out, (*object)[i].first);
      out += " : ";
      spread(out, (*object)[i].second);
    }
    out += "}";
  } else {
    json::dump_to(out, value);
  }
}

}  // namespace

TEST_CASE("canonical form: a full sale, in the model's order") {
  CHECK(
      canonical_json(accepted(kSaleBody)) ==
      R"({"id":"0417-T1-000017","type":"sale","terminal":"T1","terminal_sequence":17,"occurred_at":"2026-11-23T09:15:00.25Z",)"
      R"("business_day":"2026-11-23","currency":"GBP","operator":"Ann","customer":"C-100","correlation_id":"b7:1",)"
      R"("lines":[{"sku":"85123A","gtin":"4006381333931","description":"T-LIGHT HOLDER","quantity":"6","unit_price":"2.55",)"
      R"("discounts":[{"reason":"staff","amount":"1.30"}],"taxes":[{"code":"S","amount":"2.33"}]},)"
      R"({"sku":"71053","quantity":"0.333","unit_price":"3.39","amount":"1.13"}],)"
      R"("tenders":[{"type":"cash","amount":"20.00"},{"type":"change","amount":"-4.87","reference":"drawer 1"}],)"
      R"("total":"15.13","prices_include_tax":true,"extensions":{"b":[1.50,{"z":null}],"a":"x"}})");
}

TEST_CASE("canonical form: every other type, defaults filled in") {
  CHECK(
      canonical_json(accepted(kReturnBody)) ==
      R"({"id":"R1","type":"return","terminal":"T2","occurred_at":"2026-07-01T00:30:00+01:00","business_day":"2026-06-30",)"
      R"("currency":"GBP","lines":[{"sku":"85123A","quantity":"1","unit_price":"2.55","taxes":[{"code":"S","amount":"0.51"}],)"
      R"("disposition":"resell"}],"tenders":[{"type":"card","amount":"3.06"}],"prices_include_tax":false,)"
      R"("original":{"id":"0417-T1-000017","receipt":"4111111111111111","store":"0417"}})");
  CHECK(
      canonical_json(accepted(kStockAdjustmentBody)) ==
      R"({"id":"A1","type":"stock_adjustment","terminal":"T1","occurred_at":"2026-11-23T09:15:00Z","business_day":"2026-11-23",)"
      R"("currency":"GBP","lines":[{"sku":"1","quantity_delta":"-2.5"},{"sku":"1","description":"CUP","quantity_delta":"3","unit_price":"0.00"}],"reason":"broken"})");
  CHECK(canonical_json(accepted(kStockCountBody))
            .ends_with(R"("lines":[{"sku":"1","counted":"0"},{"sku":"2","counted":"17.125"}]})"));
  CHECK(
      canonical_json(accepted(kStockTransferBody))
          .ends_with(
              R"("currency":"GBP","direction":"out","other_store":"0418","lines":[{"sku":"1","quantity":"4"}]})"));
  CHECK(
      canonical_json(accepted(kCustomerUpdateBody))
          .ends_with(
              R"("customer":"C-100","changes":{"email":"a@example.com","points":1.5},"base":{"email":null}})"));
  CHECK(
      canonical_json(accepted(kTillCloseBody)) ==
      R"({"id":"Z1","type":"till_close","terminal":"T1","occurred_at":"2026-11-23T22:00:00-05:00","business_day":"2026-11-23",)"
      R"("currency":"GBP","tenders":[{"type":"cash","amount":"1034.10"}],"documents":212})");
}

TEST_CASE("canonical form: amounts have the decimals of their currency") {
  const auto in = [](const char* currency, const char* price) {
    return canonical_json(accepted(
        std::string(
            R"({"id":"1","type":"sale","terminal":"T","occurred_at":"2026-11-23T09:00:00Z","currency":")") +
        currency + R"(","lines":[{"sku":"1","quantity":"2.500","unit_price":")" + price + R"("}]})"));
  };
  CHECK(in("GBP", "2.5").find(R"("quantity":"2.5","unit_price":"2.50")") != std::string::npos);
  CHECK(in("GBP", "0.0010").find(R"("unit_price":"0.001")") != std::string::npos);
  CHECK(in("JPY", "250.0").find(R"("unit_price":"250")") != std::string::npos);
  CHECK(in("BHD", "1").find(R"("unit_price":"1.000")") != std::string::npos);
}

TEST_CASE(
    "canonical form: a null customer and empty lists are left out, an empty till_close keeps its list") {
  CHECK(digest_of(with(kReturnBody, "customer", nullptr)) == digest_of(kReturnBody));
  CHECK(digest_of(with(kReturnBody, "tenders", json::Array{})) ==
        digest_of(with(kReturnBody, "tenders", std::nullopt)));
  CHECK(canonical_json(accepted(with(kTillCloseBody, "tenders", json::Array{}))).find(R"("tenders":[])") !=
        std::string::npos);
}

TEST_CASE("content digest: what changes the content changes the digest") {
  const std::string digest = digest_of(kSaleBody);
  CHECK(digest_of(with(kSaleBody, "extensions",
                       json::Object{{"a", "x"}, {"b", parsed(R"([1.5,{"z":null}])")}})) == digest);
  CHECK(digest_of(with(kSaleBody, "extensions",
                       json::Object{{"a", "x"}, {"b", parsed(R"([1.51,{"z":null}])")}})) != digest);
  CHECK(digest_of(with(kSaleBody, "operator", "Bob")) != digest);
  CHECK(digest_of(with(kSaleBody, "operator", std::nullopt)) != digest);
  CHECK(digest_of(with(kSaleBody, "total", std::nullopt)) != digest);
  CHECK(digest_of(with(kSaleBody, "occurred_at", "2026-11-23T10:15:00.25+01:00")) != digest);
  CHECK(digest_of(with(kStockCountBody, "lines",
                       parsed(R"([{"sku":"2","counted":"17.125"},{"sku":"1","counted":"0"}])"))) !=
        digest_of(kStockCountBody));
}

TEST_CASE("canonical form: is a fixed point") {
  CHECK(rc::check("parse(canonical(d)) == d", [] {
    const Document document = accepted(json::dump(random::body()));
    const Document again = accepted(canonical_json(document));
    RC_ASSERT(again == document);
    RC_ASSERT(canonical_json(again) == canonical_json(document));
    RC_ASSERT(content_digest(again) == content_digest(document));
  }));
}

TEST_CASE("content digest: order of members and white space do not count") {
  CHECK(rc::check("shuffled and spread bodies have one digest", [] {
    const json::Value body = random::body();
    std::string other;
    spread(other, shuffled(body));
    RC_ASSERT(digest_of(other) == digest_of(json::dump(body)));
  }));
}

TEST_CASE("content digest: needless zeros do not count") {
  const auto body = [](const char* price, const char* quantity) {
    return with(with(kReturnBody, "tenders", std::nullopt), "lines",
                json::Array{json::Object{{"sku", "1"}, {"unit_price", price}, {"quantity", quantity}}});
  };
  CHECK(digest_of(body("2.5", "1")) == digest_of(body("2.50", "1.000")));
  CHECK(digest_of(body("2.5", "1")) != digest_of(body("2.51", "1")));
}
