#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "agent/connectors/mapped/connector.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;

namespace {

using Kind = Parameter::Kind;
using BodyKind = RequestSpec::BodyKind;

const std::string kWhole = R"(format = 1
about = "Tryton 6.0 over JSON-RPC"
concurrency_max = 4

[parameters.company]
about = "id of the company"
kind = "integer"
default = 1
[parameters.database]
about = "the database's name"
[parameters.accounts]
about = "an account by tender"
kind = "object"
default = {cash = "1000", card = {debit = "2.5", credit = true}}
[parameters.dry]
about = "whether to keep quiet"
kind = "boolean"
default = false
[parameters.tags]
about = "what a sale is marked with"
kind = "array"
default = ["till", 7]

[session.login]
method = "PUT"
path = "/{.parameters.database}/"
body = '''{user: .user, password: "${secret}"}'''
answer = '''{headers: {}}'''

[[submit]]
types = ["sale", "return"]
[[submit.requests]]
name = "create"
path = '/{.parameters.database}/sale?x={ {a: "}"}.a }'
headers = {"X-Key" = "{.delivery.reference}", "Prefer" = "return=minimal"}
when = '''.captured.state == "draft"'''
body = '''
{
  reference: .delivery.reference
}
'''
answer = '{capture: {id: .answer.body.id}}'
[[submit.requests]]
name = "confirm"
method = "PATCH"
path = "/sale/{.captured.id}"
body_kind = "form"
body = '{state: "confirmed"}'
[[submit]]
types = ["customer_update"]
requests = [{method = "GET", path = "/party"}]

[submit_batch]
types = ["sale"]
batch_max = 200
[[submit_batch.requests]]
path = "/batch"
body_kind = "text"
body = '"a"'
answer = '[]'

[[lookup]]
types = ["sale", "return", "customer_update"]
[[lookup.requests]]
method = "GET"
path = "/find"
answer = '{outcome: "absent"}'

[read_back]
types = ["sale", "return"]
[[read_back.requests]]
name = "day"
method = "DELETE"
path = "/day/{.day}"
answer = '{rows: []}'
)";

// Each is one line but for the last, so that the case's own text begins on a line that is known.
const std::string kFormat = "format = 1\n";                                 // line 1
const std::string kResend = kFormat + "safe_to_resend = \"it upserts\"\n";  // lines 1 and 2
const std::string kSubmit = kResend + "[[submit]]\ntypes = [\"sale\"]\n";   // lines 3 and 4
const std::string kRequest = kSubmit + "[[submit.requests]]\n";             // line 5
const std::string kPath = kRequest + "path = \"/sales\"\n";                 // line 6

LoadedConnector parse(const std::string& text) {
  return parse_connector(text, "erp.toml");
}

Connector good(const std::string& text) {
  LoadedConnector loaded = parse(text);
  for (const auto& mistake : loaded.mistakes) FAIL_CHECK(mistake.text());
  REQUIRE(loaded.mistakes.empty());
  return loaded.connector;
}

std::string joined(const std::vector<SettingsMistake>& mistakes) {
  std::ostringstream all;
  for (const auto& mistake : mistakes) all << mistake.text() << "\n";
  return all.str();
}

// Exactly one mistake, on that line, saying each of the words.
void expect(const std::string& text, std::int64_t line, const std::vector<std::string>& words) {
  const LoadedConnector loaded = parse(text);
  const std::string all = joined(loaded.mistakes);
  CAPTURE(text);
  CAPTURE(all);
  REQUIRE(loaded.mistakes.size() == 1);
  CHECK(loaded.mistakes[0].line == line);
  CHECK(loaded.mistakes[0].file == "erp.toml");
  for (const std::string& word : words) {
    CAPTURE(word);
    CHECK(loaded.mistakes[0].detail.find(word) != std::string::npos);
  }
}

/// A path's parts, each literal in ' ' and each expression in < >.
std::string parts_of(const std::string& path) {
  const Connector connector = good(kRequest + "path = '''" + path + "'''\n");
  std::string out;
  for (const auto& part : connector.submit[0].requests[0].path.parts)
    out += part.jq ? "<" + part.text + ">" : "'" + part.text + "'";
  return out;
}

json::Value value(std::string_view text) {
  auto parsed = json::parse(text);
  REQUIRE(parsed.has_value());
  return *parsed;
}

}  // namespace

TEST_CASE("connector file: every key arrives: what stands at the top, and the parameters") {
  const Connector c = good(kWhole);
  CHECK(c.name == "erp");
  CHECK(c.file == "erp.toml");
  CHECK(c.about == "Tryton 6.0 over JSON-RPC");
  CHECK(c.concurrency_max == 4);
  CHECK(c.safe_to_resend.empty());
  REQUIRE(c.parameters.size() == 5);
  CHECK(c.parameters.at("company").kind == Kind::kInteger);
  CHECK(c.parameters.at("company").about == "id of the company");
  CHECK(*c.parameters.at("company").otherwise == json::Value(1));
  CHECK(c.parameters.at("database").kind == Kind::kString);
  CHECK_FALSE(c.parameters.at("database").otherwise.has_value());
  CHECK(*c.parameters.at("accounts").otherwise ==
        value(R"({"card":{"credit":true,"debit":"2.5"},"cash":"1000"})"));
  CHECK(*c.parameters.at("dry").otherwise == json::Value(false));
  CHECK(*c.parameters.at("tags").otherwise == value(R"(["till",7])"));
}

TEST_CASE("connector file: every key arrives: operations and requests") {
  const Connector c = good(kWhole);
  REQUIRE(c.session.has_value());
  CHECK(c.session->login.name == "login");
  CHECK(c.session->login.method == "PUT");
  CHECK(c.session->login.body->text == R"({user: .user, password: "${secret}"})");
  REQUIRE(c.submit.size() == 2);
  CHECK(c.submit[0].types == std::vector{DocumentType::kSale, DocumentType::kReturn});
  REQUIRE(c.submit[0].requests.size() == 2);
  const RequestSpec& create = c.submit[0].requests[0];
  CHECK(create.name == "create");
  CHECK(create.method == "POST");
  CHECK(create.body_kind == BodyKind::kJson);
  CHECK(create.when->text == R"(.captured.state == "draft")");
  CHECK(create.body->text == "{\n  reference: .delivery.reference\n}\n");
  CHECK(create.answer->text == "{capture: {id: .answer.body.id}}");
  REQUIRE(create.headers.size() == 2);
  CHECK(create.headers[0].first == "Prefer");
  CHECK(create.headers[1].first == "X-Key");
  REQUIRE(create.headers[1].second.parts.size() == 1);
  CHECK(create.headers[1].second.parts[0].jq);
  CHECK(c.submit[0].requests[1].body_kind == BodyKind::kForm);
  CHECK(c.submit[0].requests[1].method == "PATCH");
  CHECK(c.submit[1].requests[0].name == "request");
  CHECK_FALSE(c.submit[1].requests[0].body.has_value());
  REQUIRE(c.submit_batch.size() == 1);
  CHECK(c.batch_max() == 200);
  CHECK(c.submit_batch[0].requests[0].body_kind == BodyKind::kText);
  REQUIRE(c.lookup.size() == 1);
  REQUIRE(c.read_back.has_value());
  CHECK(c.read_back->requests[0].method == "DELETE");
  CHECK(c.read_back->types == std::vector{DocumentType::kSale, DocumentType::kReturn});
  CHECK(c.submit_of(DocumentType::kReturn) == &c.submit[0]);
  CHECK(c.submit_of(DocumentType::kCustomerUpdate) == &c.submit[1]);
  CHECK(c.submit_of(DocumentType::kTillClose) == nullptr);
  CHECK(c.lookup_of(DocumentType::kSale) == &c.lookup[0]);
  CHECK(good(kPath).safe_to_resend == "it upserts");
  CHECK(good(kPath).concurrency_max == 256);
  CHECK(good(kPath).limits.burst_requests == 0);
  CHECK(good(kPath).limits.burst_window == std::chrono::seconds(10));
  CHECK(good(kPath).limits.day_requests == 0);
  const ConnectorLimits limits =
      good(kPath +
           "[limits]\nburst_requests = 190\nburst_window_s = 0.5\nday_requests = 1000000000\n"
           "report = '{}'\n")
          .limits;
  CHECK(limits.burst_requests == 190);
  CHECK(limits.burst_window == std::chrono::milliseconds(500));
  CHECK(limits.day_requests == 1'000'000'000);
  REQUIRE(limits.report.has_value());
  CHECK(limits.report->text == "{}");
}

TEST_CASE("connector file: a program's first line is the file's, below its key or on it") {
  const Connector c = good(kWhole);
  const RequestSpec& create = c.submit[0].requests[0];
  const auto line_of = [](std::string_view text) {
    const auto at = kWhole.find(text);
    REQUIRE(at != std::string::npos);
    return 1 + std::count(kWhole.begin(), kWhole.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  };
  CHECK(create.line == line_of("[[submit.requests]]"));
  CHECK(create.when->line == line_of("when ="));
  CHECK(create.when->first_line == create.when->line);
  CHECK(create.body->line == line_of("body = '''\n"));
  CHECK(create.body->first_line == create.body->line + 1);
  CHECK(create.answer->first_line == line_of("answer = '{capture"));
  CHECK(create.path.line == line_of("path = '/{.parameters.database}/sale"));
  for (const std::string end : {"\n", "\r\n"}) {
    const Connector more =
        good(kPath + "headers = {A = '''a''', B = '''" + end + "b {" + end + ".c} {.d}'''}" + end +
             "body = \"\"\"" + end + ".x\"\"\"" + end + "answer = '''  " + end + ".y'''" + end);
    const RequestSpec& request = more.submit[0].requests[0];
    CHECK(request.headers[0].second.parts[0].first_line == 7);
    CHECK(request.headers[1].second.line == 7);
    REQUIRE(request.headers[1].second.parts.size() == 4);
    CHECK(request.headers[1].second.parts[1].first_line == 8);
    CHECK(request.headers[1].second.parts[3].first_line == 9);
    CHECK(request.body->line == 10);
    CHECK(request.body->first_line == 11);
    CHECK(request.answer->first_line == 12);  // blanks behind ''' belong to the program
  }
}

TEST_CASE("connector file: texts with expressions are taken apart as jq reads them") {
  CHECK(parts_of("/a") == "'/a'");
  CHECK(parts_of("/{.a}{.b}/c?d={.e}&f=g") == "'/'<.a><.b>'/c?d='<.e>'&f=g'");
  CHECK(parts_of(R"(/{ {a: {b: 1}} | .a.b }x)") == R"('/'< {a: {b: 1}} | .a.b >'x')");
  CHECK(parts_of(R"(/{"}"}x)") == R"('/'<"}">'x')");
  CHECK(parts_of(R"(/{"\"}\\"}x)") == R"('/'<"\"}\\">'x')");
  CHECK(parts_of(R"(/{"a\({b: ")}"} | .b)}" + "("}x)") == R"('/'<"a\({b: ")}"} | .b)}" + "(">'x')");
  CHECK(parts_of("/{.a # }\n}x") == "'/'<.a # }\n>'x'");
  CHECK(parts_of("/{(.a)[0])}") == "'/'<(.a)[0])>");  // what is wrong within is jq's to tell
  const Connector c = good(kPath + "headers = {A = \"{{{.a}}} {{}}\", B = 'plain'}\n");
  const auto& header = c.submit[0].requests[0].headers[0].second;
  REQUIRE(header.parts.size() == 3);
  CHECK(header.parts[0].text == "{");
  CHECK(header.parts[1].text == ".a");
  CHECK(header.parts[2].text == "} {}");
}

TEST_CASE("connector file: mistakes in texts with expressions") {
  for (const std::string open :
       {"{", "{.a", "{.a {b}", "{\"}", "{\"\\(}\"}", "{(}", "{.a # }", "{\"\\", "{[{]"}) {
    expect(kRequest + "path = '/" + open + "'\n", 6, {"path has a { that is not closed"});
  }
  expect(kRequest + "path = '/{}'\n", 6, {"path has nothing between { and }"});
  expect(kRequest + "path = '/{ \t}'\n", 6, {"nothing between"});
  expect(kRequest + "path = '/a}b'\n", 6, {"has a } that closes nothing"});
  expect(kRequest + "path = '''\n/{.a\n}{.b'''\n", 8, {"not closed"});
  expect(kRequest + "path = 'a'\n", 6, {"path must begin with /"});
  expect(kRequest + "path = '{.a}/'\n", 6, {"path must begin with /"});
  expect(kRequest + "path = '/a b'\n", 6, {"a blank", "(%20)"});
  expect(kRequest + "path = '/{.a}\u00e9'\n", 6, {"beyond ASCII", "percent-encode"});
  expect(kRequest + "path = '''/{.a}\n'''\n", 6, {"a blank, a control character"});
  expect(kRequest + "path = '/a#b'\n", 6, {"holds \"#\"", "(%23)"});
  expect(kRequest + "path = '/{{.parameters.database}}/'\n", 6, {"holds a brace", "single braces"});
  expect(kRequest + "path = 1\n", 6, {"path must be a text in quotes, not an integer"});
  expect(kRequest + "path = ''\n", 6, {"path is empty"});
  expect(kPath + "headers = {A = 'a{'}\n", 7, {"[[submit.requests]] A has a { that is not closed"});
}

TEST_CASE("connector file: mistakes at its top") {
  expect("", 0, {"format is missing", "format = 1"});
  expect("format = 2\nother = 1\n[[submit]]\n", 1, {"this version reads format 1"});
  expect("format = \"1\"\n", 1, {"this version reads format 1"});
  expect("format = 1\n[[submit]\n", 2, {"mend the TOML"});
  expect(kFormat, 0, {"no [[submit]]"});
  expect("abuot = \"x\"\n" + kPath, 1, {"unknown key \"abuot\" in connector", "did you mean \"about\"?"});
  expect("about = 3\n" + kPath, 1, {"connector about must be a string in quotes"});
  expect("concurrency_max = 257\n" + kPath, 1, {"concurrency_max is 257; it must be from 1 to 256"});
  expect("concurrency_max = 0\n" + kPath, 1, {"from 1 to 256"});
  expect(kPath + "[limits]\nburst_requests = -1\n", 8,
         {"[limits] burst_requests is -1", "from 0 to 1000000"});
  expect(kPath + "[limits]\nburst_window_s = 3601\n", 8, {"from 0.1 to 3600 seconds"});
  expect(kPath + "[limits]\nday_requests = \"many\"\n", 8, {"must be a whole number"});
  expect(kPath + "[limits]\nreport = 7\n", 8, {"[limits] report"});
  expect(kPath + "[limits]\nday_request = 7\n", 8, {"did you mean", "day_requests"});
  expect(std::string(1024 * 1024 + 1, '#'), 0, {"larger than 1 MiB"});
}

TEST_CASE("connector file: mistakes in parameters") {
  const auto parameter = [](const std::string& text) { return kPath + "[parameters.a]\n" + text; };
  expect(parameter("kind = \"string\"\n"), 7, {"[parameters.a] about is missing"});
  expect(parameter("about = \"\"\n"), 8, {"about must not be empty"});
  expect(parameter("about = \"x\"\nkind = \"number\"\n"), 9,
         {"kind must be one of", "\"integer\"", "not \"number\""});
  expect(parameter("about = \"x\"\nkind = \"number\"\ndefault = 1\n"), 9, {"kind must be one of"});
  expect(parameter("about = \"x\"\ndefualt = 1\n"), 9, {"did you mean \"default\"?"});
  expect(parameter("about = \"x\"\ndefault = 1\n"), 9,
         {"[parameters.a] default must be a string in quotes, e.g. default = \"...\"; it is number"});
  expect(parameter("about = \"x\"\nkind = \"integer\"\ndefault = 1.0\n"), 10,
         {"default must not hold a decimal number", "as a string in quotes"});
  expect(parameter("about = \"x\"\nkind = \"boolean\"\ndefault = \"true\"\n"), 10,
         {"true or false", "it is string"});
  expect(parameter("about = \"x\"\nkind = \"object\"\ndefault = []\n"), 10,
         {"must be a table", "it is array"});
  expect(parameter("about = \"x\"\nkind = \"array\"\ndefault = {}\n"), 10,
         {"must be an array", "it is object"});
  expect(parameter("about = \"x\"\nkind = \"array\"\ndefault = [{a = 2.5}]\n"), 10, {"a decimal number"});
  expect(parameter("about = \"x\"\nkind = \"array\"\ndefault = [1,\n 2026-11-23]\n"), 11, {"a date or time"});
  expect(parameter("about = \"x\"\nkind = \"array\"\ndefault = " + std::string(20, '[') +
                   std::string(20, ']') + "\n"),
         10, {"more than 16 deep"});
  expect(kPath + "[parameters.my-name]\nabout = \"x\"\n", 7,
         {"parameter name \"my-name\"", ".parameters.NAME"});
  expect(kPath + "[parameters.1a]\nabout = \"x\"\n", 7, {"no digit first"});
  expect(kPath + "[parameters]\na = 1\n", 8, {"[parameters.a] must be a table, not an integer"});
  expect("parameters = 1\n" + kPath, 1, {"tables [parameters.NAME]"});
  std::string many = kPath;
  for (int i = 0; i < 65; ++i) many += "[parameters.a" + std::to_string(i) + "]\nabout = \"x\"\n";
  expect(many, 7, {"more than 64 parameters"});
}

TEST_CASE("connector file: mistakes in operations") {
  const std::string request = "requests = [{path = '/'}]\n";
  expect(kResend + "[[submit]]\n" + request, 3, {"[[submit]] types is missing", "types = [\"sale\"]"});
  expect(kResend + "[[submit]]\ntypes = []\n" + request, 4, {"types is empty"});
  expect(kResend + "[[submit]]\ntypes = \"sale\"\n" + request, 4, {"array of document types"});
  expect(kResend + "[[submit]]\ntypes = [\"sale\",\n3]\n" + request, 5,
         {"strings in quotes, not an integer"});
  expect(kResend + "[[submit]]\ntypes = [\"sale\",\n\"retrun\"]\n" + request, 5,
         {"has \"retrun\", which is no document type", "did you mean \"return\"?"});
  expect(kResend + "[[submit]]\ntypes = [\"x\"]\n" + request, 4, {"there are sale, return,"});
  expect(kResend + "[[submit]]\ntypes = [\"sale\", \"sale\"]\n" + request, 4, {"has \"sale\" twice"});
  expect(kPath + "[[submit]]\ntypes = [\"return\",\n\"sale\"]\n" + request, 9,
         {"[[submit]] has \"sale\" again, which line 4 has"});
  expect(kSubmit, 3, {"[[submit]] has no request", "[[submit.requests]]"});
  expect(kSubmit + "requests = []\n", 5, {"has no request"});
  expect(kSubmit + "requests = {path = '/'}\n", 5,
         {"requests must be tables [[submit.requests]], not a table"});
  expect(kSubmit + "requests = [1]\n", 5, {"[[submit.requests]] must be a table, not an integer"});
  expect(kSubmit + "tpyes = []\n" + request, 5,
         {"unknown key \"tpyes\" in [[submit]]", "did you mean \"types\"?"});
  expect(kResend + "[submit]\ntypes = [\"sale\"]\n", 3, {"submit must be tables [[submit]], not a table"});
  expect("submit = []\n" + kResend, 1, {"not an empty array"});
  std::string many = kSubmit;
  for (int i = 0; i < 65; ++i)
    many += "[[submit.requests]]\nname = \"a" + std::to_string(i) + "\"\npath = '/'\n";
  expect(many, 5, {"more than 64 requests"});
  many = kResend;
  for (int i = 0; i < 65; ++i) many += "[[submit]]\ntypes = [\"sale\"]\n" + request;
  expect(many, 3, {"more than 64 tables [[submit]]"});
}

TEST_CASE("connector file: mistakes in requests") {
  expect(kRequest, 5, {"[[submit.requests]] path is missing"});
  expect(kPath + "method = \"post\"\n", 7, {"method must be one of \"GET\"", "not \"post\""});
  expect(kPath + "name = \"Create\"\n", 7, {"name must be 1 to 32 of the letters a-z"});
  expect(kPath + "[[submit.requests]]\nname = \"a\"\npath = '/'\n", 5, {"name is missing"});
  expect(kPath + "name = \"a\"\n[[submit.requests]]\nname = \"a\"\npath = '/'\n", 9, {"name \"a\" is taken"});
  expect(kPath + "ansewr = '.'\n", 7, {"unknown key \"ansewr\"", "did you mean \"answer\"?"});
  expect(kPath + "body_kind = \"xml\"\nbody = '.'\n", 7, {"body_kind must be one of \"json\""});
  expect(kPath + "body_kind = \"form\"\n", 7, {"there is none"});
  expect(kPath + "body = ' '\n", 7, {"body is empty", "jq program"});
  expect(kPath + "body = {a = 1}\n", 7, {"body must be a jq program in quotes, not a table"});
  expect(kPath + "when = true\n", 7, {"when must be a jq program in quotes, not true or false"});
  expect(kPath + "answer = \".\\u0000\"\n", 7, {"control characters"});
  expect(kPath + "answer = '" + std::string(64 * 1024 + 1, ' ') + "'\n", 7, {"longer than 64 KiB"});
  expect(kPath + "headers = 'A: b'\n", 7, {"headers must be a table"});
  expect(kPath + "headers = {'A b' = 'c'}\n", 7, {"header \"A b\" must be the name of an HTTP header"});
  for (const std::string name : {"Host", "content-length", "Transfer-Encoding", "CONNECTION"}) {
    expect(kPath + "headers = {" + name + " = 'c'}\n", 7, {name, "not the connector's to set"});
  }
  expect(kPath + "headers = {authorization = 'c'}\n", 7, {"[targets.NAME.auth]"});
  expect(kPath + "headers = {A = 'c', a = 'd'}\n", 7, {"stands there twice"});
  expect(kPath + "[submit.requests.headers]\nA = 'c'\nB = 3\n", 9, {"B must be a text in quotes"});
  expect(kPath + "headers = {A = \"c\\nd\"}\n", 7, {"must be one line"});
}

TEST_CASE("connector file: mistakes in what the parts owe each other") {
  const std::string submit =
      kFormat + "[[submit]]\ntypes = [\"sale\",\n\"return\"]\nrequests = [{path = '/'}]\n";
  const std::string lookup = "[[lookup]]\ntypes = [\"sale\"]\nrequests = [{path = '/', answer = '.'}]\n";
  expect(submit + lookup, 4, {"type \"return\" can be sent, but not looked up", "safe_to_resend"});
  expect(submit + "[[lookup]]\ntypes = [\"sale\", \"return\"]\nrequests = [{path = '/'}]\n", 8,
         {"[[lookup.requests]] answer is missing", "whether the target has the document"});
  expect(submit +
             "[[lookup]]\ntypes = [\"sale\", \"return\", \"till_close\"]\nrequests = [{path = '/', answer = "
             "'.'}]\n",
         7, {"\"till_close\" can be looked up, but no [[submit]] has it"});
  expect(submit + "[[lookup]]\ntypes = [\"sale\", \"retrun\"]\nrequests = [{path = '/', answer = '.'}]\n", 7,
         {"did you mean \"return\"?"});
  expect(kPath + lookup, 7, {"both safe_to_resend and [[lookup]]"});
  expect("safe_to_resend = \"\"\n" + submit, 1, {"safe_to_resend must not be empty"});
}

TEST_CASE("connector file: mistakes in session, submit_batch and read_back") {
  expect(kPath + "[session]\n", 7, {"[session] has no login"});
  expect(kPath + "[session.login]\npath = '/'\n", 7, {"[session.login] answer is missing"});
  expect(kPath + "[session.login]\npath = '/'\nanswer = '.'\nwhen = '.'\n", 10,
         {"unknown key \"when\" in [session.login]"});
  expect(kPath + "[session]\nlogon = 1\nlogin = {path = '/', answer = '.'}\n", 8,
         {"did you mean \"login\"?"});
  const std::string batch = kPath + "[submit_batch]\n";
  expect(batch + "types = [\"sale\"]\nrequests = [{path = '/', answer = '.'}]\n", 7,
         {"batch_max is missing"});
  expect(batch + "batch_max = 1\ntypes = [\"sale\"]\nrequests = [{path = '/', answer = '.'}]\n", 8,
         {"from 2 to 1000"});
  expect(batch + "batch_max = 2\ntypes = [\"sale\"]\nrequests = [{path = '/'}]\n", 10,
         {"answer is missing", "what became of each document"});
  expect(
      batch + "batch_max = 2\ntypes = [\"sale\"]\nrequests = [{path = '/', answer = '.'},\n{path = '/'}]\n",
      11, {"exactly one request"});
  expect(batch + "batch_max = 2\ntypes = [\"return\"]\nrequests = [{path = '/', answer = '.'}]\n", 9,
         {"\"return\", which no [[submit]] has"});
  const std::string one =
      "[[submit_batch]]\nbatch_max = 2\ntypes = [\"sale\"]\nrequests = [{path = '/', answer = '.'}]\n";
  expect(kPath + one + one, 13, {"[[submit_batch]] has \"sale\" again, which line 9 has"});
  expect(kPath + "[[submit_batch]]\ntypes = [\"sale\"]\nrequests = [{path = '/', answer = '.'}]\n", 7,
         {"[[submit_batch]] batch_max is missing"});
  expect("submit_batch = []\n" + kPath, 1, {"1 to 64 tables [[submit_batch]]"});
  CHECK(good(kPath + one).batch_max() == 2);
  CHECK(good(kPath).batch_max() == 1);
  expect(kPath + "[read_back]\nrequests = [{path = '/'}]\n", 8, {"[[read_back.requests]] answer is missing"});
  expect(kPath + "[read_back]\ntypes = [\"sale\", \"return\"]\nrequests = [{path = '/', answer = '.'}]\n", 8,
         {"[read_back] lists \"return\", which no [[submit]] has"});
  expect(kPath + "[read_back]\ntypes = []\nrequests = [{path = '/', answer = '.'}]\n", 8, {"types is empty"});
}

TEST_CASE("connector file: [[fetch]] names what it is for, once, and tells what it found") {
  const std::string request = "requests = [{path = '/', answer = '.'}]\n";
  const std::string stock = "[[fetch]]\nwhat = \"stock\"\n";
  const Connector c = good(kPath + stock + request + "[[fetch]]\nwhat = \"refund_policy\"\n" + request);
  CHECK(c.fetch.size() == 2);
  CHECK(c.fetch.at(FetchWhat::kStock).requests.size() == 1);
  CHECK(programs_of(c).back().what == "fetch.refund_policy.request answer");
  expect(kPath + stock + request + stock + request, 11, {"[[fetch]] has \"stock\" twice"});
  expect(kPath + "[[fetch]]\nwhat = \"weather\"\n" + request, 8,
         {"what must say what is asked for", "refund_policy"});
  expect(kPath + "[[fetch]]\n" + request, 7, {"what must say what is asked for"});
  expect(kPath + stock + "requests = [{path = '/'}]\n", 9, {"answer is missing", "what the target holds"});
  expect(kPath + stock, 7, {"has no request"});
  expect(kPath + stock + "types = [\"sale\"]\n" + request, 9, {"unknown key \"types\" in [[fetch]]"});
  expect(kPath + "[fetch]\nwhat = \"stock\"\n", 7, {"fetch must be tables [[fetch]]"});
}

TEST_CASE("connector file: all mistakes are told at once, in the order of the file") {
  const LoadedConnector loaded = parse(R"(format = 1
concurrency_max = 0
[parameters.x]
kind = "y"
[[submit]]
types = ["sale"]
[[submit.requests]]
path = "sales"
methd = "POST"
)");
  std::vector<std::int64_t> lines;
  for (const auto& mistake : loaded.mistakes) lines.push_back(mistake.line);
  CAPTURE(joined(loaded.mistakes));
  CHECK(lines == std::vector<std::int64_t>{2, 3, 4, 6, 8, 9});
}

TEST_CASE("connector file: it is read from the disk under its own name") {
  const testing::TempDir dir;
  const auto write = [&dir](const std::string& name, const std::string& text) {
    const std::string file = dir.file(name);
    std::ofstream(file, std::ios::binary) << text;
    return file;
  };
  const std::string file = write("my-erp.toml", kWhole);
  const LoadedConnector loaded = load_connector(file);
  CHECK(joined(loaded.mistakes).empty());
  CHECK(loaded.connector.name == "my-erp");
  CHECK(loaded.connector.file == file);
  const auto refused = [](const std::string& at, const std::string& words) {
    const LoadedConnector bad = load_connector(at);
    REQUIRE(bad.mistakes.size() == 1);
    CHECK(bad.mistakes[0].detail.find(words) != std::string::npos);
  };
  refused(dir.file("none.toml"), "no such connector file");
  refused(dir.path().string(), "no such connector file");
  refused(write("My ERP.toml", kWhole), "rename it");
  refused(write("erp.conf", kWhole), "rename it");
  refused(write("big.toml", std::string(1024 * 1024 + 1, '#')), "larger than 1 MiB");
}

TEST_CASE("connector file: every program has a name and its line") {
  std::vector<std::string> names;
  for (const auto& [what, program] : programs_of(good(kWhole))) names.push_back(what);
  CHECK(names == std::vector<std::string>{
                     "session.login path", "session.login body", "session.login answer", "submit.create when",
                     "submit.create path", "submit.create path", "submit.create header X-Key",
                     "submit.create body", "submit.create answer", "submit.confirm path",
                     "submit.confirm body", "submit_batch.request body", "submit_batch.request answer",
                     "lookup.request answer", "read_back.day path", "read_back.day answer"});
  for (const auto& item : programs_of(good(kWhole))) {
    const auto& what = item.what;
    const auto& program = item.program;
    CAPTURE(what);
    CHECK(program.line > 0);
    CHECK(program.first_line >= program.line);
  }
}

TEST_CASE("connector parameters: what the target gives, and the defaults") {
  const Connector c = good(kWhole);
  const FilledParameters filled = fill_parameters(c, value(R"({"database":"shop","company":7,"tags":[]})"));
  CHECK(filled.mistakes.empty());
  CHECK(
      json::dump(filled.values) ==
      R"({"accounts":{"card":{"credit":true,"debit":"2.5"},"cash":"1000"},"company":7,"database":"shop","dry":false,"tags":[]})");
  CHECK(fill_parameters(good(kPath), json::Value()).mistakes.empty());
  CHECK(json::dump(fill_parameters(good(kPath), json::Value()).values) == "{}");
}

TEST_CASE("connector parameters: what is wrong, each with its cure") {
  const Connector c = good(kWhole);
  const auto mistakes = [&c](std::string_view given) { return fill_parameters(c, value(given)).mistakes; };
  using List = std::vector<std::string>;
  CHECK(mistakes("null") == List{"database is missing (the database's name); write e.g. database = \"...\""});
  CHECK(mistakes(R"({"database":"x","compny":1})") ==
        List{"\"compny\" is no parameter of the connector erp; did you mean \"company\"?"});
  CHECK(mistakes(R"({"database":"x","zzz":1})") ==
        List{"\"zzz\" is no parameter of the connector erp; take it out"});
  CHECK(mistakes(R"({"database":1,"company":"1","dry":0,"tags":{},"accounts":[]})") ==
        List{"accounts must be a table, e.g. accounts = {name = \"value\"}; it is array",
             "company must be a whole number without quotes, e.g. company = 1; it is string",
             "database must be a string in quotes, e.g. database = \"...\"; it is number",
             "dry must be true or false, without quotes, e.g. dry = true; it is number",
             "tags must be an array, e.g. tags = [\"value\"]; it is object"});
  CHECK(mistakes(R"({"database":"x","company":1.5})") ==
        List{"company must be a whole number without quotes, e.g. company = 1; it is a decimal number"});
  CHECK(mistakes("[]") == List{"must be a table, not array"});
}
