#include "agent/connectors/classify.h"

#include <algorithm>
#include <optional>

#include "agent/connectors/plain_text.h"
#include "platform/base/mutation.h"
#include "platform/json/json.h"

namespace tillsync {
namespace {

using std::chrono::milliseconds;

/// A batch's answer nests its items' own bodies, and a look-up's rows hold whole documents.
constexpr json::ParseLimits kAnswerLimits{.depth_max = 48};

/// One answer, of a whole request or of one item of a batch.
struct RestReply {
  int status = 0;
  const json::Value* body = nullptr;     ///< where the result stands; null where it is no JSON
  const json::Value* problem = nullptr;  ///< where `type`, `title` and `detail` stand
  std::string_view text;
  const json::Value* item = nullptr;  ///< of a batch: what to show instead of `text`
  std::optional<milliseconds> retry_after;
};

struct Meaning {
  OutcomeKind kind;
  TargetSignal signal;
};

std::string status_text(int status) {
  return "HTTP " + std::to_string(status);
}

std::string_view central_reference_of(const RestReply& reply) {
  return reply.body == nullptr ? std::string_view() : reply.body->text_of("central_reference");
}

std::string_view problem_text(const RestReply& reply, std::string_view member) {
  return reply.problem == nullptr ? std::string_view() : reply.problem->text_of(member);
}

Meaning meaning_of_client_error(const RestReply& reply) {
  switch (reply.status) {
    case 401:
      return {OutcomeKind::kRetryable, TargetSignal::kUnauthorized};
    case 429:
      return {OutcomeKind::kRetryable, TargetSignal::kThrottled};
    case 409:
      if (problem_text(reply, "type").ends_with("in-progress"))
        return {OutcomeKind::kRetryable, TargetSignal::kFine};
      [[fallthrough]];
    default:
      return {OutcomeKind::kRejected, TargetSignal::kFine};
  }
}

Meaning meaning_of(const RestReply& reply) {
  const bool done = reply.status == 200 || reply.status == 201;
  if (done && !central_reference_of(reply).empty()) return {OutcomeKind::kDelivered, TargetSignal::kFine};
  if (reply.status >= 200 && reply.status < 300) return {OutcomeKind::kUnknown, TargetSignal::kFine};
  if (reply.status >= 300 && reply.status < 400) return {OutcomeKind::kRejected, TargetSignal::kFine};
  if (reply.status >= 400 && reply.status < 500) return meaning_of_client_error(reply);
  if (reply.status == 503) {
    return {OutcomeKind::kRetryable,
            reply.retry_after ? TargetSignal::kThrottled : TargetSignal::kUnreachable};
  }
  return {OutcomeKind::kUnknown, TargetSignal::kUnreachable};
}

std::string reason_of(const RestReply& reply, OutcomeKind kind) {
  if (kind == OutcomeKind::kDelivered) return {};
  if (reply.status >= 200 && reply.status < 300)
    return status_text(reply.status) + " without a central_reference";
  if (reply.status >= 300 && reply.status < 400) {
    return status_text(reply.status) + ": redirects are not followed, set base_url to where it leads";
  }
  for (const std::string_view member : {"detail", "title"}) {
    if (auto line = one_line(problem_text(reply, member), kReasonBytesMax); !line.empty()) return line;
  }
  return status_text(reply.status);
}

Outcome outcome_of(const RestReply& reply) {
  const auto [kind, signal] = meaning_of(reply);
  Outcome outcome;
  outcome.kind = kind;
  outcome.signal = signal;
  if (kind == OutcomeKind::kDelivered) {
    outcome.central_reference = bounded_utf8(central_reference_of(reply), kCentralReferenceBytesMax);
  }
  outcome.reason = reason_of(reply, kind);
  outcome.http_status = reply.status;
  if (reply.item == nullptr) {
    outcome.answer = bounded_utf8(reply.text, kAnswerBytesMax);
  } else if (kind != OutcomeKind::kDelivered) {
    outcome.answer = bounded_utf8(json::dump(*reply.item), kAnswerBytesMax);
  }
  if (kind != OutcomeKind::kDelivered) outcome.retry_after = reply.retry_after;
  return outcome;
}

Outcome outcome_of(const http::Failure& failure) {
  Outcome outcome;
  outcome.kind = failure.sent ? OutcomeKind::kUnknown : OutcomeKind::kRetryable;
  if (failure.sent && mutated("unknown-is-delivered")) {
    outcome.kind = OutcomeKind::kDelivered;
    outcome.central_reference = "?";
  }
  outcome.signal = TargetSignal::kUnreachable;
  outcome.reason = one_line(
      (failure.sent ? "no whole answer (" : "nothing sent (") + failure.code + "): " + failure.detail,
      kReasonBytesMax);
  return outcome;
}

std::optional<milliseconds> retry_after_of(const http::Answer& answer) {
  const milliseconds wait = http::retry_after(answer, milliseconds(-1));
  return wait.count() < 0 ? std::nullopt : std::optional(wait);
}

/// An answer and its body as JSON, where it is that.
struct ParsedAnswer {
  explicit ParsedAnswer(const http::Answer& answer) : body(json::parse(answer.body, kAnswerLimits)) {
    reply.status = answer.status;
    reply.body = body.has_value() ? &*body : nullptr;
    reply.problem = reply.body;
    reply.text = answer.body;
    reply.retry_after = retry_after_of(answer);
  }
  ParsedAnswer(const ParsedAnswer&) = delete;
  ParsedAnswer& operator=(const ParsedAnswer&) = delete;

  Result<json::Value> body;
  RestReply reply;
};

bool is_success(int status) {
  return status >= 200 && status < 300;
}

Outcome outcome_of_item(const json::Value& item, std::optional<milliseconds> retry_after) {
  const std::int64_t status = item.integer_of("status");
  if (status < 100 || status > 599) {
    Outcome outcome;
    outcome.reason = "the batch's answer has no status for this delivery";
    outcome.answer = bounded_utf8(json::dump(item), kAnswerBytesMax);
    return outcome;
  }
  RestReply reply;
  reply.status = static_cast<int>(status);
  reply.body = &item;
  const json::Value* problem = item.find("problem");
  reply.problem = problem != nullptr && problem->as_object() != nullptr ? problem : &item;
  reply.item = &item;
  const std::int64_t own_wait_s = item.integer_of("retry_after", -1);
  reply.retry_after =
      own_wait_s < 0 ? retry_after : std::chrono::seconds(std::min<std::int64_t>(own_wait_s, 3600));
  return outcome_of(reply);
}

Outcome unreadable(const http::Answer& answer, std::string reason) {
  Outcome outcome;
  outcome.reason = std::move(reason);
  outcome.http_status = answer.status;
  outcome.answer = bounded_utf8(answer.body, kAnswerBytesMax);
  return outcome;
}

LookUpAnswer failed(Outcome outcome) {
  return {LookUpAnswer::Kind::kFailed, std::move(outcome)};
}

LookUpAnswer look_up_rows(const http::Answer& answer, const json::Array& rows, std::string_view reference,
                          std::string_view step) {
  if (rows.empty()) {
    Outcome outcome;
    outcome.kind = OutcomeKind::kRetryable;
    outcome.reason = "central does not have it";
    outcome.http_status = answer.status;
    return {LookUpAnswer::Kind::kAbsent, std::move(outcome)};
  }
  std::size_t matching = 0;
  std::string_view central_reference;
  for (const auto& row : rows) {
    if (row.text_of("reference") != reference || row.text_of("step") != step) continue;
    if (matching++ == 0) central_reference = row.text_of("central_reference");
  }
  if (matching == 0) return failed(unreadable(answer, "the look-up was answered with other documents' rows"));
  if (central_reference.empty())
    return failed(unreadable(answer, "the look-up's row has no central_reference"));
  Outcome outcome;
  outcome.kind = OutcomeKind::kDelivered;
  outcome.central_reference = bounded_utf8(central_reference, kCentralReferenceBytesMax);
  outcome.reason =
      matching == 1 ? "found by look-up" : "found by look-up, " + std::to_string(matching) + " times";
  outcome.http_status = answer.status;
  outcome.answer = bounded_utf8(answer.body, kAnswerBytesMax);
  return {LookUpAnswer::Kind::kFound, std::move(outcome)};
}

}  // namespace

Outcome not_reached(const Outcome& last) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRetryable;
  outcome.signal = last.signal;
  outcome.reason = "nothing sent: the target did not serve the one before";
  outcome.retry_after = last.retry_after;
  return outcome;
}

std::vector<Outcome> for_all(const Outcome& outcome, std::size_t count) {
  return std::vector<Outcome>(count, outcome);
}

Outcome classify(const http::Exchange& exchange) {
  if (const auto* failure = std::get_if<http::Failure>(&exchange)) return outcome_of(*failure);
  return outcome_of(ParsedAnswer(std::get<http::Answer>(exchange)).reply);
}

std::vector<Outcome> classify_batch(const http::Exchange& exchange, std::size_t count) {
  const auto* answer = std::get_if<http::Answer>(&exchange);
  if (answer == nullptr || !is_success(answer->status)) return for_all(classify(exchange), count);
  const ParsedAnswer parsed(*answer);
  const json::Array* items = parsed.reply.body == nullptr ? nullptr : parsed.reply.body->as_array();
  if (items == nullptr) return for_all(unreadable(*answer, "the batch's answer is no JSON array"), count);
  if (items->size() != count) {
    return for_all(unreadable(*answer, "the batch's answer has " + std::to_string(items->size()) +
                                           " items for " + std::to_string(count) + " deliveries"),
                   count);
  }
  std::vector<Outcome> outcomes;
  outcomes.reserve(count);
  for (const auto& item : *items) outcomes.push_back(outcome_of_item(item, parsed.reply.retry_after));
  return outcomes;
}

LookUpAnswer classify_look_up(const http::Exchange& exchange, std::string_view reference,
                              std::string_view step) {
  const auto* answer = std::get_if<http::Answer>(&exchange);
  if (answer == nullptr) return failed(classify(exchange));
  if (!is_success(answer->status)) {
    Outcome outcome = classify(exchange);
    if (answer->status == 404)
      outcome.reason = "look-up not offered (HTTP 404): central serves no GET /documents";
    return failed(std::move(outcome));
  }
  const ParsedAnswer parsed(*answer);
  const json::Value* documents =
      parsed.reply.body == nullptr ? nullptr : parsed.reply.body->find("documents");
  const json::Array* rows = documents == nullptr ? nullptr : documents->as_array();
  if (answer->status != 200 || rows == nullptr) {
    return failed(unreadable(*answer, "the look-up was answered without a list of documents"));
  }
  return look_up_rows(*answer, *rows, reference, step);
}

}  // namespace tillsync
