#include "agent/connectors/oauth2.h"

#include <algorithm>

#include "agent/connectors/central_profile.h"
#include "agent/connectors/classify.h"
#include "agent/connectors/plain_text.h"
#include "platform/json/json.h"

namespace tillsync {
namespace {

using std::chrono::seconds;

constexpr seconds kLifetimeDefault{300};  ///< where expires_in is missing, which RFC 6749 section 5.1 allows
constexpr seconds kLifetimeMax{24 * 3600};  ///< a token is fetched anew at least daily
constexpr seconds kMarginMax{60};  ///< a token is not used in the last tenth of its life, at most this long
constexpr std::size_t kTokenAnswerBytesMax = 64 * 1024;

/// How long a token may be used, from its expires_in.
seconds usable_life(const json::Value& answer) {
  std::int64_t life_s = answer.integer_of("expires_in", -1);
  const std::string_view text = answer.text_of("expires_in");  // some servers send it as a string
  if (!text.empty() && text.size() <= 9 && text.find_first_not_of("0123456789") == std::string_view::npos) {
    life_s = std::stoll(std::string(text));
  }
  const seconds life =
      life_s < 0 ? kLifetimeDefault : seconds(std::min<std::int64_t>(life_s, kLifetimeMax.count()));
  return life - std::min(kMarginMax, life / 10);
}

bool fits_header(std::string_view token) {
  return std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

/// The token of a whole answer; "" where it has none that can be used.
std::string token_of(const Result<json::Value>& body) {
  const std::string_view token = body ? body->text_of("access_token") : std::string_view();
  return std::string(fits_header(token) ? token : std::string_view());
}

Outcome no_token(const http::Exchange& exchange, const Result<json::Value>& body) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRetryable;
  outcome.signal = TargetSignal::kUnreachable;
  std::string why;
  if (const auto* failure = std::get_if<http::Failure>(&exchange)) {
    why = failure->code + ": " + failure->detail;
  } else {
    const auto& answer = std::get<http::Answer>(exchange);
    why = "HTTP " + std::to_string(answer.status);
    if (answer.status == 200) why += " without a usable access_token";
    // Its error code alone (RFC 6749 section 5.2): a description may repeat what was sent.
    if (body && !body->text_of("error").empty())
      why += " " + std::string(body->text_of("error").substr(0, 64));
    if (answer.status == 400 || answer.status == 401) outcome.signal = TargetSignal::kUnauthorized;
    if (answer.status == 429 || answer.status == 503) {
      const auto wait = http::retry_after(answer, std::chrono::milliseconds(-1));
      if (wait.count() >= 0) outcome.retry_after = wait;
    }
  }
  outcome.reason = one_line("nothing sent: no token from token_url: " + why, kReasonBytesMax);
  return outcome;
}

}  // namespace

OAuth2Credentials::OAuth2Credentials(TargetSettings settings, http::Transport& client, const Clock& clock,
                                     ReadSecret read)
    : settings_(std::move(settings)),
      client_(client),
      clock_(clock),
      client_secret_(settings_.auth.client_secret, std::move(read)) {}

void OAuth2Credentials::obtain(std::function<void(Obtained)> then) {
  if (token_ && clock_.steady_now() < token_->good_until) return then(token_->authorization);
  waiting_.push_back(std::move(then));
  if (waiting_.size() == 1) fetch();
}

void OAuth2Credentials::refused(std::uint64_t generation) {
  if (token_ && token_->authorization.generation == generation) token_.reset();
}

void OAuth2Credentials::fetch() {
  auto secret = client_secret_.get();
  if (!secret) return answer_waiting(client_secret_.outcome_of(secret.error()));
  http::Request request = request_for(settings_, "POST", settings_.auth.token_url);
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.answer_bytes_max = kTokenAnswerBytesMax;
  // RFC 6749 section 2.3.1: both are form-encoded before they become user and password.
  request.user = percent_encoded(settings_.auth.client_id);
  request.password = percent_encoded(*secret);
  request.body = "grant_type=client_credentials";
  if (!settings_.auth.scope.empty()) request.body += "&scope=" + percent_encoded(settings_.auth.scope);
  client_.start(std::move(request),
                [self = shared_from_this(), asked_at = clock_.steady_now()](const http::Exchange& exchange) {
                  self->fetched(exchange, asked_at);
                });
}

void OAuth2Credentials::fetched(const http::Exchange& exchange, SteadyTime asked_at) {
  const auto* answer = std::get_if<http::Answer>(&exchange);
  const Result<json::Value> body =
      answer != nullptr ? json::parse(answer->body) : Error{ErrorKind::kUnavailable, "no-answer", ""};
  std::string token = answer != nullptr && answer->status == 200 ? token_of(body) : std::string();
  if (token.empty()) {
    if (answer != nullptr && (answer->status == 400 || answer->status == 401)) client_secret_.drop();
    return answer_waiting(no_token(exchange, body));
  }
  Authorization authorization;
  authorization.headers.emplace_back("Authorization", "Bearer " + token);
  authorization.secret = std::move(token);
  authorization.generation = ++generation_;
  token_ = Token{authorization, asked_at + usable_life(*body)};  // counted from the asking: early, never late
  answer_waiting(std::move(authorization));
}

void OAuth2Credentials::answer_waiting(const Obtained& obtained) {
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& then : waiting) then(obtained);
}

}  // namespace tillsync
