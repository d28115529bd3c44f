#include "agent/connectors/mapped/verdict.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "agent/connectors/classify.h"
#include "agent/connectors/plain_text.h"
#include "agent/connectors/target_usage.h"

namespace tillsync {
namespace {

using std::chrono::milliseconds;

constexpr double kRetryAfterMax_s = 86'400;

Outcome with_answer(Outcome outcome, const http::Answer& answer) {
  outcome.http_status = answer.status;
  outcome.answer = bounded_utf8(answer.body, kAnswerBytesMax);
  return outcome;
}

Verdict settled(Outcome outcome, const http::Answer& answer) {
  Verdict verdict;
  verdict.kind = Verdict::Kind::kSettled;
  verdict.outcome = with_answer(std::move(outcome), answer);
  return verdict;
}

/// The connector is wrong: nothing is known of the delivery.
Verdict wrong(const http::Answer& answer, const std::string& what) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kUnknown;
  outcome.reason = one_line("the connector's answer program " + what, kReasonBytesMax);
  return settled(std::move(outcome), answer);
}

/// A string, or a number as it was written; "" for anything else.
std::string reference_text(const json::Value* value) {
  if (value == nullptr) return {};
  if (const auto* text = value->as_string()) return bounded_utf8(*text, kCentralReferenceBytesMax);
  if (const auto* number = value->as_number()) return number->text;
  return {};
}

std::optional<OutcomeKind> kind_of(std::string_view name) {
  constexpr std::array kKinds = {OutcomeKind::kDelivered, OutcomeKind::kRetryable, OutcomeKind::kRejected,
                                 OutcomeKind::kUnknown};
  for (const auto kind : kKinds) {
    if (outcome_name(kind) == name) return kind;
  }
  return std::nullopt;
}

std::optional<TargetSignal> signal_of(std::string_view name) {
  if (name == "fine") return TargetSignal::kFine;
  if (name == "unreachable") return TargetSignal::kUnreachable;
  if (name == "throttled") return TargetSignal::kThrottled;
  if (name == "unauthorized") return TargetSignal::kUnauthorized;
  return std::nullopt;
}

TargetSignal usual_signal(OutcomeKind kind, const http::Answer& answer, bool asks_to_wait) {
  if (kind == OutcomeKind::kDelivered || kind == OutcomeKind::kRejected) return TargetSignal::kFine;
  if (answer.status == 401) return TargetSignal::kUnauthorized;
  if (answer.status == 429 || (answer.status == 503 && asks_to_wait)) return TargetSignal::kThrottled;
  if (answer.status >= 500) return TargetSignal::kUnreachable;
  return TargetSignal::kFine;
}

std::optional<double> number_of(const json::Value* value) {
  const json::Number* number = value == nullptr ? nullptr : value->as_number();
  if (number == nullptr) return std::nullopt;
  return std::strtod(number->text.c_str(), nullptr);
}

std::optional<milliseconds> wait_of(const json::Value& said, const http::Answer& answer) {
  if (const auto told = number_of(said.find("retry_after_s"))) {
    const double seconds = std::clamp(*told, 0.0, kRetryAfterMax_s);
    return std::chrono::ceil<milliseconds>(std::chrono::duration<double>(seconds));
  }
  const auto wait = http::retry_after(answer, milliseconds(-1));
  return wait.count() < 0 ? std::nullopt : std::optional(wait);
}

}  // namespace

const json::Value* member(const json::Object& object, std::string_view name) {
  const auto found =
      std::find_if(object.begin(), object.end(), [&](const auto& m) { return m.first == name; });
  return found == object.end() ? nullptr : &found->second;
}

void merge(json::Object& into, const json::Object& more) {
  for (const auto& [name, value] : more) {
    const auto found =
        std::find_if(into.begin(), into.end(), [&n = name](const auto& m) { return m.first == n; });
    if (found == into.end()) {
      into.emplace_back(name, value);
    } else {
      found->second = value;
    }
  }
}

Verdict verdict_of(const json::Value& said, const http::Answer& answer, const json::Object& captured) {
  if (said.as_object() == nullptr)
    return wrong(answer, "gave " + std::string(said.kind_name()) + ", not an object");
  Verdict verdict;
  if (const json::Value* capture = said.find("capture"); capture != nullptr && !capture->is_null()) {
    if (capture->as_object() == nullptr) return wrong(answer, "gave a `capture` that is no object");
    verdict.capture = *capture->as_object();
  }
  const json::Value* told = said.find("outcome");
  if (told != nullptr && told->as_string() == nullptr)
    return wrong(answer, "gave an `outcome` that is no string");
  const std::string_view name = said.text_of("outcome");
  if (name.empty() || name == "next") return verdict;
  if (name == "absent") {
    verdict.kind = Verdict::Kind::kAbsent;
    return verdict;
  }
  if (name == "resume") {
    verdict.kind = Verdict::Kind::kResume;
    verdict.at = said.text_of("at");
    return verdict;
  }
  const auto kind = kind_of(name);
  if (!kind) return wrong(answer, "gave the outcome \"" + std::string(name) + "\", which is none");
  Outcome outcome;
  outcome.kind = *kind;
  outcome.reason = one_line(said.text_of("reason"), kReasonBytesMax);
  if (*kind == OutcomeKind::kDelivered) {
    json::Object all = captured;
    merge(all, verdict.capture);
    outcome.central_reference = reference_text(said.find("central_reference"));
    if (outcome.central_reference.empty())
      outcome.central_reference = reference_text(member(all, "central_reference"));
    if (outcome.central_reference.empty()) return wrong(answer, "gave no central_reference with `delivered`");
    return settled(std::move(outcome), answer);
  }
  outcome.retry_after = wait_of(said, answer);
  const auto signal = signal_of(said.text_of("signal"));
  outcome.signal = signal ? *signal : usual_signal(*kind, answer, outcome.retry_after.has_value());
  if (outcome.reason.empty()) outcome.reason = "HTTP " + std::to_string(answer.status);
  return settled(std::move(outcome), answer);
}

LimitsLeft limits_said(const json::Value* report) {
  const auto limit = [report](std::string_view name) -> std::optional<LimitLeft> {
    const json::Value* told = report == nullptr ? nullptr : report->find(name);
    const auto requests = told == nullptr ? std::nullopt : number_of(told->find("left"));
    if (!requests) return std::nullopt;
    LimitLeft left;
    left.requests =
        static_cast<std::int64_t>(std::clamp(*requests, 0.0, static_cast<double>(kRequestsLeftMax)));
    if (const auto seconds = number_of(told->find("resets_s"))) {
      const std::chrono::duration<double> resets(
          std::clamp(*seconds, 0.0, std::chrono::duration<double>(kResetsMax).count()));
      left.resets = std::chrono::ceil<milliseconds>(resets);
    }
    return left;
  };
  return {limit("burst"), limit("day")};
}

Outcome outcome_of_unmade(const Error& error, std::string_view what) {
  const bool may_pass = error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kTimeout;
  Outcome outcome;
  outcome.kind = may_pass ? OutcomeKind::kRetryable : OutcomeKind::kRejected;
  outcome.reason = one_line("nothing sent: " + std::string(what) + ": " + error.detail, kReasonBytesMax);
  return outcome;
}

Outcome outcome_of_unread(const Error& error, const http::Answer& answer, std::string_view what) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kUnknown;
  outcome.reason = one_line(std::string(what) + ": " + error.detail, kReasonBytesMax);
  return with_answer(std::move(outcome), answer);
}

}  // namespace tillsync
