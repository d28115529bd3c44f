#include "reconcile/conflicts/prices.h"

#include "tests/unit/reconcile/store.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

CentralPrice price(const std::string& text) {
  const auto read = price_of(*json::parse(text));
  REQUIRE(read.has_value());
  return *read;
}

PriceCase sold_at(const Document& content, const std::string& now) {
  return {Sequence{5}, content, 0, "erp", price(R"({"price":"2.50","currency":"GBP"})"), price(now), "v2"};
}

const ConflictPolicies& policies() {
  static const ConflictPolicies kDefaults{ConflictSettings{}};
  return kDefaults;
}

}  // namespace

TEST_CASE("prices: sold at the old price after central's new one was in force: a variance, with its amount") {
  const auto content =
      document("A1", R"("type":"sale","lines":[{"sku":"S1","quantity":"3","unit_price":"2.50"}])");
  const auto found = review_price(
      sold_at(content, R"({"price":"2.75","currency":"GBP","valid_from":"2026-11-23T12:00:00Z"})"),
      policies());
  REQUIRE(found.has_value());
  CHECK(found->kind == "price-changed");
  CHECK(found->store.text_of("variance") == "-0.75");
  CHECK(found->decision == "flagged");
  CHECK(!review_price(
             sold_at(content, R"({"price":"2.75","currency":"GBP","valid_from":"2026-11-23T12:00:01Z"})"),
             policies())
             .has_value());
}

TEST_CASE(
    "prices: without a date what was sold at the price before is told, another price is the till's own") {
  const auto old_price = sale("A1", "2.50");
  CHECK(review_price(sold_at(old_price, R"({"price":"2.75","currency":"GBP"})"), policies()).has_value());
  const auto own_price = sale("A1", "2.00");
  CHECK(!review_price(sold_at(own_price, R"({"price":"2.75","currency":"GBP"})"), policies()).has_value());
  const auto new_price = sale("A1", "2.75");
  CHECK(!review_price(sold_at(new_price, R"({"price":"2.75","currency":"GBP"})"), policies()).has_value());
  CHECK(!review_price(sold_at(old_price, R"({"price":"2.75","currency":"EUR"})"), policies()).has_value());
}

TEST_CASE("prices: what cannot be read is no price") {
  for (const auto* text :
       {"{}", R"({"price":2.5})", R"({"price":"x"})", R"({"price":"1","valid_from":"soon"})"})
    CHECK(!price_of(*json::parse(text)).has_value());
}
