#include "reconcile/matching/difference.h"

#include <doctest/doctest.h>

namespace tillsync {
namespace {

json::Value parsed(const std::string& text) {
  return *json::parse(text);
}

Differences compare(const std::string& journal, const std::string& central) {
  return compare_documents(parsed(journal), parsed(central));
}

TEST_CASE("difference: member order, trailing zeros and a number for a decimal string do not count") {
  CHECK(compare(R"({"a":"x","total":"2.50","lines":[{"quantity":"1"}]})",
                R"({"lines":[{"quantity":1.000}],"total":"2.5","a":"x"})")
            .empty());
}

TEST_CASE("difference: a text that looks like a decimal is compared as text where the model says text") {
  CHECK(compare(R"({"sku":"1.0"})", R"({"sku":"1.00"})").list.size() == 1);
  CHECK(compare(R"({"extensions":{"total":"1.0"}})", R"({"extensions":{"total":"1.00"}})").list.size() == 1);
}

TEST_CASE("difference: each differing member is named by its pointer, with both values") {
  const auto found = compare(R"({"lines":[{"sku":"A","unit_price":"1.00"}],"total":"1.00"})",
                             R"({"lines":[{"sku":"B","unit_price":"1.01"}],"total":"1.01"})");
  REQUIRE(found.list.size() == 3);
  CHECK(found.list[0] == Difference{"/lines/0/sku", "A", "B"});
  CHECK(found.list[1] == Difference{"/lines/0/unit_price", "1.00", "1.01"});
  CHECK(found.list[2] == Difference{"/total", "1.00", "1.01"});
}

TEST_CASE("difference: a member on one side only has null on the other; null is absent") {
  const auto found = compare(R"({"a":"1","c":null})", R"({"b/~":"2"})");
  REQUIRE(found.list.size() == 2);
  CHECK(found.list[0] == Difference{"/a", "1", nullptr});
  CHECK(found.list[1] == Difference{"/b~1~0", nullptr, "2"});
}

TEST_CASE("difference: the first extra element of a longer array stands for the rest, on either side") {
  const auto more = compare(R"({"lines":[1]})", R"({"lines":[1,2,3]})");
  REQUIRE(more.list.size() == 1);
  CHECK(more.list[0] == Difference{"/lines/1", nullptr, 2});
  const auto fewer = compare(R"({"lines":[1,2,3]})", R"({"lines":[]})");
  REQUIRE(fewer.list.size() == 1);
  CHECK(fewer.list[0] == Difference{"/lines/0", 1, nullptr});
}

TEST_CASE("difference: a document that differs everywhere is cut at its limit and says how many more (I8)") {
  std::string a = "{\"x\":0";
  for (int i = 0; i < 40; ++i) a += ",\"m" + std::to_string(i) + "\":1";
  const auto found = compare(a + "}", "{\"x\":0}");
  CHECK(found.list.size() == kDifferencesMax);
  CHECK(found.more == 8);
}

TEST_CASE("difference: a long value is cut between characters") {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "\u00e9";
  const auto found = compare_documents(json::Object{{"a", text}}, json::Object{});
  REQUIRE(found.list.size() == 1);
  const std::string& kept = *found.list[0].journal.as_string();
  CHECK(kept.size() < kDifferenceValueBytesMax + 40);
  CHECK(kept.ends_with("(6002 bytes)"));
  CHECK(json::parse(json::dump(kept)).has_value());
}

TEST_CASE("difference: stored differences come back the same; bad text gives none") {
  Differences some{{{"/a/0", json::Number{"1.50"}, nullptr}, {"", json::Object{{"k", true}}, "v"}}, 3};
  CHECK(decode_differences(encode_differences(some)) == some);
  CHECK(decode_differences("").empty());
  CHECK(decode_differences(R"({"list":[["/a",1]]})").empty());
}

}  // namespace
}  // namespace tillsync
