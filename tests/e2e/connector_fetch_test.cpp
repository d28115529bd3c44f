// `tillsync connector fetch`: a read-back rehearsed, jq included.
#include <doctest/doctest.h>

#include <algorithm>
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

struct Fetched {
  explicit Fetched(const std::vector<std::string>& arguments, const std::string& answers = {}) {
    std::ofstream(dir.file("acme.toml")) << kConnector;
    std::ofstream(dir.file("answers.ndjson")) << answers;
    ProcessOptions process;
    process.argv = {TILLSYNC_PROGRAM, "connector",          "fetch", dir.file("acme.toml"), "read_back",
                    "--config",       dir.file("none.toml")};
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

TEST_CASE("connector fetch: a read-back shows the rows that the file makes of the answer") {
  const Fetched fetched({"--key", "2026-11-23"}, kPage);
  CAPTURE(fetched.run.errors);
  CHECK(fetched.run.status == 0);
  CHECK(std::count(fetched.run.output.begin(), fetched.run.output.end(), '\n') == 2);
  const auto row = parsed(fetched.run.output.substr(0, fetched.run.output.find('\n')));
  CHECK(row.text_of("reference") == "0000/S-1");
  CHECK(row.text_of("central_reference") == "C-1");
  CHECK(row.text_of("total") == "2.50");
  CHECK(fetched.run.errors.find("--cursor 'C-2'") != std::string::npos);
}

TEST_CASE("connector fetch: a read-back for machines, from a cursor on") {
  const Fetched fetched({"--key", "2026-11-23", "--cursor", "C 2", "--json"},
                        R"({"status":200,"body":{"sales":[],"next":null}})");
  CHECK(fetched.run.status == 1);  // nothing there
  const auto out = parsed(fetched.run.output);
  CHECK(out.find("exchanges")->as_array()->at(0).text_of("url").ends_with("&after=C%202"));
  const auto& page = out.find("pages")->as_array()->at(0);
  CHECK(page.find("rows")->as_array()->empty());
  CHECK(page.find("next")->is_null());
}

TEST_CASE("connector fetch: a read-back that fails, or lacks an answer, is no empty list") {
  const Fetched refused({"--key", "2026-11-23"}, R"({"status":403,"body":{"detail":"no right to read"}})");
  CHECK(refused.run.status == 1);
  CHECK(refused.run.errors.find("no right to read") != std::string::npos);
  const Fetched shapeless({"--key", "2026-11-23"},
                          R"({"status":200,"body":{"sales":[{"id":7}],"next":null}})");
  CHECK(shapeless.run.status == 1);
}

TEST_CASE("connector fetch: what cannot be meant is told") {
  CHECK(Fetched({"--key", "2026-11-23"}).run.status == 2);  // neither a target nor answers
  CHECK(Fetched({"--key", "yesterday"}, kPage).run.status == 2);
  CHECK(Fetched({}, kPage).run.status == 2);
}
