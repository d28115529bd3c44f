// `tillsync connector try`: a read-back rehearsed, jq included.
#include <doctest/doctest.h>

#include <fstream>

#include "tests/e2e/store.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr const char* kConnector = R"(format = 1
safe_to_resend = "it upserts"
[[submit]]
types = ["sale"]
[[submit.requests]]
path = "/sales"
body = '.document'
[read_back]
[[read_back.requests]]
method = "GET"
path = '/sales?day={.day}&store={.store}&after={.cursor // ""}'
answer = '''
if .answer.status != 200 then null else
{rows: [.answer.body.sales[] | {reference: .key, step: "erp", central_reference: .id, total: .total, currency: "EUR",
  recorded_at: "2026-11-23T10:00:00Z"}], next: .answer.body.next} end
'''
)";

struct Tried {
  explicit Tried(const std::vector<std::string>& arguments, const std::string& answers = {}) {
    std::ofstream(dir.file("acme.toml")) << kConnector;
    std::ofstream(dir.file("answers.ndjson")) << answers;
    ProcessOptions process;
    process.argv = {TILLSYNC_PROGRAM,      "connector", "try",
                    dir.file("acme.toml"), "--config",  dir.file("none.toml")};
    process.argv.insert(process.argv.end(), arguments.begin(), arguments.end());
    if (!answers.empty()) process.argv.insert(process.argv.end(), {"--answers", dir.file("answers.ndjson")});
    run = run_program(process, std::chrono::seconds(60));
  }
  TempDir dir;
  RunResult run;
};

const std::string kPage =
    R"({"status":200,"body":{"sales":[{"key":"0000/S-1","id":"C-1","total":"2.50"},{"key":"0000/S-2","id":"C-2","total":null}],"next":"C-2"}})";

}  // namespace

TEST_CASE("connector try: a read-back shows its request, and the rows that the file makes of the answer") {
  const Tried tried({"--read-back", "2026-11-23"}, kPage);
  CAPTURE(tried.run.errors);
  CHECK(tried.run.status == 0);
  CHECK(tried.run.output.find("> GET https://target.example/sales?day=2026-11-23&store=0000&after=\n") !=
        std::string::npos);
  CHECK(tried.run.output.find("= 0000/S-1 erp as C-1: 2.50 EUR, 2026-11-23T10:00:00Z\n") !=
        std::string::npos);
  CHECK(tried.run.output.find("= more: --cursor C-2\n") != std::string::npos);
}

TEST_CASE("connector try: a read-back for machines, from a cursor on") {
  const Tried tried({"--read-back", "2026-11-23", "--cursor", "C 2", "--json"},
                    R"({"status":200,"body":{"sales":[],"next":null}})");
  CHECK(tried.run.status == 0);
  const auto out = parsed(tried.run.output);
  CHECK(out.find("exchanges")->as_array()->at(0).text_of("url").ends_with("&after=C%202"));
  CHECK(out.find("read_back")->find("rows")->as_array()->empty());
  CHECK(out.find("read_back")->find("next")->is_null());
}

TEST_CASE("connector try: a read-back that fails, or lacks an answer, is no empty list") {
  const Tried refused({"--read-back", "2026-11-23"},
                      R"({"status":403,"body":{"detail":"no right to read"}})");
  CHECK(refused.run.status == 1);
  CHECK(refused.run.output.find("no right to read") != std::string::npos);
  const Tried shapeless({"--read-back", "2026-11-23"},
                        R"({"status":200,"body":{"sales":[{"id":7}],"next":null}})");
  CHECK(shapeless.run.status == 1);
  const Tried silent({"--read-back", "2026-11-23"});
  CHECK(silent.run.status == 1);
  CHECK(silent.run.output.find("no answer to the last request") != std::string::npos);
}

TEST_CASE("connector try: what cannot be meant is told") {
  CHECK(Tried(std::vector<std::string>{}).run.status == 2);
  CHECK(Tried({"--read-back", "yesterday"}).run.status == 2);
  CHECK(Tried({"--read-back", "2026-11-23", "--look-up"}).run.status == 2);
  CHECK(Tried({"--cursor", "C-1"}).run.status == 2);
}
