#include "platform/json/cut.h"

#include <doctest/doctest.h>

using namespace tillsync;
using json::cut_objects;

TEST_CASE(
    "json cut: objects of that name and depth are cut out as they were written, and found by their marks") {
  const std::string text =
      R"({"rows":[{"id":1,"doc" : {"a":"}\"{","b":[{}]} },{"doc":null},{"doc":{}}],"doc":{"x":1}})";
  const auto cut = cut_objects(text, "doc", 3);
  REQUIRE(cut.objects.size() == 2);
  CHECK(cut.objects[0] == R"({"a":"}\"{","b":[{}]})");
  CHECK(cut.objects[1] == "{}");
  const auto rest = json::parse(cut.text);
  REQUIRE(rest.has_value());
  const auto& rows = *rest->find("rows")->as_array();
  CHECK(json::object_at(cut, *rows[0].find("doc")) == cut.objects[0]);
  CHECK_FALSE(json::object_at(cut, *rows[1].find("doc")).has_value());
  CHECK(json::object_at(cut, *rows[2].find("doc")) == cut.objects[1]);
  CHECK(json::dump(*rest->find("doc")) == R"({"x":1})");
}

TEST_CASE("json cut: a text that is no JSON is none afterwards either") {
  for (const char* text : {R"({"rows":[{"doc":{"a":1})", R"({"rows":[{"doc":{"a":"1}]})",
                           R"([[{"doc":{}}]]])", R"({"rows":[{"doc":{}{}}]})",
                           R"({"rows":[{"doc":{},"doc":{}}]})", "\"", "{\"rows\":[{\"doc\":\\{}}]}"}) {
    CAPTURE(text);
    CHECK_FALSE(json::parse(cut_objects(text, "doc", 3).text).has_value());
  }
}

TEST_CASE("json cut: names in escapes stay, and a false mark points nowhere but into the text itself") {
  const auto cut = cut_objects(R"({"rows":[{"do\u0063":{"":7}}]})", "doc", 3);
  CHECK(cut.objects.empty());
  const auto rest = json::parse(cut.text);
  REQUIRE(rest.has_value());
  CHECK_FALSE(json::object_at(cut, *rest->find("rows")->as_array()->front().find("doc")).has_value());
}
