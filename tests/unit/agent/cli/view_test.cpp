#include <doctest/doctest.h>

#include <sstream>

#include "agent/cli/post_input.h"
#include "agent/cli/post_results.h"
#include "agent/cli/progress.h"
#include "agent/cli/report_view.h"
#include "agent/cli/status_view.h"
#include "agent/cli/table.h"
#include "platform/log/printable.h"

using namespace tillsync;
using namespace tillsync::cli;
using namespace std::chrono_literals;

namespace {

json::Value parsed(std::string_view text) {
  auto value = json::parse(text);
  REQUIRE(value.has_value());
  return *value;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("table: columns line up, numbers to the right, nothing behind the last word") {
  const Table table{{"NAME", "OWED"}, {1}, {{"erp", "5"}, {"größe", "12345"}}};
  CHECK(table.text() == "NAME    OWED\nerp        5\ngröße  12345\n");
}

TEST_CASE("table: the last column is cut to the width") {
  const Table table{{"A", "REASON"}, {}, {{"x", "a very long reason indeed"}}};
  CHECK(table.text(15) == "A  REASON\nx  a very long…\n");
  CHECK(fitted("größer", 4) == "grö…");
  CHECK(fitted("abc", 3) == "abc");
}

TEST_CASE("progress: bar, counts, pace and time left within the width") {
  const Progress half{50, 100, 10, 5s, "erp up"};
  CHECK(progress_text(half, 100) == "[##########----------] 50/100 documents  10/s  5s left  erp up");
  CHECK(progress_text(half, 59) == "50/100 documents  10/s  5s left  erp up");
  CHECK(columns_of(progress_text(half, 20)) == 20);
  CHECK(progress_text({7, 0, 0, std::nullopt, ""}, 80) == "7 documents  0/s");
  CHECK(duration_text(59s) == "59s");
  CHECK(duration_text(725s) == "12m05s");
  CHECK(duration_text(3h + 7min) == "3h07m");
}

TEST_CASE("pace: counts over the last ten seconds, and tells no time where nothing moves") {
  Pace pace;
  const SteadyTime start(100s);
  CHECK(pace.per_second() == 0);
  for (int i = 0; i <= 30; ++i) pace.sample(start + i * 1s, i < 15 ? 0 : (i - 15) * 40);
  CHECK(pace.per_second() == 40);
  CHECK(pace.time_for(81) == 3s);
  for (int i = 31; i <= 50; ++i) pace.sample(start + i * 1s, 600);
  CHECK(pace.per_second() == 0);
  CHECK(!pace.time_for(5));
}

TEST_CASE("status: the table tells targets, backlog and quarantine, and disarms a target's words") {
  const auto view = read_status(
      parsed(R"({"store":"0417","version":"0.1","accepting":true,"backlog":5,"blocked":2,"quarantined":1,
    "oldest_undelivered":{"id":"s-1","sequence":9,"recorded_at":"2026-11-23T09:00:00Z"},
    "documents":{"journaled":9,"delivered":3,"quarantined":1,"discarded":0,"compensated":0},
    "targets":{"erp":{"state":"down","owed":5,"in_flight":0,"delivered":3,"quarantined":1,"rate_per_s":"1.0","last_success":null,
      "last_error":{"at":"2026-11-23T09:00:01Z","reason":"\u001b[31mboom"},"retry_in_s":"1.5"}}})"));
  CHECK(view.backlog == 5);
  CHECK(view.settled == 4);
  CHECK(!view.drained());
  CHECK(!view.only_quarantine_left());
  const std::string text = status_text(view, 0);
  CHECK(holds(text, "backlog 5  quarantined 1  oldest undelivered s-1 (sequence 9"));
  CHECK(holds(text, "erp     down      5          0  -"));
  CHECK(holds(text, "\\x1b[31mboom"));
  CHECK(!holds(text, "\x1b"));
  CHECK(holds(text, "tillsync quarantine list"));
}

TEST_CASE("status: only quarantined documents and what waits for them are left") {
  StatusView view;
  CHECK(view.drained());
  view.quarantined = 1;
  CHECK(!view.drained());
  CHECK(view.only_quarantine_left());
  view.backlog = 3;
  view.blocked = 2;
  CHECK(!view.only_quarantine_left());
  view.blocked = 3;
  CHECK(view.only_quarantine_left());
}

TEST_CASE("status: an answer without the members is no crash") {
  for (const char* text : {"{}", "[]", "null", R"({"targets":[],"documents":3,"oldest_undelivered":4})"}) {
    CHECK(status_text(read_status(parsed(text)), 80).size() > 0);
  }
}

TEST_CASE("backlog progress: counts what settled since its start") {
  BacklogProgress progress;
  StatusView view;
  view.settled = 100;
  view.backlog = 50;
  CHECK(progress.next(view, SteadyTime(1s)).total == 50);
  view.settled = 120;
  view.backlog = 40;  // ten came in meanwhile
  const Progress now = progress.next(view, SteadyTime(3s));
  CHECK(now.done == 20);
  CHECK(now.total == 60);
  CHECK(now.per_second == 10);
  CHECK(now.remaining == 4s);
}

TEST_CASE("report: balanced or not, totals, differences first twenty each") {
  std::string pending;
  for (int i = 0; i < 23; ++i) {
    pending += std::string(i == 0 ? "" : ",") + R"({"id":"s-)" + std::to_string(i) +
               R"(","type":"sale","sequence":)" + std::to_string(i + 1) + "}";
  }
  const auto report = parsed(
      R"({"store":"0417","from":"2026-11-23","to":"2026-11-23","generated_at":"2026-11-23T20:00:00Z","balanced":false,
    "journal":{"head":{"sequence":30,"hash":"ab"},"documents":{"sale":{"count":30,"total":{"GBP":"123.45"}}},
      "sequence_gaps":[{"terminal":"3","after":12,"before":14}],"till_closes":[{"id":"Z3","terminal":"3","business_day":"2026-11-22","documents":{"said":41,"journal":42},"after_close":1,"agrees":false,
        "difference":[{"type":"cash","amount":"-1.00","currency":"GBP"}]}]},
    "targets":{"erp":{"read_back_at":null,"journal":{"count":30,"total":{"GBP":"123.45","EUR":"1.00"}},"central":{"count":7,"total":{}},
      "matched":7,"not_listed":{"customer_update":{"count":3,"total":{}}},"pending":[)" +
      pending + R"(],"quarantined":[],"missing":[],"unexpected":[],
      "different":[{"id":"s-9","member":"/total","journal":"1.00","central":"2.00"}]}},"conflicts":[],
    "decisions":[{"sequence":31,"decision":"retry","by":"Ann","document":"s-1"}],
    "sums":{"terminals":[{"terminal":"3","currency":"GBP","sales_count":30,"sales":"123.45","returns_count":0,
      "returns":"0.00","net":"123.45"}],"tenders":[],"taxes":[{"code":"V20","currency":"GBP","lines":4,"turnover":"12.00","tax":"2.00"}]},
    "slo":{"objectives":[{"objective":"oldest_sale","target":"erp","unit":"s","value":"61.000","aim":"60.000","met":false}]}})");
  CHECK(!report_balanced(report));
  const std::string text = report_text(report, 100);
  CHECK(holds(text, "\nNOT BALANCED"));
  CHECK(holds(text, "sale        30  123.45 GBP"));
  CHECK(holds(text, "Target erp  never read back"));
  CHECK(holds(text, "123.45 GBP, 1.00 EUR"));
  CHECK(holds(text, "matched 7  pending 23  quarantined 0  missing 0  unexpected 0  different 1"));
  CHECK(holds(text, "not listed: customer_update 3"));
  CHECK(holds(text, "s-19 "));
  CHECK(!holds(text, "s-20 "));
  CHECK(holds(text, "… and 3 more"));
  CHECK(holds(text, "/total"));
  CHECK(holds(text, "terminal=3  after=12  before=14"));
  CHECK(holds(text, "Till closes (1)"));
  CHECK(holds(text, "Z3     3         2026-11-22    41       42      1  NO      cash -1.00 GBP"));
  CHECK(holds(text, "3        30  123.45        0  0.00  123.45  GBP"));
  CHECK(holds(text, "V20           4     12.00  2.00  GBP"));
  CHECK(holds(text, "oldest_sale  erp     61.000  60.000  s     NO"));
  CHECK(holds(text, "decision=retry  by=Ann  document=s-1"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(columns_of(line) <= 100);
  CHECK(report_text(parsed("{}"), 80).size() > 0);
}

TEST_CASE("trial balance: accounts, totals and each target beside them") {
  const auto balance = parsed(
      R"({"store":"0417","from":"2026-11-23","to":"2026-11-24","generated_at":"2026-11-24T20:00:00Z","balanced":false,
    "currencies":{"GBP":{"accounts":[{"account":"tender","name":"cash","debit":"9.00","credit":"0.00"},
      {"account":"sales","name":null,"debit":"0.00","credit":"9.00"}],"debit":"9.00","credit":"9.00","balanced":true}},
    "targets":{"erp":{"journal":{"GBP":"9.00"},"not_listed":{},"central":{"GBP":"8.00"},"difference":{"GBP":"1.00"},
      "read_back_at":"2026-11-24T20:00:00Z","read_back_is_current":false}}})");
  const std::string text = trial_balance_text(balance, 0);
  CHECK(holds(text, "2026-11-23 to 2026-11-24\nNOT BALANCED"));
  CHECK(holds(text, "tender   cash           9.00        0.00"));
  CHECK(holds(text, "total    balances       9.00        9.00"));
  CHECK(holds(text, "erp     9.00 GBP  -           8.00 GBP  1.00 GBP    2026-11-24T20:00:00Z (old)"));
}

TEST_CASE("post: lines keep their numbers, blank ones are passed over, an overlong one is told apart") {
  std::istringstream in("{\"a\":1}\r\n\n  \t\n" + std::string(kDocumentBytesMax + 1, 'x') + "\n" +
                        std::string(kDocumentBytesMax, 'y') + "\nlast");
  LineReader lines(in);
  auto line = lines.next();
  REQUIRE(line.has_value());
  CHECK(line->number == 1);
  CHECK(line->text == "{\"a\":1}");
  line = lines.next();
  REQUIRE(line.has_value());
  CHECK(line->number == 4);
  CHECK(line->too_long);
  line = lines.next();
  REQUIRE(line.has_value());
  CHECK(!line->too_long);
  CHECK(line->text.size() == kDocumentBytesMax);
  line = lines.next();
  REQUIRE(line.has_value());
  CHECK(line->number == 6);
  CHECK(line->text == "last");
  CHECK(!lines.next());
}

TEST_CASE("post: a chunk is bounded in documents and bytes, and loses none") {
  std::string text;
  for (int i = 0; i < 1201; ++i) text += "{}\n";
  for (int i = 0; i < 9; ++i) text += std::string(900 * 1024, 'x') + "\n";
  text += std::string(2 * kDocumentBytesMax, 'z') + "\n{}\n";
  std::istringstream in(text);
  ChunkReader chunks(in);
  std::int64_t expected = 1;
  for (Chunk chunk = chunks.next(); !chunk.empty(); chunk = chunks.next()) {
    CHECK(chunk.size() <= kChunkDocumentsMax);
    std::size_t bytes = 0;
    for (const PostLine& line : chunk) {
      CHECK(line.number == expected++);
      bytes += line.text.size() + 1;
      if (line.too_long) CHECK(chunk.size() == 1);
    }
    CHECK(bytes <= kChunkBytesMax);
  }
  CHECK(expected == 1201 + 9 + 2 + 1);
}

TEST_CASE("post: results are counted, refusals named, and what comes later is kept for the next try") {
  const Chunk chunk = {
      {1, R"({"id":"a"})"}, {2, R"({"id":"b"})"}, {5, R"({"id":"c\u001b"})"}, {6, R"({"id":"d"})"}};
  PostTally tally;
  const auto outcome = read_results(
      chunk,
      "{\"status\":201,\"id\":\"a\"}\n{\"status\":200,\"id\":\"b\"}\n"
      R"({"status":422,"problem":{"title":"invalid document","errors":[{"pointer":"/lines/0/sku","detail":"is missing"}]}})"
      "\n{\"status\":507,\"problem\":{}}\n",
      tally);
  REQUIRE(outcome.has_value());
  CHECK(tally.text() == "3 documents: 1 journaled, 1 already there, 1 refused");
  REQUIRE(tally.refusals.size() == 1);
  CHECK(tally.refusals[0] == "line 5 id c\\x1b: invalid document; /lines/0/sku is missing");
  REQUIRE(outcome->again.size() == 1);
  CHECK(outcome->again[0].number == 6);
  CHECK(outcome->again_status == 507);
  CHECK(holds(outcome->json_lines, "{\"line\":1,\"status\":201,\"id\":\"a\"}\n"));
  CHECK(!holds(outcome->json_lines, "\"line\":6"));
}

TEST_CASE("post: an answer that is cut counts nothing, so that the chunk can be sent again") {
  const Chunk chunk = {{1, "{}"}, {2, "{}"}};
  PostTally tally;
  CHECK(!read_results(chunk, "{\"status\":201}\n", tally).has_value());
  CHECK(!read_results(chunk, "{\"status\":201}\n{\"stat", tally).has_value());
  CHECK(tally.documents() == 0);
}
