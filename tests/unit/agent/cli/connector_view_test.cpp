#include "agent/cli/connector_view.h"

#include <doctest/doctest.h>

using namespace tillsync;
using namespace tillsync::cli;

namespace {

NamedProgram program(const std::string& text, std::int64_t first_line) {
  return {"submit.create body", JqText{text, first_line - 1, first_line}};
}

}  // namespace

TEST_CASE("connector view: what jq says of a program's line is told of the file's") {
  const NamedProgram three = program(".a\n| .b\n| .c", 11);
  CHECK(program_mistake("a.toml", three, "line 1: syntax error").text() ==
        "a.toml:11: submit.create body: syntax error; mend the jq program");
  CHECK(program_mistake("a.toml", three, "line 3: syntax error").line == 13);
  // Behind its end, or where no line is named.
  CHECK(program_mistake("a.toml", three, "line 9: syntax error").line == 13);
  CHECK(program_mistake("a.toml", three, "line 0: syntax error").line == 11);
  CHECK(program_mistake("a.toml", three, "line x: y").text() ==
        "a.toml:11: submit.create body: line x: y; mend the jq program");
  CHECK(program_mistake("a.toml", three, "f/0 is not\ndefined").detail ==
        "submit.create body: f/0 is not\\ndefined; mend the jq program");
}

TEST_CASE("connector view: a program that gives nothing is told on its last line") {
  CHECK(unfinished_program("a.toml", program("# a\ndef f: 1;\n", 11)).text() ==
        "a.toml:12: submit.create body: it only defines something, or is a comment; end it with the "
        "expression whose output counts");
}

TEST_CASE("connector view: operations, parameters and what is left out, as lines") {
  Connector connector;
  connector.name = "acme";
  connector.parameters["shop"] = {Parameter::Kind::kString, "the shop's name", std::nullopt};
  connector.session = SessionSpec{};
  connector.session->login.name = "login";
  connector.submit.push_back({1, {DocumentType::kSale}, {RequestSpec{}}});
  connector.submit.back().requests[0].name = "create";
  connector.submit_batch.push_back(connector.submit.back());
  connector.submit_batch.back().batch_max = 50;
  connector.read_back = Operation{1, {}, connector.submit.back().requests};
  CHECK(connector_text(connector, 0) == R"(
  OPERATION     TYPES  REQUESTS
  session       -      login
  submit        sale   create
  submit_batch  sale   create
  read_back     -      create

  PARAMETER  KIND    DEFAULT          WHAT IT IS
  shop       string  (must be given)  the shop's name

  one request takes up to 50 documents
  up to 256 requests at a time
)");
  connector.limits = {190, std::chrono::milliseconds(2500), 250'000, JqText{"{}", 1, 1}};
  CHECK(connector_text(connector, 0).ends_with(R"(
  up to 190 requests in 2.5 s, unless the target's settings say otherwise
  up to 250000 requests in 24 hours, unless the target's settings say otherwise
  answers tell what is left of the limits
)"));
  const json::Value limits = *connector_json(connector).find("limits");
  CHECK(json::dump(limits) ==
        R"({"burst_requests":190,"burst_window_s":2.5,"day_requests":250000,"report":true})");
}
