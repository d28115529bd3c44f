// `tillsync connector check`: the whole way, jq included.
#include <doctest/doctest.h>

#include <fstream>

#include "tests/e2e/store.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr const char* kGood = R"(format = 1
about = "Acme ERP, invented"
concurrency_max = 3
safe_to_resend = "it upserts by external id"
[parameters.branch]
about = "the branch's number"
kind = "integer"
default = 7
[[submit]]
types = ["sale", "return"]
[[submit.requests]]
name = "create"
path = "/branches/{.parameters.branch}/orders"
headers = {"X-Key" = "{.delivery.reference}"}
when = '.document.total != null'
body = '''
# functions and comments are fine
def half: . / 2;
{a: (.document.lines | length | half)} # really
'''
[[submit.requests]]
name = "close"
path = "/close"
)";

// With the line on which each fault stands.
constexpr const char* kBad = R"(format = 1
safe_to_resend = "it upserts by external id"
[[submit]]
types = ["sale"]
[[submit.requests]]
path = "/orders/{.delivery.reference | no_such_function}"
headers = {"X-Key" = "{.a)}"}
methd = "POST"
when = '''
true and
(false'''
body = '''
def twice: . * 2;
{
  a: .document.total | | twice
}
'''
answer = 'def f: 1;'
)";

using Files = std::vector<std::pair<std::string, std::string>>;

struct Checked {
  explicit Checked(const Files& files, bool json = false) {
    ProcessOptions process;
    process.argv = {TILLSYNC_PROGRAM, "connector", "check"};
    if (json) process.argv.emplace_back("--json");
    for (const auto& [name, text] : files) {
      std::ofstream(dir.file(name), std::ios::binary) << text;
      process.argv.push_back(dir.file(name));
    }
    run = run_program(process, std::chrono::seconds(60));
  }
  TempDir dir;
  RunResult run;
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("connector check: what a good file offers is shown") {
  const Checked checked(Files{{"acme.toml", kGood}});
  CAPTURE(checked.run.errors);
  CHECK(checked.run.status == 0);
  CHECK(checked.run.errors.empty());
  CHECK(checked.run.output == "connector acme (" + checked.dir.file("acme.toml") + R"(): good
  Acme ERP, invented

  OPERATION  TYPES         REQUESTS
  submit     sale, return  create, close

  PARAMETER  KIND     DEFAULT  WHAT IT IS
  branch     integer  7        the branch's number

  up to 3 requests at a time
  nothing is looked up, sending again does no harm: it upserts by external id
  no [read_back]: reports cannot compare with what this target has
)");
}

TEST_CASE("connector check: every mistake has its line, those within programs too") {
  const Checked checked(Files{{"acme.toml", kGood}, {"bad.toml", kBad}});
  const std::string& errors = checked.run.errors;
  CAPTURE(errors);
  CHECK(checked.run.status == 2);
  CHECK(holds(checked.run.output, "acme.toml): good"));
  const std::string bad = checked.dir.file("bad.toml");
  const std::vector<std::string> lines = {
      ":6: submit.request path: no_such_function/0 is not defined",
      ":7: submit.request header X-Key: syntax error",
      ":8: unknown key \"methd\" in [[submit.requests]]; did you mean \"method\"?",
      ":11: submit.request when: syntax error",
      ":15: submit.request body: syntax error, unexpected '|'",
      ":18: submit.request answer: it only defines something",
  };
  std::size_t at = 0;
  for (const std::string& line : lines) {
    CAPTURE(line);
    const auto found = errors.find(bad + line, at);
    CHECK(found != std::string::npos);
    if (found != std::string::npos) at = found;
  }
  CHECK(holds(errors, "tillsync: 6 mistakes; mend what is told above and check again"));
}

TEST_CASE("connector check: for machines") {
  const Checked checked(Files{{"acme.toml", kGood}, {"bad.toml", kBad}, {"none.conf", ""}}, true);
  CHECK(checked.run.status == 2);
  auto out = json::parse(checked.run.output);
  REQUIRE(out.has_value());
  CHECK(*out->find("good") == json::Value(false));
  const json::Array& files = *out->find("connectors")->as_array();
  REQUIRE(files.size() == 3);
  CHECK(
      json::dump(files[0]) ==
      R"({"file":")" + checked.dir.file("acme.toml") +
          R"(","good":true,"mistakes":[],"connector":{"name":"acme","about":"Acme ERP, invented","operations":)"
          R"([{"operation":"submit","types":["sale","return"],"requests":["create","close"]}],"parameters":)"
          R"([{"name":"branch","kind":"integer","default":7,"about":"the branch's number"}],"concurrency_max":3,)"
          R"("batch_max":1,"limits":{"burst_requests":0,"burst_window_s":10,"day_requests":0,"report":false},)"
          R"("safe_to_resend":"it upserts by external id"}})");
  CHECK(files[1].find("mistakes")->as_array()->size() == 6);
  CHECK(files[1].find("connector") == nullptr);
  CHECK(files[2].find("mistakes")->as_array()->front().integer_of("line", -1) == 0);
}
