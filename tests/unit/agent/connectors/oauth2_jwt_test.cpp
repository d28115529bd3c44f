// Tokens for signed JWTs (RFC 7523), asked of a server that believes nothing: it has the signature verified
// by the openssl command, and checks who, for whom and when, by a clock of its own.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>

#include "agent/connectors/credentials.h"
#include "platform/crypto/base64.h"
#include "platform/json/json.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/agent/connectors/fake_target.h"

using namespace tillsync;
using namespace tillsync::test;
using std::chrono::seconds;
using tillsync::testing::file_text;
using tillsync::testing::TempDir;

namespace {

constexpr std::int64_t kToday = 1'796'000'000;  // 2026-11-29
constexpr const char* kBearer = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";

int openssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"/usr/bin/env", "openssl"});
  tillsync::testing::ProcessOptions options;
  options.argv = std::move(arguments);
  return tillsync::testing::run_program(options, seconds(60)).status;
}

/// An RSA key of 2048 bits and its public half.
struct KeyFiles {
  explicit KeyFiles(const TempDir& folder, const std::string& name)
      : secret(folder.file(name + ".pem")), open(folder.file(name + ".pub")) {
    REQUIRE(openssl({"genrsa", "-out", secret, "2048"}) == 0);
    REQUIRE(openssl({"rsa", "-in", secret, "-pubout", "-out", open}) == 0);
  }
  std::string secret, open;
};

std::string from_base64url(std::string text) {
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  while (text.size() % 4 != 0) text += '=';
  const auto bytes = from_base64(text);
  return bytes ? *bytes : "";
}

/// The value of a form's field as it stands.
std::string field(const std::string& form, const std::string& name) {
  const std::string all = "&" + form;
  const auto at = all.find("&" + name + "=");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 2;
  return all.substr(from, all.find('&', from) - from);
}

std::string http_date(std::int64_t seconds_of_epoch) {
  const std::time_t time = seconds_of_epoch;
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return text;
}

/// What the server wants, and what it saw.
struct TokenServer {
  const TempDir& folder;
  std::string public_key;
  std::string issuer = "client-1", subject = "till@acme.example", audience = "https://login.acme.example";
  std::string algorithm = "RS256";
  std::int64_t now = kToday;
  bool tells_date = true;
  std::string answer = R"({"access_token":"T","token_type":"Bearer"})";  // Salesforce names no life

  std::mutex mutex;
  std::set<std::string> seen;
  std::vector<std::string> refusals;
  json::Value header, claims;
  int tokens = 0;

  std::string fault_of(const std::string& jwt) {
    const auto first = jwt.find('.'), second = jwt.rfind('.');
    if (first == std::string::npos || second == first) return "no JWT";
    const auto parsed = json::parse(from_base64url(jwt.substr(0, first)));
    const auto body = json::parse(from_base64url(jwt.substr(first + 1, second - first - 1)));
    if (!parsed || !body) return "no JSON";
    header = *parsed;
    claims = *body;
    if (header.text_of("alg") != algorithm || header.text_of("typ") != "JWT") return "alg";
    std::ofstream(folder.file("message"), std::ios::binary) << jwt.substr(0, second);
    std::ofstream(folder.file("signature"), std::ios::binary) << from_base64url(jwt.substr(second + 1));
    std::vector<std::string> command = {"dgst",     "-sha256",    "-verify",
                                        public_key, "-signature", folder.file("signature")};
    if (algorithm == "PS256")
      command.insert(command.end(), {"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"});
    command.push_back(folder.file("message"));
    if (openssl(command) != 0) return "signature";
    if (claims.text_of("iss") != issuer) return "iss";
    if (claims.text_of("sub") != subject) return "sub";
    if (claims.text_of("aud") != audience) return "aud";
    if (claims.integer_of("iat", now + 1) > now) return "iat";
    const std::int64_t expires = claims.integer_of("exp", 0);
    if (expires <= now || expires > now + 180) return "exp";
    if (!seen.insert(std::string(claims.text_of("jti"))).second || claims.text_of("jti").empty())
      return "jti";
    return {};
  }

  FakeTarget::Reply reply(const std::string& request, const std::string& name) {
    const std::lock_guard lock(mutex);
    const std::string date = tells_date ? "Date: " + http_date(now) + "\r\n" : "";
    const std::string fault = fault_of(field(body_of(request), name));
    if (fault.empty()) {
      ++tokens;
      return {"200 OK", answer, date};
    }
    refusals.push_back(fault);
    return {"400 Bad Request", R"({"error":"invalid_grant","error_description":"not )" + fault + "\"}", date};
  }
};

struct Fixture {
  explicit Fixture(const std::string& kind = "oauth2_jwt")
      : field_name(kind == "oauth2_jwt" ? "assertion" : "client_assertion") {
    server.public_key = key.open;
    settings.auth.kind = kind;
    settings.auth.token_url = target.url("/token");
    settings.auth.client_id = "client-1";
    settings.auth.audience = server.audience;
    settings.auth.private_key.text = "file:key";
    if (kind == "oauth2_jwt") {
      settings.auth.subject = server.subject;
    } else {
      server.subject = "client-1";
    }
    secrets["file:key"] = file_text(key.secret);
    clock.utc = UtcTime(seconds(kToday));
  }

  Credentials::Obtained obtain() {
    if (!credentials)
      credentials = make_credentials(settings, *client, clock, reader(secrets, &reads)).value();
    std::optional<Credentials::Obtained> got;
    credentials->obtain([&](Credentials::Obtained obtained) { got = std::move(obtained); });
    while (!got) client->wait(seconds(10));
    return std::move(*got);
  }
  /// "" where there is a token, else why not.
  std::string fault() {
    auto obtained = obtain();
    const auto* outcome = std::get_if<Outcome>(&obtained);
    if (outcome == nullptr) return {};
    CHECK(outcome->kind == OutcomeKind::kRetryable);
    CHECK(outcome->signal == TargetSignal::kUnauthorized);
    return outcome->reason;
  }

  TempDir folder;
  KeyFiles key{folder, "key"};
  TokenServer server{folder, {}};
  std::string field_name;
  FakeTarget target{[this](const std::string& request) { return server.reply(request, field_name); }};
  std::unique_ptr<http::Client> client = std::move(http::Client::open().value());
  HandClock clock;
  Secrets secrets;
  int reads = 0;
  TargetSettings settings;
  std::shared_ptr<Credentials> credentials;
};

}  // namespace

TEST_CASE("oauth2_jwt: a token is got for a JWT in the user's name, as RFC 7523 section 2.1 has it") {
  Fixture f;
  SUBCASE("RS256") {}
  SUBCASE("PS256") {
    f.settings.auth.algorithm = f.server.algorithm = "PS256";
  }
  SUBCASE("with a key's name and a scope") {
    f.settings.auth.key_id = "k-1";
    f.settings.auth.scope = "api write";
  }
  SUBCASE("for the token_url, where no audience is named") {
    f.settings.auth.audience = "";
    f.server.audience = f.settings.auth.token_url;
  }
  const auto obtained = f.obtain();
  REQUIRE(std::holds_alternative<Authorization>(obtained));
  CHECK(std::get<Authorization>(obtained).headers.at(0).second == "Bearer T");
  CHECK(f.server.refusals.empty());
  const std::string request = f.target.requests().at(0);
  CHECK(request.find("Authorization:") == std::string::npos);
  CHECK(field(body_of(request), "grant_type") == kBearer);
  CHECK(field(body_of(request), "scope") == (f.settings.auth.scope.empty() ? "" : "api%20write"));
  CHECK(f.server.claims.text_of("scope") == f.settings.auth.scope);
  CHECK(f.server.header.text_of("kid") == f.settings.auth.key_id);
  CHECK(body_of(request).find("PRIVATE") == std::string::npos);
}

TEST_CASE("oauth2: a client shows who it is by a JWT of its own, as RFC 7523 section 2.2 has it") {
  Fixture f("oauth2");
  f.settings.auth.scope = "rest_webservices";
  CHECK(f.fault().empty());
  const std::string form = body_of(f.target.requests().at(0));
  CHECK(field(form, "grant_type") == "client_credentials");
  CHECK(field(form, "client_id") == "client-1");
  CHECK(field(form, "client_assertion_type") ==
        "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer");
}

TEST_CASE("oauth2_jwt: the server of these tests refuses what is wrong") {
  Fixture f;
  SUBCASE("iss") {
    f.settings.auth.client_id = "client-2";
  }
  SUBCASE("sub") {
    f.settings.auth.subject = "somebody";
  }
  SUBCASE("aud") {
    f.settings.auth.audience = "https://elsewhere.example";
  }
  SUBCASE("alg") {
    f.settings.auth.algorithm = "PS256";
  }
  SUBCASE("signature") {
    f.secrets["file:key"] = file_text(KeyFiles(f.folder, "other").secret);
  }
  const std::string fault = f.fault();
  CHECK(fault.find("invalid_grant") != std::string::npos);
  CHECK(f.server.tokens == 0);
  CHECK(f.server.refusals.size() == 1);
}

TEST_CASE("oauth2_jwt: a store's clock that is wrong costs one refusal, and no delivery (I5)") {
  Fixture f;
  for (const std::int64_t ahead_s : {-400'000'000, -86'400, -200, 60, 4000, 400'000'000}) {
    CAPTURE(ahead_s);
    Fixture each;
    each.clock.utc = UtcTime(seconds(kToday + ahead_s));
    CHECK(each.fault().empty());
    CHECK(each.server.refusals.size() == 1);
    // It is remembered: the next token costs no refusal.
    each.clock.now += std::chrono::hours(1);
    each.clock.utc += std::chrono::hours(1);
    each.server.now += 3600;
    CHECK(each.fault().empty());
    CHECK(each.server.refusals.size() == 1);
    CHECK(each.server.tokens == 2);
    // Until somebody sets it right.
    each.clock.now += std::chrono::hours(1);
    each.clock.utc = UtcTime(seconds(kToday + 7200));
    each.server.now = kToday + 7200;
    CHECK(each.fault().empty());
    CHECK(each.server.refusals.size() <= 2);
    CHECK(each.server.tokens == 3);
  }
}

TEST_CASE("oauth2_jwt: a little difference of the clocks is borne") {
  for (const std::int64_t ahead_s : {-100, -5, 5, 9}) {
    CAPTURE(ahead_s);
    Fixture f;
    f.clock.utc = UtcTime(seconds(kToday + ahead_s));
    CHECK(f.fault().empty());
    CHECK(f.server.refusals.empty());
  }
}

TEST_CASE("oauth2_jwt: a refusal is asked about once more only where the clocks differ") {
  Fixture f;
  f.clock.utc = UtcTime(seconds(kToday + 4000));
  SUBCASE("the server does not tell its time") {
    f.server.tells_date = false;
    CHECK_FALSE(f.fault().empty());
    CHECK(f.server.refusals == std::vector<std::string>{"iat"});
  }
  SUBCASE("and it is refused for something else as well") {
    f.settings.auth.subject = "somebody";
    CHECK_FALSE(f.fault().empty());
    CHECK(f.server.refusals == std::vector<std::string>{"sub", "sub"});
    CHECK_FALSE(f.fault().empty());
    CHECK(f.server.refusals.size() == 3);
  }
}

TEST_CASE("oauth2_jwt: a token is renewed before its life is over, and after it was refused") {
  Fixture f;
  f.server.answer = R"({"access_token":"T","expires_in":100})";
  CHECK(f.fault().empty());
  f.clock.now += seconds(89);
  CHECK(f.fault().empty());
  CHECK(f.server.tokens == 1);
  f.clock.now += seconds(1);
  const auto renewed = std::get<Authorization>(f.obtain());
  CHECK(f.server.tokens == 2);
  f.credentials->refused(renewed.generation);
  CHECK(f.fault().empty());
  CHECK(f.server.tokens == 3);
  CHECK(f.reads == 1);
}

TEST_CASE("oauth2_jwt: a key that the server refused is read again") {
  Fixture f;
  f.secrets["file:key"] = file_text(KeyFiles(f.folder, "old").secret);
  CHECK_FALSE(f.fault().empty());
  f.secrets["file:key"] = file_text(f.key.secret);
  CHECK(f.fault().empty());
}

TEST_CASE("oauth2_jwt: a key that cannot be used holds deliveries back, and nothing of it is told") {
  Fixture f;
  f.secrets["file:key"] = "s3cret";
  const std::string fault = f.fault();
  CHECK(fault.find("file:key") != std::string::npos);
  CHECK(fault.find("openssl genrsa") != std::string::npos);
  CHECK(fault.find("s3cret") == std::string::npos);
  CHECK(f.target.requests().empty());
  f.secrets["file:key"] = file_text(f.key.secret);
  CHECK(f.fault().empty());
}
