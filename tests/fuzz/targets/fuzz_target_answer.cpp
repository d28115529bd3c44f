// What a target, or anything in between, answers: classify, classify_batch, classify_look_up, Retry-After,
// and the answer of a token endpoint. Whatever comes, an outcome is bounded, fit to keep, and never better
// than what was said.
//
// The first byte chooses the status, the second how many deliveries the batch had; then come a line for
// Retry-After, a line for Date, and the body.
#include <algorithm>

#include "agent/connectors/classify.h"
#include "agent/connectors/oauth2.h"
#include "agent/connectors/plain_text.h"
#include "outbox/journal/facts.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

constexpr std::string_view kReference = "0417/T1-1";
constexpr std::string_view kStep = "erp";
constexpr int kStatuses[] = {200, 201, 202, 204, 100, 301, 304, 400, 401, 404,
                             409, 410, 422, 429, 500, 502, 503, 504, 0,   999};
constexpr auto kWaitMax = std::chrono::hours(1);

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void check_outcome(const Outcome& outcome) {
  FUZZ_CHECK(outcome.reason.size() <= kReasonBytesMax, "a reason is bounded");
  FUZZ_CHECK(is_utf8(outcome.reason) && is_one_line(outcome.reason), "a reason is one line of UTF-8");
  FUZZ_CHECK(outcome.answer.size() <= kAnswerBytesMax && is_utf8(outcome.answer), "an answer is bounded");
  FUZZ_CHECK(outcome.central_reference.size() <= kCentralReferenceBytesMax, "a reference is bounded");
  FUZZ_CHECK(is_utf8(outcome.central_reference), "a reference is UTF-8");
  const bool delivered = outcome.kind == OutcomeKind::kDelivered;
  FUZZ_CHECK(delivered != outcome.central_reference.empty(), "what is delivered has central's reference");
  FUZZ_CHECK(delivered || !outcome.reason.empty(), "what is not delivered has a reason");
  if (outcome.retry_after)
    FUZZ_CHECK(outcome.retry_after->count() >= 0 && *outcome.retry_after <= kWaitMax, "a wait is bounded");
  // The journal keeps it, and gives it back.
  OutcomeFact fact;
  fact.delivery = DeliveryKey{Sequence{1}, std::string(kStep)};
  fact.target = kStep;
  fact.outcome = outcome;
  const auto kept = decode_outcome(Sequence{1}, encode_outcome(fact));
  FUZZ_CHECK(kept.has_value() && kept->outcome.kind == outcome.kind, "an outcome can be kept");
  FUZZ_CHECK(kept->outcome.reason == outcome.reason, "with its reason");
  FUZZ_CHECK(kept->outcome.central_reference == outcome.central_reference, "and central's reference");
}

void check_single(const http::Answer& answer) {
  const Outcome outcome = classify(answer);
  check_outcome(outcome);
  FUZZ_CHECK(outcome.http_status == answer.status, "an outcome tells the status");
  if (outcome.kind == OutcomeKind::kDelivered)
    FUZZ_CHECK(answer.status == 200 || answer.status == 201, "delivered means that central said so");
  if (outcome.kind == OutcomeKind::kRejected)
    FUZZ_CHECK(answer.status >= 300 && answer.status < 500, "rejected means that central said so");
}

void check_batch(const http::Answer& answer, std::size_t count) {
  const auto outcomes = classify_batch(answer, count);
  FUZZ_CHECK(outcomes.size() == count, "every delivery of a batch has an outcome");
  for (const auto& outcome : outcomes) check_outcome(outcome);
  if (answer.status < 200 || answer.status > 299) return;
  const auto body = json::parse(answer.body, {.depth_max = 48});
  if (body && body->as_array() != nullptr && body->as_array()->size() == count) return;
  for (const auto& outcome : outcomes)
    FUZZ_CHECK(outcome.kind == OutcomeKind::kUnknown, "an answer that fits no batch leaves all unknown");
}

void check_look_up(const http::Answer& answer) {
  const auto found = classify_look_up(answer, kReference, kStep);
  check_outcome(found.outcome);
  if (found.kind == LookUpAnswer::Kind::kFailed) {
    FUZZ_CHECK(found.outcome.kind != OutcomeKind::kDelivered, "a failed look-up delivers nothing");
    return;
  }
  // Both of the others send or settle: only a whole list may say so (I3).
  FUZZ_CHECK(answer.status == 200, "only a 200 says what central has");
  const auto body = json::parse(answer.body, {.depth_max = 48});
  const auto* rows = body ? body->find("documents") : nullptr;
  FUZZ_CHECK(rows != nullptr && rows->as_array() != nullptr, "only a list says what central has");
  if (found.kind == LookUpAnswer::Kind::kAbsent) {
    FUZZ_CHECK(rows->as_array()->empty(), "only an empty list says absent");
  } else {
    FUZZ_CHECK(found.outcome.kind == OutcomeKind::kDelivered, "found means delivered");
    FUZZ_CHECK(std::any_of(rows->as_array()->begin(), rows->as_array()->end(),
                           [](const auto& row) {
                             return row.text_of("reference") == kReference && row.text_of("step") == kStep;
                           }),
               "found means that a row is this delivery's");
  }
}

/// Answers every request at once with the same answer.
class OneAnswer final : public http::Transport {
 public:
  explicit OneAnswer(http::Answer answer) : answer_(std::move(answer)) {}
  void start(http::Request, std::function<void(http::Exchange)> done) override { done(answer_); }

 private:
  const http::Answer answer_;
};

class StillClock final : public Clock {
 public:
  UtcTime utc_now() const override { return UtcTime{}; }
  SteadyTime steady_now() const override { return SteadyTime(std::chrono::hours(1)); }
};

void check_token(const http::Answer& answer) {
  TargetSettings settings;
  settings.auth.kind = "oauth2";
  settings.auth.token_url = "https://id.example.com/token";
  settings.auth.client_id = "store-0417";
  settings.auth.client_secret.text = "env:SECRET";
  OneAnswer transport(answer);
  StillClock clock;
  const auto credentials = std::make_shared<OAuth2Credentials>(
      settings, transport, clock,
      [](const SecretReference&) { return Result<std::string>("s3cret-of-ours"); });
  int calls = 0;
  credentials->obtain([&](Credentials::Obtained obtained) {
    ++calls;
    if (const auto* outcome = std::get_if<Outcome>(&obtained)) {
      check_outcome(*outcome);
      FUZZ_CHECK(outcome->kind == OutcomeKind::kRetryable, "without a token nothing was sent");
      return;
    }
    const auto& authorization = std::get<Authorization>(obtained);
    FUZZ_CHECK(answer.status == 200 && authorization.headers.size() == 1, "a token comes with a 200");
    std::string header = authorization.headers[0].second;
    const std::string token = header.substr(header.find(' ') + 1);
    FUZZ_CHECK(header == "Bearer " + token && !token.empty() &&
                   std::none_of(token.begin(), token.end(), [](char c) { return c <= ' ' || c >= 0x7f; }),
               "a token is one word of a header");
    authorization.blot->out_of(header);
    FUZZ_CHECK(token.size() < 6 || header.find(token) == std::string::npos, "a token is blotted out");
  });
  FUZZ_CHECK(calls == 1, "who asks is answered once");
}

void check_text(std::string_view body) {
  for (const std::size_t bytes_max : {0, 1, 7, 300}) {
    const auto bounded = bounded_utf8(body, bytes_max);
    FUZZ_CHECK(bounded.size() <= bytes_max && is_utf8(bounded), "bounded text");
    const auto line = one_line(body, bytes_max);
    FUZZ_CHECK(line.size() <= bytes_max && is_utf8(line) && is_one_line(line), "one line");
    FUZZ_CHECK(one_line(line, bytes_max) == line, "one line is fixed");
  }
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tillsync;
  fuzz::Choices choices(fuzz::text_of(data, size));
  http::Answer answer;
  answer.status = fuzz::kStatuses[choices.below(std::size(fuzz::kStatuses))];
  const std::size_t count = choices.below(4) + 1;
  answer.headers.emplace_back("retry-after", choices.line());
  answer.headers.emplace_back("date", choices.line());
  answer.body = choices.rest();
  const auto wait = http::retry_after(answer, std::chrono::milliseconds(-1));
  FUZZ_CHECK(wait.count() >= -1 && wait <= fuzz::kWaitMax, "a wait is bounded");
  fuzz::check_single(answer);
  fuzz::check_batch(answer, count);
  fuzz::check_look_up(answer);
  fuzz::check_token(answer);
  fuzz::check_text(answer.body);
  return 0;
}
