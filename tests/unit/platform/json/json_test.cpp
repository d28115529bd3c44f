#include "platform/json/json.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <chrono>

using namespace tillsync;
using json::Value;

namespace {
Value parsed(std::string_view text) {
  return json::parse(text).value();
}
std::string round_trip(std::string_view text) {
  return json::dump(parsed(text));
}
std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

rc::Gen<std::string> texts() {
  // UTF-8 from code points of every length, the awkward ones often.
  const auto unit = rc::gen::weightedElement<std::string>({{10, "a"},
                                                           {3, "\""},
                                                           {3, "\\"},
                                                           {3, "/"},
                                                           {2, std::string(1, '\0')},
                                                           {2, "\n"},
                                                           {2, "\x1f"},
                                                           {2, "\x7f"},
                                                           {2, "é"},
                                                           {2, "€"},
                                                           {2, "\xf0\x9f\x98\x80"},
                                                           {1, "\xe2\x80\xa8"}});
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(unit),
                      [](const std::vector<std::string>& units) {
                        std::string text;
                        for (const std::string& one : units) text += one;
                        return text;
                      });
}

Value arbitrary_value(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 6 : 4)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return json::Number{*rc::gen::element<std::string>("0", "-0", "1.50", "-2e10", "3E-7",
                                                         "123456789012345678901234567890", "0.000",
                                                         "18446744073709551615", "1.7976931348623157e308")};
    case 3:
      return *texts();
    case 4: {
      json::Array items(static_cast<std::size_t>(*rc::gen::inRange(0, 5)));
      for (Value& item : items) item = arbitrary_value(depth - 1);
      return items;
    }
    default: {
      json::Object members;
      for (const std::string& name : *rc::gen::unique<std::vector<std::string>>(texts())) {
        members.emplace_back(name, arbitrary_value(depth - 1));
      }
      return members;
    }
  }
}

std::string refusal(std::string_view text, const json::ParseLimits& limits = {}) {
  const auto result = json::parse(text, limits);
  REQUIRE(result.has_error());
  CHECK(result.error().kind == ErrorKind::kInvalid);
  CHECK(result.error().detail.find("byte ") != std::string::npos);
  return result.error().detail;
}
}  // namespace

TEST_CASE("json: every number keeps the digits it was written with") {
  for (const char* number :
       {"0", "-0", "1", "2.50", "-1e3", "1E+05", "0.1000000000000000055511151231257827", "1e400", "-0.0",
        "9223372036854775807", "9223372036854775808", "18446744073709551616", "1.7976931348623157e308",
        "123456789012345678901234567890.123456789", "0.00000000000000000000000000000000001e-10"}) {
    CAPTURE(number);
    CHECK(parsed(number).as_number()->text == number);
    CHECK(round_trip(std::string("[") + number + ",{\"a\":" + number + "}]") ==
          std::string("[") + number + ",{\"a\":" + number + "}]");
  }
}

TEST_CASE("json: escapes are undone, and only what must be is escaped again") {
  CHECK(*parsed(R"("\u0041\n\/\"\\\u00e9\ud83d\ude00")").as_string() == "A\n/\"\\é\xf0\x9f\x98\x80");
  CHECK(round_trip(R"("\u0041\/\u00e9\u007f")") == "\"A/é\x7f\"");
  CHECK(round_trip(R"("\b\f\n\r\t\u0000\u001f\"\\")") == R"("\b\f\n\r\t\u0000\u001f\"\\")");
  CHECK(round_trip(R"({"a\u0062\n":1})") == R"({"ab\n":1})");
}

TEST_CASE("json: members stay in their order, white space goes") {
  CHECK(round_trip(" { \"b\" : [ 1 , true , null ] ,\r\n\t\"a\" : { } , \"c\":[ ] } ") ==
        R"({"b":[1,true,null],"a":{},"c":[]})");
}

TEST_CASE("json: what is no JSON is refused, and the byte is named") {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[1,",
                           "[1,]",
                           "{\"a\":1,}",
                           "{a:1}",
                           "'a'",
                           "01",
                           "1.",
                           ".5",
                           "+1",
                           "1e",
                           "--1",
                           "NaN",
                           "nul",
                           "truee",
                           "\"a",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\n\"",
                           "// c\n1",
                           "/* c */1",
                           "[1 2]",
                           "\xef\xbb\xbf{}",
                           "{\"a\" 1}",
                           "{1:1}",
                           "]",
                           "\"\\ud83d\"",
                           "\"\\ud83dx\"",
                           "\"\\ude00\"",
                           "\"\xff\"",
                           "\"\xc0\xaf\"",
                           "\"\xed\xa0\x80\"",
                           "\"\xf4\x90\x80\x80\"",
                           "\"\xe2\x82\""}) {
    CAPTURE(text);
    refusal(text);
  }
  CHECK(refusal("[1,2,x]").find("byte 5") != std::string::npos);
  CHECK(refusal("{} {}").find("byte 3") != std::string::npos);
  CHECK(refusal("[1").find("too early") != std::string::npos);
}

TEST_CASE("json: a NUL byte behind the value is no white space") {
  refusal(std::string_view("{}\0", 3));
}

TEST_CASE("json: a member that stands twice is refused at any depth, escaped or not") {
  CHECK(refusal(R"({"a":1,"b":2,"a":1})").find("\"a\"") != std::string::npos);
  refusal(R"([{"x":{"a":1,"\u0061":1}}])");
  CHECK(refusal(R"({"4111111111111111":1,"4111111111111111":1})").find("4111") == std::string::npos);
  CHECK(parsed(R"({"a":{"a":1},"b":{"a":2}})").as_object()->size() == 2);
}

TEST_CASE("json: a large object is searched for duplicates in good time") {
  const auto object = [](int members, const char* last) {
    std::string text = "{";
    for (int i = 0; i < members; ++i) text += "\"member" + std::to_string(i) + "\":0,";
    return text + "\"" + last + "\":0}";
  };
  const auto begin = std::chrono::steady_clock::now();
  CHECK(parsed(object(100'000, "z")).as_object()->size() == 100'001);
  refusal(object(100'000, "member7"));
  CHECK(std::chrono::steady_clock::now() - begin <
        std::chrono::seconds(2));  // pair by pair it takes a minute
  for (const int members : {15, 16, 17}) {
    CHECK(parsed(object(members, "z")).find("z") != nullptr);
    refusal(object(members, "member0"));
  }
}

TEST_CASE("json: nesting up to the limit is taken, deeper is refused without recursion") {
  CHECK(json::parse(nested(32)).has_value());
  CHECK(refusal(nested(33)).find("deeper than 32") != std::string::npos);
  refusal(nested(10'000));
  refusal(std::string(1'000'000, '['));
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += "{\"a\":";
  refusal(objects);
  CHECK(json::parse("[[]]", {.depth_max = 2}).has_value());
  CHECK(json::parse("[[[]]]", {.depth_max = 2}).has_error());
  CHECK(json::parse("7", {.depth_max = 0}).has_value());
}

TEST_CASE("json: what is written is read back as it was") {
  CHECK(rc::check("parse(dump) is the identity", [] {
    const Value value = arbitrary_value(4);
    RC_ASSERT(json::parse(json::dump(value)).value() == value);
  }));
}

TEST_CASE("json: no bytes at all make the parser fall over") {
  CHECK(rc::check("hostile bytes", [] {
    std::string text = json::dump(arbitrary_value(3));
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    text[at] = *rc::gen::arbitrary<char>();
    const auto result = json::parse(text);
    if (result.has_value()) RC_ASSERT(json::parse(json::dump(*result)).value() == *result);
  }));
}

TEST_CASE("json: a text cut anywhere is refused") {
  const std::string text = R"({"a":[1.5,"b\u00e9",{"c":null}],"d":true})";
  for (std::size_t length = 0; length < text.size(); ++length) refusal(text.substr(0, length));
}

TEST_CASE("json: equality regards the order of members") {
  CHECK(parsed(R"({"a":1,"b":2})") == parsed(R"({"a":1, "b":2})"));
  CHECK(parsed(R"({"a":1,"b":2})") != parsed(R"({"b":2,"a":1})"));
  CHECK(parsed("1") != parsed("\"1\""));
}

TEST_CASE("json: normalized text is the same for the same content") {
  const auto normalized = [](std::string_view text) { return json::dump_normalized(parsed(text)); };
  CHECK(normalized(R"({"b":[{"z":1,"y":2.50}],"a":null})") == R"({"a":null,"b":[{"y":2.5,"z":1}]})");
  CHECK(normalized("2.000") == "2");
  CHECK(normalized("200") == "200");
  CHECK(normalized("10.0") == "10");
  CHECK(normalized("1.50e10") == "1.50e10");
  CHECK(normalized("\"2.50\"") == "\"2.50\"");
  CHECK(normalized("[2,1]") == "[2,1]");
}

TEST_CASE("json: values are found by name, and kinds that differ give the default") {
  const Value value = parsed(R"({"s":"text","i":42,"f":1.5,"big":99999999999999999999,"n":null})");
  CHECK(value.text_of("s") == "text");
  CHECK(value.text_of("i").empty());
  CHECK(value.integer_of("i") == 42);
  CHECK(value.integer_of("f", -1) == -1);
  CHECK(value.integer_of("big", -1) == -1);
  CHECK(value.integer_of("none", 7) == 7);
  CHECK(value.find("n")->is_null());
  CHECK(value.find("x") == nullptr);
  CHECK(Value(1).find("x") == nullptr);
  CHECK(value.kind_name() == "object");
  CHECK(parsed("[null,true,1,\"\",[]]").as_array()->at(1).kind_name() == "boolean");
}

TEST_CASE("json: a pointer's token escapes tilde and slash") {
  CHECK(json::pointer_token("a/b~c") == "a~1b~0c");
}
