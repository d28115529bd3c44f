#include "agent/connectors/classify.h"

#include <doctest/doctest.h>

#include <string>

using namespace tillsync;
using http::Answer;
using http::Exchange;
using http::Failure;
using std::chrono::seconds;

namespace {

Answer answer(int status, std::string body, std::string retry_after = "") {
  Answer made;
  made.status = status;
  made.body = std::move(body);
  if (!retry_after.empty()) made.headers.emplace_back("retry-after", std::move(retry_after));
  return made;
}

constexpr auto kDelivered = OutcomeKind::kDelivered;
constexpr auto kRetryable = OutcomeKind::kRetryable;
constexpr auto kRejected = OutcomeKind::kRejected;
constexpr auto kUnknown = OutcomeKind::kUnknown;
constexpr auto kFine = TargetSignal::kFine;
constexpr auto kUnreachable = TargetSignal::kUnreachable;
constexpr auto kThrottled = TargetSignal::kThrottled;
constexpr auto kUnauthorized = TargetSignal::kUnauthorized;

}  // namespace

TEST_CASE("classify: what was sent decides (CONTRACT section 8), row by row") {
  struct Row {
    Exchange exchange;
    OutcomeKind kind;
    TargetSignal signal;
    std::string reason;
  };
  const std::string taken = R"({"central_reference":"C-1"})";
  const Row rows[] = {
      {Failure{false, "connect", "refused"}, kRetryable, kUnreachable, "nothing sent (connect): refused"},
      {Failure{false, "tls", "no\r\nway"}, kRetryable, kUnreachable, "nothing sent (tls): no way"},
      {Failure{true, "timeout", "late"}, kUnknown, kUnreachable, "no whole answer (timeout): late"},
      {answer(200, taken), kDelivered, kFine, ""},
      {answer(201, taken), kDelivered, kFine, ""},
      {answer(202, taken), kUnknown, kFine, "HTTP 202 without a central_reference"},
      {answer(204, ""), kUnknown, kFine, "HTTP 204 without a central_reference"},
      {answer(200, ""), kUnknown, kFine, "HTTP 200 without a central_reference"},
      {answer(201, R"({"central_reference":"C-)"), kUnknown, kFine, "HTTP 201 without a central_reference"},
      {answer(201, R"({"central_reference":7})"), kUnknown, kFine, "HTTP 201 without a central_reference"},
      {answer(201, R"({"central_reference":""})"), kUnknown, kFine, "HTTP 201 without a central_reference"},
      {answer(200, "<html>welcome</html>"), kUnknown, kFine, "HTTP 200 without a central_reference"},
      {answer(301, ""), kRejected, kFine,
       "HTTP 301: redirects are not followed, set base_url to where it leads"},
      {answer(307, ""), kRejected, kFine,
       "HTTP 307: redirects are not followed, set base_url to where it leads"},
      {answer(400, ""), kRejected, kFine, "HTTP 400"},
      {answer(401, R"({"title":"who are you"})"), kRetryable, kUnauthorized, "who are you"},
      {answer(403, ""), kRejected, kFine, "HTTP 403"},
      {answer(404, "not json"), kRejected, kFine, "HTTP 404"},
      {answer(409, R"({"type":"urn:tillsync:problem:in-progress"})"), kRetryable, kFine, "HTTP 409"},
      {answer(409, R"({"type":"in-progress"})"), kRetryable, kFine, "HTTP 409"},
      {answer(409, R"({"type":"urn:x:closed-period"})"), kRejected, kFine, "HTTP 409"},
      {answer(409, ""), kRejected, kFine, "HTTP 409"},
      {answer(422, R"({"title":"T","detail":"unknown SKU 7"})"), kRejected, kFine, "unknown SKU 7"},
      {answer(422, R"({"title":"T","detail":"  "})"), kRejected, kFine, "T"},
      {answer(422, R"({"detail":5})"), kRejected, kFine, "HTTP 422"},
      {answer(429, ""), kRetryable, kThrottled, "HTTP 429"},
      {answer(500, taken), kUnknown, kUnreachable, "HTTP 500"},
      {answer(501, ""), kUnknown, kUnreachable, "HTTP 501"},
      {answer(502, ""), kUnknown, kUnreachable, "HTTP 502"},
      {answer(503, ""), kRetryable, kUnreachable, "HTTP 503"},
      {answer(503, "", "30"), kRetryable, kThrottled, "HTTP 503"},
      {answer(503, "", "whenever"), kRetryable, kUnreachable, "HTTP 503"},
      {answer(504, ""), kUnknown, kUnreachable, "HTTP 504"},
      {answer(505, ""), kUnknown, kUnreachable, "HTTP 505"},
      {answer(507, ""), kUnknown, kUnreachable, "HTTP 507"},
      {answer(599, ""), kUnknown, kUnreachable, "HTTP 599"},
      {answer(101, ""), kUnknown, kUnreachable, "HTTP 101"},
  };
  for (const auto& row : rows) {
    const Outcome outcome = classify(row.exchange);
    CAPTURE(row.reason);
    CAPTURE(outcome.http_status);
    CHECK(outcome.kind == row.kind);
    CHECK(outcome.signal == row.signal);
    CHECK(outcome.reason == row.reason);
    CHECK(outcome.central_reference == (row.kind == kDelivered ? "C-1" : ""));
    const auto* whole = std::get_if<Answer>(&row.exchange);
    CHECK(outcome.http_status == (whole == nullptr ? 0 : whole->status));
    CHECK(outcome.answer == (whole == nullptr ? "" : whole->body));
  }
}

TEST_CASE("classify: the wait that a target asks for is kept") {
  CHECK(classify(answer(429, "", "7")).retry_after == seconds(7));
  CHECK(classify(answer(503, "", "7")).retry_after == seconds(7));
  CHECK(classify(answer(409, R"({"type":"in-progress"})", "2")).retry_after == seconds(2));
  CHECK_FALSE(classify(answer(429, "")).retry_after.has_value());
}

TEST_CASE("classify: reason and answer are bounded, of whole characters, and the reason is one line") {
  const std::string euro = "\xE2\x82\xAC";
  std::string long_detail;
  for (int i = 0; i < 3000; ++i) long_detail += euro;
  const Outcome outcome = classify(answer(422, "{\"detail\":\"a\\r\\n\\u0000b\\t " + long_detail + "\"}"));
  CHECK(outcome.reason.starts_with("a b " + euro));
  CHECK(outcome.reason.size() <= kReasonBytesMax);
  CHECK(outcome.reason.size() > kReasonBytesMax - 3);
  CHECK(outcome.reason.ends_with(euro));
  CHECK(outcome.answer.size() <= kAnswerBytesMax);
  CHECK(outcome.answer.size() > kAnswerBytesMax - 3);
  CHECK(outcome.answer.ends_with(euro));
  CHECK(classify(answer(500, "a\xFF\xC3")).answer == "a\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("classify: each item of a batch's answer is an answer of its own") {
  const auto outcomes = classify_batch(answer(200, R"([
      {"status":201,"central_reference":"C-1"},
      {"status":422,"problem":{"type":"urn:x","title":"T","detail":"closed period"}},
      {"status":422,"detail":"flat problem"},
      {"status":409,"problem":{"type":"urn:x:in-progress"},"retry_after":3},
      {"status":200},
      {"central_reference":"C-2"},
      {"status":"201","central_reference":"C-3"},
      {"status":503},
      null,
      {"status":7}])"),
                                       10);
  REQUIRE(outcomes.size() == 10);
  CHECK(outcomes[0].kind == kDelivered);
  CHECK(outcomes[0].central_reference == "C-1");
  CHECK(outcomes[0].http_status == 201);
  CHECK(outcomes[1].kind == kRejected);
  CHECK(outcomes[1].reason == "closed period");
  CHECK(outcomes[1].answer.find("closed period") != std::string::npos);
  CHECK(outcomes[2].reason == "flat problem");
  CHECK(outcomes[3].kind == kRetryable);
  CHECK(outcomes[3].retry_after == seconds(3));
  for (const int unsure : {4, 5, 6, 8, 9}) {
    CAPTURE(unsure);
    CHECK(outcomes[static_cast<std::size_t>(unsure)].kind == kUnknown);
    CHECK(outcomes[static_cast<std::size_t>(unsure)].signal == kFine);
  }
  CHECK(outcomes[7].kind == kRetryable);
  CHECK(outcomes[7].signal == kUnreachable);
}

TEST_CASE("classify: a batch's answer that does not fit leaves every delivery unknown") {
  for (const std::string body : {"", "[", "{}", "[]", R"([{"status":201,"central_reference":"C-1"}])",
                                 R"([{"status":201},{"status":201},{"status":201}])"}) {
    CAPTURE(body);
    const auto outcomes = classify_batch(answer(200, body), 2);
    REQUIRE(outcomes.size() == 2);
    for (const auto& outcome : outcomes) {
      CHECK(outcome.kind == kUnknown);
      CHECK(outcome.signal == kFine);
      CHECK(outcome.http_status == 200);
    }
  }
}

TEST_CASE("classify: an answer to the batch as a whole goes for each delivery") {
  CHECK(classify_batch(answer(503, "", "9"), 3).size() == 3);
  CHECK(classify_batch(answer(503, "", "9"), 3)[2].signal == kThrottled);
  CHECK(classify_batch(Failure{true, "reset", "gone"}, 2)[1].kind == kUnknown);
}

TEST_CASE("classify: a look-up finds only the row that was asked for") {
  const auto look = [](int status, std::string body) {
    return classify_look_up(answer(status, body), "0417/1", "erp");
  };
  const std::string row = R"({"reference":"0417/1","step":"erp","central_reference":"C-1"})";
  const std::string other = R"({"reference":"0417/2","step":"erp","central_reference":"C-2"})";

  const auto found = look(200, "{\"documents\":[" + other + "," + row + "]}");
  CHECK(found.kind == LookUpAnswer::Kind::kFound);
  CHECK(found.outcome.kind == kDelivered);
  CHECK(found.outcome.central_reference == "C-1");
  const auto twice = look(200, "{\"documents\":[" + row + "," + row + "]}");
  CHECK(twice.kind == LookUpAnswer::Kind::kFound);
  CHECK(twice.outcome.reason.find("2 times") != std::string::npos);
  CHECK(look(200, R"({"documents":[]})").kind == LookUpAnswer::Kind::kAbsent);
}

TEST_CASE("classify: a look-up without a sure answer has failed, and never says delivered or absent") {
  const auto look = [](const Exchange& exchange) { return classify_look_up(exchange, "0417/1", "erp"); };
  const Exchange unsure[] = {
      answer(200, ""),
      answer(200, "{\"documents\":["),
      answer(200, R"({"documents":null})"),
      answer(200, R"({"documents":{}})"),
      answer(200, "[]"),
      answer(200, R"({"central_reference":"C-1"})"),
      answer(200, R"({"documents":[{"reference":"0417/1","step":"crm","central_reference":"C-1"}]})"),
      answer(200, R"({"documents":[{"reference":"0417/1","step":"erp"}]})"),
      answer(204, ""),
      answer(206, R"({"documents":[]})"),
      answer(307, ""),
      answer(401, ""),
      answer(500, R"({"documents":[]})"),
      Failure{true, "timeout", "late"},
      Failure{false, "connect", "refused"},
  };
  for (const auto& exchange : unsure) {
    const auto result = look(exchange);
    CAPTURE(result.outcome.reason);
    CHECK(result.kind == LookUpAnswer::Kind::kFailed);
    CHECK(result.outcome.kind != kDelivered);
    CHECK_FALSE(result.outcome.reason.empty());
  }
  CHECK(look(answer(401, "")).outcome.signal == kUnauthorized);
  const auto missing = look(answer(404, "no"));
  CHECK(missing.kind == LookUpAnswer::Kind::kFailed);
  CHECK(missing.outcome.kind == kRejected);
  CHECK(missing.outcome.reason.starts_with("look-up not offered"));
}

TEST_CASE("I8: central's reference is kept to its limit, as reconcile keeps a row's") {
  std::string reference = "C";  // so that the limit falls into a character
  while (reference.size() < 1'000'000) reference += "\xc3\xa9";
  const std::string kept = reference.substr(0, kCentralReferenceBytesMax - 1);
  const std::string row = R"({"reference":"0417/S1","step":"erp","central_reference":")" + reference + "\"}";
  const auto posted = classify(answer(201, row));
  CHECK(posted.kind == kDelivered);
  CHECK(posted.central_reference == kept);
  const auto batch =
      classify_batch(answer(200, R"([{"status":200,"central_reference":")" + reference + "\"}]"), 1);
  CHECK(batch.at(0).kind == kDelivered);
  CHECK(batch.at(0).central_reference == kept);
  const auto found = classify_look_up(answer(200, R"({"documents":[)" + row + "]}"), "0417/S1", "erp");
  CHECK(found.kind == LookUpAnswer::Kind::kFound);
  CHECK(found.outcome.central_reference == kept);
}
