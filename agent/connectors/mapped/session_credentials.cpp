#include "agent/connectors/mapped/session_credentials.h"

#include <algorithm>

#include "agent/connectors/classify.h"
#include "agent/connectors/mapped/verdict.h"
#include "agent/connectors/plain_text.h"
#include "agent/connectors/target_usage.h"
#include "platform/crypto/base64.h"

namespace tillsync {
namespace {

/// Stands for the secret in what a program makes: no program ever sees it.
constexpr std::string_view kPlaceholder = "${secret}";
/// In a header: user and secret as RFC 7617 has them, in base64.
constexpr std::string_view kBasicPlaceholder = "${basic}";
constexpr std::chrono::hours kLifeMax{24};

/// As it stands within a JSON string.
std::string json_escaped(std::string_view secret) {
  std::string quoted;
  json::quote_to(quoted, secret);
  return quoted.substr(1, quoted.size() - 2);
}

void put_secret(const RequestSpec& login, const std::string& user, const std::string& secret,
                http::Request& request) {
  switch (login.body_kind) {
    case RequestSpec::BodyKind::kJson:
      replace_all(request.body, kPlaceholder, json_escaped(secret));
      break;
    case RequestSpec::BodyKind::kForm:
      replace_all(request.body, percent_encoded(kPlaceholder), percent_encoded(secret));
      break;
    case RequestSpec::BodyKind::kText:
      replace_all(request.body, kPlaceholder, secret);
      break;
  }
  for (auto& [name, value] : request.headers) {
    // One after the other, never in what was put in.
    const bool basic = value.find(kBasicPlaceholder) != std::string::npos;
    if (basic) replace_all(value, kBasicPlaceholder, to_base64(user + ":" + secret));
    if (!basic) replace_all(value, kPlaceholder, secret);
  }
}

bool fits_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// The headers that the program gave; nothing where they are of the wrong shape.
std::optional<std::vector<std::pair<std::string, std::string>>> headers_of(const json::Value& said) {
  const json::Value* headers = said.find("headers");
  const json::Object* object = headers == nullptr ? nullptr : headers->as_object();
  if (object == nullptr || object->empty()) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> list;
  for (const auto& [name, value] : *object) {
    const std::string* text = value.as_string();
    if (text == nullptr || !fits_header(*text)) return std::nullopt;
    list.emplace_back(name, *text);
  }
  return list;
}

/// What the headers of a session hold.
std::vector<std::string> secrets_of(const std::vector<std::pair<std::string, std::string>>& headers) {
  std::vector<std::string> secrets;
  for (const auto& [name, value] : headers) {
    secrets.push_back(value);
    add_words(secrets, value);
  }
  return secrets;
}

}  // namespace

SessionCredentials::SessionCredentials(Parts parts)
    : connector_(std::move(parts.connector)),
      parameters_(json::dump(parts.parameters)),
      settings_(std::move(parts.settings)),
      maker_(settings_),
      client_(&parts.client),
      clock_(parts.clock),
      mapping_(std::move(parts.mapping)),
      secret_(settings_.auth.password, std::move(parts.read)) {}

void SessionCredentials::obtain(std::function<void(Obtained)> then) {
  if (authorization_ && clock_.steady_now() < good_until_) return then(*authorization_);
  waiting_.push_back(std::move(then));
  if (waiting_.size() == 1) sign_in();
}

void SessionCredentials::refused(std::uint64_t generation) {
  if (authorization_ && authorization_->generation == generation) authorization_.reset();
}

int SessionCredentials::take_requests() {
  return std::exchange(requests_, 0);
}

MappingInput SessionCredentials::input() const {
  MappingInput input;
  input.text("user", settings_.auth.user).json("parameters", parameters_);
  return input;
}

void SessionCredentials::sign_in() {
  mapping_.run(connector_->session->login.programs.request, input().str(),
               [self = shared_from_this()](Result<json::Value> result) { self->made(std::move(result)); });
}

void SessionCredentials::made(Result<json::Value> made) {
  const RequestSpec& login = connector_->session->login;
  auto request = made ? maker_.make(login, *made) : Result<std::optional<http::Request>>(made.error());
  if (!request) {
    const Outcome outcome =
        outcome_of_unmade(request.error(), "connector " + connector_->name + ", session.login");
    return answer_waiting(outcome);
  }
  auto secret = secret_.get();
  if (!secret) return answer_waiting(secret_.outcome_of(secret.error()));
  put_secret(login, settings_.auth.user, *secret, **request);
  client_->start(std::move(**request),
                 [self = shared_from_this()](const http::Exchange& exchange) { self->answered(exchange); });
}

void SessionCredentials::answered(const http::Exchange& exchange) {
  requests_ += requests_in(exchange);
  if (const auto* failure = std::get_if<http::Failure>(&exchange)) {
    return fail(TargetSignal::kUnreachable, failure->code + ": " + failure->detail);
  }
  const auto& answer = std::get<http::Answer>(exchange);
  if (answer.status == 401 || answer.status == 403) {
    secret_.drop();
    return fail(TargetSignal::kUnauthorized, "HTTP " + std::to_string(answer.status));
  }
  if (answer.status == 429 || answer.status == 503) {
    const auto wait = http::retry_after(answer, std::chrono::milliseconds(-1));
    return fail(TargetSignal::kThrottled, "HTTP " + std::to_string(answer.status),
                wait.count() < 0 ? std::nullopt : std::optional(wait));
  }
  if (answer.status < 200 || answer.status >= 300)
    return fail(TargetSignal::kUnreachable, "HTTP " + std::to_string(answer.status));
  MappingInput with_answer = input();
  with_answer.json("answer", answer_json(answer));
  mapping_.run(connector_->session->login.programs.answer, with_answer.str(),
               [self = shared_from_this(), answer](Result<json::Value> said) {
                 self->understood(answer, std::move(said));
               });
}

void SessionCredentials::understood(const http::Answer& answer, Result<json::Value> said) {
  if (!said) return fail(TargetSignal::kUnreachable, said.error().detail);
  auto headers = headers_of(*said);
  if (!headers) {
    // The program found no session in it: with most targets, a wrong password.
    std::string reason(said->text_of("reason"));
    // What the target says may repeat what it was sent.
    if (const auto secret = secret_.get())
      Blot({*secret, settings_.auth.user + ":" + *secret}).out_of(reason);
    secret_.drop();
    return fail(TargetSignal::kUnauthorized,
                reason.empty() ? "HTTP " + std::to_string(answer.status) + " without a session" : reason);
  }
  Authorization authorization;
  authorization.headers = std::move(*headers);
  authorization.blot = std::make_shared<const Blot>(secrets_of(authorization.headers));
  authorization.generation = ++generation_;
  const std::int64_t valid_s = said->integer_of("valid_s", -1);
  const auto life = valid_s < 0 ? std::chrono::seconds(kLifeMax) : std::chrono::seconds(valid_s);
  good_until_ = clock_.steady_now() + std::min<std::chrono::seconds>(life, kLifeMax);
  authorization_ = authorization;
  answer_waiting(std::move(authorization));
}

void SessionCredentials::fail(TargetSignal signal, const std::string& why,
                              std::optional<std::chrono::milliseconds> retry_after) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRetryable;
  outcome.signal = signal;
  outcome.reason = one_line("nothing sent: signing in failed: " + why, kReasonBytesMax);
  outcome.retry_after = retry_after;
  answer_waiting(outcome);
}

void SessionCredentials::answer_waiting(const Obtained& obtained) {
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& then : waiting) then(obtained);
}

}  // namespace tillsync
