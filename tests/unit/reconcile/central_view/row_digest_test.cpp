#include "reconcile/central_view/row_digest.h"

#include "outbox/document/sorted_form.h"
#include "reconcile/central_view/sent_rows.h"
#include "tests/unit/reconcile/store.h"

namespace tillsync {
namespace {

using namespace testing;

TEST_CASE("row digest: what Python's hashlib and json make of the same rows by the profile's rule") {
  const Document sold = document(
      "S-1",
      R"("type":"sale","lines":[{"sku":"S1","quantity":"1","unit_price":"2.50","description":"Café \"x\"\n"}],)"
      R"("total":"2.50","extensions":{"b":1.50,"a":[]})");
  CHECK(
      sorted_json(sold) ==
      R"({"business_day":"2026-11-23","currency":"GBP","extensions":{"a":[],"b":1.5},"id":"S-1",)"
      R"("lines":[{"description":"Café \"x\"\n","quantity":"1","sku":"S1","unit_price":"2.50"}],)"
      R"("occurred_at":"2026-11-23T12:00:00Z","prices_include_tax":true,"terminal":"T1","total":"2.50","type":"sale"})");
  CHECK(row_digest("0417/S-1", "erp", "2.5", "GBP", sorted_json(sold)) ==
        RowDigest{0x6ec03adc1fb38e1d, {481147252, 1388171063, 1705196983, 1673184552}});
  const Document counted = document("C-1", R"("type":"stock_count","lines":[{"sku":"S1","counted":"4"}])");
  CHECK(row_digest("0417/C-1", "erp", "", "", sorted_json(counted)) ==
        RowDigest{0x8a92e9a71df52707, {2528643947, 3577376502, 1722841375, 1089105110}});
  CHECK(row_key("0417/S-1", "erp") == 0x6ec03adc1fb38e1d);
}

TEST_CASE("row digest: every part of a row is in its hash, and only what names it is in its key") {
  const RowDigest row = row_digest("0417/S-1", "erp", "2.5", "GBP", "{}");
  for (const RowDigest& other :
       {row_digest("0417/S-1", "erp", "2.6", "GBP", "{}"), row_digest("0417/S-1", "erp", "2.5", "EUR", "{}"),
        row_digest("0417/S-1", "erp", "2.5", "GBP", "{\"a\":1}")}) {
    CHECK(other.key == row.key);
    CHECK(other.words != row.words);
  }
  CHECK(row_digest("0417/S-2", "erp", "2.5", "GBP", "{}").key != row.key);
  CHECK(row_digest("0417/S-1", "crm", "2.5", "GBP", "{}").key != row.key);
}

TEST_CASE("range sum: order does not count, a row that is there twice does") {
  const RowDigest a = row_digest("0417/A", "erp", "1", "GBP", "{}"),
                  b = row_digest("0417/B", "erp", "1", "GBP", "{}");
  RangeSum ab, ba, aabb;
  ab.add(a);
  ab.add(b);
  ba.add(b);
  ba.add(a);
  CHECK(ab == ba);
  for (const auto& row : {a, a, b, b}) aabb.add(row);
  CHECK(aabb != ab);
  RangeSum twice = ab;
  twice += ba;
  CHECK(twice == aabb);
}

TEST_CASE("key prefix: parts tile their range, from all keys down to the longest prefix") {
  KeyPrefix range;
  CHECK(range.first() == 0);
  CHECK(range.last() == ~std::uint64_t{0});
  SeededRandom random(11);
  while (range.digits() < KeyPrefix::kDigitsMax) {
    std::uint64_t at = range.first();
    for (int digit = 0; digit < KeyPrefix::kParts; ++digit) {
      const KeyPrefix part = range.part(digit);
      CHECK(part.first() == at);
      CHECK(part.parent() == range);
      CHECK(KeyPrefix::parse(part.text()) == part);
      CHECK(part.text().size() == static_cast<std::size_t>(part.digits()));
      if (digit + 1 == KeyPrefix::kParts) CHECK(part.last() == range.last());
      at = part.last() + 1;
    }
    range = range.part(static_cast<int>(random.below(KeyPrefix::kParts)));
  }
  CHECK(KeyPrefix::parse("6ec")->contains(0x6ec03adc1fb38e1d));
  CHECK_FALSE(KeyPrefix::parse("6ed")->contains(0x6ec03adc1fb38e1d));
  for (const char* bad : {"G", "A", "0123456789abc", "-", " "}) CHECK_FALSE(KeyPrefix::parse(bad));
}

TEST_CASE(
    "sent rows: any tiling of the keys adds up to all of them, and what is outside of ranges is visited") {
  std::deque<Document> documents;
  std::deque<SentContent> contents;
  SentRows rows("0417");
  for (int i = 0; i < 300; ++i) {
    documents.push_back(sale("D" + std::to_string(i), std::to_string(i) + ".00"));
    contents.push_back({Sequence{i + 1}, DocumentType::kSale, content_digest(documents.back())});
    rows.add(documents.back().id, contents.back(), "erp", documents.back());
  }
  rows.seal();
  RangeSum whole;
  std::vector<KeyPrefix> even;
  for (int digit = 0; digit < KeyPrefix::kParts; ++digit) {
    whole += rows.sum(KeyPrefix().part(digit));
    if (digit % 2 == 0) even.push_back(KeyPrefix().part(digit));
  }
  CHECK(whole == rows.sum(KeyPrefix()));
  CHECK(whole.count == 300);
  std::vector<SeenRow> outside;
  REQUIRE(rows.for_each_outside(even, [&](SeenRow row) -> Result<void> {
    outside.push_back(std::move(row));
    return ok();
  }));
  CHECK(outside.size() > 100);
  CHECK(outside.size() < 200);
  Sequence before;
  for (const SeenRow& row : outside) {
    CHECK_FALSE(is_in(even, row_key(row.reference, row.step)));
    REQUIRE(row.same_as);
    CHECK(*row.same_as > before);  // journal order
    before = *row.same_as;
    CHECK(row.total == std::to_string(before.value - 1) + ".00");
    CHECK(row.currency == "GBP");
    CHECK(row.type == "sale");
    CHECK(row.digest == contents[static_cast<std::size_t>(before.value - 1)].digest);
  }
}

}  // namespace
}  // namespace tillsync
