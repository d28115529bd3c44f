#include "platform/json/sorted.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "platform/json/json.h"

namespace tillsync::json {
namespace {

std::string normalized(const std::string& text) {
  const auto value = parse(text, {.depth_max = 64});
  REQUIRE_MESSAGE(value.has_value(), text);
  return dump_normalized(*value);
}

Value random_value(int depth) {
  switch (*rc::gen::inRange(0, depth == 0 ? 4 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<std::int64_t>();
    case 2:
      return *rc::gen::arbitrary<bool>();
    case 3:
      return *rc::gen::element<std::string>("", "a", "{\"x\":[", "\\", "\"", "},{", "\n", "é", "2.50", ",]:");
    case 4: {
      Array items;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) items.push_back(random_value(depth - 1));
      return items;
    }
    default: {
      Object members;
      for (const char* name : {"b", "a", "sku", "", "é", "aa", "{", "Z"}) {
        if (*rc::gen::inRange(0, 2) == 0) members.emplace_back(name, random_value(depth - 1));
      }
      return members;
    }
  }
}

TEST_CASE("sorted members: the same text as parsing and writing it normalized, whatever the nesting") {
  CHECK(rc::check([] {
    const std::string text = dump(random_value(5));
    const auto sorted = sorted_members(text);
    RC_ASSERT(sorted.has_value());
    RC_ASSERT(*sorted == normalized(text));
  }));
}

TEST_CASE("sorted members: names with escapes and broken texts are left to the parser") {
  for (const char* text : {R"({"a\"":1})", R"({"\u0061":1})", "", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":1",
                           "[1", "[1,", "{]", "{a:1}", "\"", "\"\\", "1,2", "{}}", "{\"a\":1,}", "[,]"}) {
    CAPTURE(text);
    CHECK_FALSE(sorted_members(text).has_value());
  }
  CHECK_FALSE(sorted_members(std::string(65, '[') + std::string(65, ']')).has_value());
  CHECK(sorted_members(std::string(64, '[') + std::string(64, ']')).has_value());
}

}  // namespace
}  // namespace tillsync::json
