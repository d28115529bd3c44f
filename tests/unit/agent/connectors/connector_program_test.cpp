// What request_program() makes, run by jq itself.
#include <doctest/doctest.h>

#include "agent/connectors/mapped/connector.h"
#include "platform/jq/mapper.h"

using namespace tillsync;

namespace {

/// The request of a file whose request has these keys.
RequestSpec request_of(const std::string& keys) {
  LoadedConnector loaded = parse_connector(
      "format = 1\nsafe_to_resend = \"it upserts\"\n[[submit]]\ntypes = [\"sale\"]\n[[submit.requests]]\n" +
          keys,
      "t.toml");
  for (const auto& mistake : loaded.mistakes) FAIL_CHECK(mistake.text());
  REQUIRE(loaded.mistakes.empty());
  return loaded.connector.submit[0].requests[0];
}

jq::Mapper& mapper() {
  static jq::Mapper it({TILLSYNC_PROGRAM, "jq-worker"});
  return it;
}

constexpr const char* kInput =
    R"({"delivery":{"reference":"0417/T1-1 ü?&"},"captured":{"id":7,"none":null,"list":[1],"object":{},"yes":true,)"
    R"("lines":"a\r\nX: b","quote":"\"}"}})";

/// The program's output, or "CODE: DETAIL".
std::string made(const std::string& keys) {
  const auto output = mapper().run_and_wait(request_program(Connector{}, request_of(keys)), kInput);
  return output ? *output : output.error().code + ": " + output.error().detail;
}

std::string path_of(const std::string& path) {
  const std::string output = made("path = '''" + path + "'''\n");
  const std::string before = R"({"when":true,"path":")", behind = R"(","headers":[],"body":null})";
  if (!output.starts_with(before) || !output.ends_with(behind)) return output;
  return output.substr(before.size(), output.size() - before.size() - behind.size());
}

std::string header_of(const std::string& value) {
  const std::string output = made("path = '/'\nheaders = {X-Key = '''" + value + "'''}\n");
  const std::string before = R"({"when":true,"path":"/","headers":[["X-Key",")",
                    behind = R"("]],"body":null})";
  if (!output.starts_with(before) || !output.ends_with(behind)) return output;
  return output.substr(before.size(), output.size() - before.size() - behind.size());
}

}  // namespace

TEST_CASE("request program: path, headers and body of one input") {
  CHECK(
      made(R"(path = "/sales/{.captured.id}"
headers = {A = "x {.delivery.reference}", B = "plain"}
body = '{a: .captured.id, b: "c"}'
)") ==
      R"({"when":true,"path":"/sales/7","headers":[["A","x 0417/T1-1 ü?&"],["B","plain"]],"body":{"a":7,"b":"c"}})");
  CHECK(made("path = '/'\nbody = 'null'\n") == R"({"when":true,"path":"/","headers":[],"body":null})");
}

TEST_CASE("request program: what expressions give is percent-encoded in a path, and nowhere else") {
  CHECK(path_of("/a?b=c&d=%20") == "/a?b=c&d=%20");
  CHECK(path_of("/{.delivery.reference}") == "/0417%2FT1-1%20%C3%BC%3F%26");
  CHECK(path_of("/{.captured.id}{.captured.yes}/{ {a: \"}\"}.a }") == "/7true/%7D");
  CHECK(path_of("/{.captured | .id, .yes | select(. == 7)}") == "/7");
  CHECK(path_of("/{.captured.none // \"1\"}") == "/1");
  CHECK(header_of("{.delivery.reference}{{}}") == "0417/T1-1 ü?&{}");
  CHECK(header_of("\\(1) \"{.captured.quote}") == R"(\\(1) \"\"})");
}

TEST_CASE("request program: a missing value ends it, and never stands in a path or header as a word") {
  CHECK(path_of("/{.captured.none}") == "jq-failed: path: .captured.none gives null");
  CHECK(path_of("/{.captured.nothing}") == "jq-failed: path: .captured.nothing gives null");
  CHECK(path_of("/{.captured.list}") == "jq-failed: path: .captured.list gives array");
  CHECK(path_of("/{.captured\n  .object}") == "jq-failed: path: .captured .object gives object");
  CHECK(header_of("{.captured.none}") == "jq-failed: header X-Key: .captured.none gives null");
  CHECK(header_of("{.captured.lines}") ==
        "jq-failed: header X-Key has a line end or another control character");
  CHECK(path_of("/{empty}").starts_with("jq-failed: "));
  CHECK(path_of("/{1, 2}").starts_with("jq-failed: "));
}

TEST_CASE("request program: where `when` says no, nothing else is evaluated") {
  const std::string rest = "path = '/{.captured.none}'\nbody = 'error(\"never\")'\n";
  CHECK(made("when = '.captured.yes | not'\n" + rest) == R"({"when":false})");
  CHECK(made("when = '.captured.none'\n" + rest) == R"({"when":false})");
  CHECK(made("when = '.captured.yes'\n" + rest).starts_with("jq-failed: "));
  CHECK(made("when = '.captured.id == 7 and .captured.yes'\npath = '/'\n") ==
        R"({"when":true,"path":"/","headers":[],"body":null})");
}

TEST_CASE("request program: programs may define functions, hold alternatives and end in a comment") {
  CHECK(made(R"(path = '''/{def f: .captured.id; f + 1 # the next
}'''
when = '''
def wanted: .captured.yes;
wanted # always'''
body = '''
# what goes
def twice($x): $x * 2;
.captured.id as $id | twice($id), empty # and no more'''
)") == R"({"when":true,"path":"/8","headers":[],"body":14})");
  CHECK(made("path = '/'\nbody = '.captured.none // .captured.id'\n") ==
        R"({"when":true,"path":"/","headers":[],"body":7})");
  CHECK(made("path = '/'\nbody = '1 | . + 1 , empty'\n") ==
        R"({"when":true,"path":"/","headers":[],"body":2})");
}

TEST_CASE("request program: the file's definitions stand before it, and before its answer's") {
  const LoadedConnector loaded = parse_connector(R"(format = 1
safe_to_resend = "it upserts"
functions = '''
def twice: . * 2;
def named($what): {($what): twice};  # the last line may be a comment'''
[[submit]]
types = ["sale"]
[[submit.requests]]
path = "/{.captured.id | twice}"
answer = '.captured.id | named("id")'
)",
                                                 "t.toml");
  REQUIRE(loaded.mistakes.empty());
  const RequestSpec& request = loaded.connector.submit[0].requests[0];
  const auto made_request = mapper().run_and_wait(request_program(loaded.connector, request), kInput);
  REQUIRE(made_request.has_value());
  CHECK(*made_request == R"({"when":true,"path":"/14","headers":[],"body":null})");
  const auto said = mapper().run_and_wait(answer_program(loaded.connector, request), kInput);
  REQUIRE(said.has_value());
  CHECK(*said == R"({"id":14})");
  CHECK(answer_program(Connector{}, RequestSpec{}).empty());
}
