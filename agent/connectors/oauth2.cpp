#include "agent/connectors/oauth2.h"

#include <algorithm>

#include "agent/connectors/central_profile.h"
#include "agent/connectors/classify.h"
#include "agent/connectors/plain_text.h"
#include "platform/crypto/sha256.h"
#include "platform/json/json.h"

namespace tillsync {
namespace {

using std::chrono::seconds;

constexpr seconds kLifetimeDefault{300};  ///< where expires_in is missing, which RFC 6749 section 5.1 allows
constexpr seconds kLifetimeMax{24 * 3600};  ///< a token is fetched anew at least daily
constexpr seconds kMarginMax{60};  ///< a token is not used in the last tenth of its life, at most this long
/// An assertion is used at once. Salesforce takes none that lives longer than three minutes.
constexpr seconds kAssertionLife{120};
/// A server whose clock is a little behind must not find an assertion to be of the future.
constexpr seconds kAssertionAge{10};
constexpr seconds kClockDifferenceMin{2};  ///< a Date header has whole seconds
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

/// The token of a whole answer; "" where it has none that can be used.
std::string token_of(const Result<json::Value>& body) {
  const std::string_view token = body ? body->text_of("access_token") : std::string_view();
  return std::string(is_visible_ascii(token) ? token : std::string_view());
}

/// An error code of RFC 6749 section 5.2; "" for anything else. A description, and a code of a server's own,
/// may repeat what was sent.
std::string error_code_of(const Result<json::Value>& body) {
  constexpr std::size_t kCodeBytesMax = 32;
  const std::string_view code = body ? body->text_of("error") : std::string_view();
  const bool known_shape = code.size() <= kCodeBytesMax &&
                           code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
  return std::string(known_shape ? code : std::string_view());
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
    if (const std::string code = error_code_of(body); !code.empty()) why += " " + code;
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
      secret_(settings_.auth.private_key.empty() ? settings_.auth.client_secret : settings_.auth.private_key,
              std::move(read)) {}

void OAuth2Credentials::obtain(std::function<void(Obtained)> then) {
  if (token_ && clock_.steady_now() < token_->good_until) return then(token_->authorization);
  waiting_.push_back(std::move(then));
  if (waiting_.size() == 1) fetch();
}

void OAuth2Credentials::refused(std::uint64_t generation) {
  if (token_ && token_->authorization.generation == generation) token_.reset();
}

std::string OAuth2Credentials::assertion(const RsaKey& key) {
  const AuthSettings& auth = settings_.auth;
  const UtcTime utc = clock_.utc_now();
  const seconds now = std::chrono::floor<seconds>(utc.time_since_epoch()) + server_is_ahead_;
  JwtClaims claims;
  claims.issuer = auth.client_id;
  claims.subject = auth.kind == "oauth2_jwt" ? auth.subject : auth.client_id;
  claims.audience = auth.audience.empty() ? auth.token_url : auth.audience;
  claims.scope = auth.scope;
  // Of its own in this process and in any other that has the key: nobody can guess anything by it.
  claims.id = to_hex(sha256(auth.client_id + " " + std::to_string(utc.time_since_epoch().count()) + " " +
                            std::to_string(clock_.steady_now().time_since_epoch().count()) + " " +
                            std::to_string(++assertions_)))
                  .substr(0, 32);
  claims.issued_at = now - kAssertionAge;
  claims.expires_at = now + kAssertionLife;
  return signed_jwt(claims, {auth.algorithm, auth.key_id}, key);
}

Result<http::Request> OAuth2Credentials::token_request(const std::string& secret) {
  const AuthSettings& auth = settings_.auth;
  http::Request request = request_for(settings_, "POST", auth.token_url);
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.answer_bytes_max = kTokenAnswerBytesMax;
  if (auth.private_key.empty()) {
    // RFC 6749 section 2.3.1: both are form-encoded before they become user and password.
    request.user = percent_encoded(auth.client_id);
    request.password = percent_encoded(secret);
    request.body = "grant_type=client_credentials";
  } else {
    auto key = RsaKey::from_pem(secret);
    if (!key) return key.error();
    if (auth.kind == "oauth2_jwt") {
      request.body = "grant_type=" + percent_encoded("urn:ietf:params:oauth:grant-type:jwt-bearer") +
                     "&assertion=" + assertion(*key);
    } else {
      request.body = "grant_type=client_credentials&client_id=" + percent_encoded(auth.client_id) +
                     "&client_assertion_type=" +
                     percent_encoded("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
                     "&client_assertion=" + assertion(*key);
    }
  }
  if (!auth.scope.empty()) request.body += "&scope=" + percent_encoded(auth.scope);
  return request;
}

/// Whether the server's clock is another than the one that assertions were made by.
bool OAuth2Credentials::set_clock_by(const http::Answer& answer) {
  const auto server = http::date_of(answer);
  if (!server) return false;
  const seconds ahead = *server - std::chrono::floor<seconds>(clock_.utc_now().time_since_epoch());
  if (std::chrono::abs(ahead - server_is_ahead_) < kClockDifferenceMin) return false;
  server_is_ahead_ = ahead;
  return true;
}

void OAuth2Credentials::fetch(bool again) {
  auto secret = secret_.get();
  if (!secret) return answer_waiting(secret_.outcome_of(secret.error()));
  auto request = token_request(*secret);
  if (!request) {
    secret_.drop();
    return answer_waiting(secret_.outcome_of(request.error()));
  }
  client_.start(std::move(*request),
                [self = shared_from_this(), asked_at = clock_.steady_now(),
                 again](const http::Exchange& exchange) { self->fetched(exchange, asked_at, again); });
}

void OAuth2Credentials::fetched(const http::Exchange& exchange, SteadyTime asked_at, bool again) {
  const auto* answer = std::get_if<http::Answer>(&exchange);
  const Result<json::Value> body =
      answer != nullptr ? json::parse(answer->body) : Error{ErrorKind::kUnavailable, "no-answer", ""};
  std::string token = answer != nullptr && answer->status == 200 ? token_of(body) : std::string();
  if (token.empty()) {
    const bool refused = answer != nullptr && (answer->status == 400 || answer->status == 401);
    if (refused && !again && !settings_.auth.private_key.empty() && set_clock_by(*answer)) return fetch(true);
    if (refused) secret_.drop();
    return answer_waiting(no_token(exchange, body));
  }
  Authorization authorization;
  authorization.headers.emplace_back("Authorization", "Bearer " + token);
  authorization.blot = std::make_shared<const Blot>(std::vector<std::string>{std::move(token)});
  authorization.generation = ++generation_;
  token_ = Token{authorization, asked_at + usable_life(*body)};  // counted from the asking: early, never late
  answer_waiting(std::move(authorization));
}

void OAuth2Credentials::answer_waiting(const Obtained& obtained) {
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& then : waiting) then(obtained);
}

}  // namespace tillsync
