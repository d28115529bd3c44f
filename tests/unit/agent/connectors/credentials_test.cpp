#include "agent/connectors/credentials.h"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <optional>

#include "tests/unit/agent/connectors/fake_target.h"

using namespace tillsync;
using namespace tillsync::test;
using std::chrono::seconds;

namespace {

struct Fixture {
  std::unique_ptr<http::Client> client = std::move(http::Client::open().value());
  HandClock clock;
  Secrets secrets;
  int reads = 0;
  TargetSettings settings;

  std::shared_ptr<Credentials> make() {
    return make_credentials(settings, *client, clock, reader(secrets, &reads)).value();
  }
  Credentials::Obtained obtain(Credentials& credentials) {
    std::optional<Credentials::Obtained> got;
    credentials.obtain([&](Credentials::Obtained obtained) { got = std::move(obtained); });
    while (!got) client->wait(seconds(10));
    return std::move(*got);
  }
};

struct OAuth2Fixture : Fixture {
  explicit OAuth2Fixture(const FakeTarget& target) {
    settings.auth.kind = "oauth2";
    settings.auth.token_url = target.url("/token");
    settings.auth.client_id = "till sync";
    settings.auth.client_secret = {"file:secret"};
    settings.auth.scope = "documents write";
    secrets["file:secret"] = "p:w/1";
  }
};

std::string header_of(const Credentials::Obtained& obtained) {
  REQUIRE(std::holds_alternative<Authorization>(obtained));
  const auto& headers = std::get<Authorization>(obtained).headers;
  REQUIRE(headers.size() == 1);
  return headers[0].first + ": " + headers[0].second;
}

Outcome outcome_of(const Credentials::Obtained& obtained) {
  REQUIRE(std::holds_alternative<Outcome>(obtained));
  return std::get<Outcome>(obtained);
}

}  // namespace

TEST_CASE("credentials: each kind puts its secret where the target looks for it") {
  Fixture f;
  f.secrets = {{"env:T", "token-1"}};
  SUBCASE("bearer") {
    f.settings.token = {"env:T"};
    CHECK(header_of(f.obtain(*f.make())) == "Authorization: Bearer token-1");
  }
  SUBCASE("bearer without a token is no authorization") {
    const auto obtained = f.obtain(*f.make());
    CHECK(std::get<Authorization>(obtained).headers.empty());
    CHECK(f.reads == 0);
  }
  SUBCASE("basic") {
    f.settings.auth.kind = "basic";
    f.settings.auth.user = "till";
    f.settings.auth.password = {"env:T"};
    const auto obtained = std::get<Authorization>(f.obtain(*f.make()));
    CHECK(obtained.user == "till");
    CHECK(obtained.password == "token-1");
  }
  SUBCASE("api_key") {
    f.settings.auth.kind = "api_key";
    f.settings.auth.header = "X-Key";
    f.settings.auth.key = {"env:T"};
    CHECK(header_of(f.obtain(*f.make())) == "X-Key: token-1");
  }
}

TEST_CASE("credentials: a kind that is unknown or lacks what it needs is refused with the cure") {
  Fixture f;
  const auto detail = [&](const std::string& kind) {
    f.settings.auth.kind = kind;
    const auto made = make_credentials(f.settings, *f.client, f.clock, reader(f.secrets));
    REQUIRE(made.has_error());
    CHECK(made.error().kind == ErrorKind::kInvalid);
    return made.error().detail;
  };
  CHECK(detail("kerberos").find("bearer, basic, api_key, oauth2 and oauth2_jwt") != std::string::npos);
  CHECK(detail("basic").find("`user`") != std::string::npos);
  CHECK(detail("api_key").find("`key`") != std::string::npos);
  CHECK(detail("oauth2").find("`token_url`") != std::string::npos);
}

TEST_CASE("credentials: a secret is read once, and again after it was refused") {
  Fixture f;
  f.settings.token = {"file:token"};
  f.secrets["file:token"] = "old";
  const auto credentials = f.make();
  const auto first = std::get<Authorization>(f.obtain(*credentials));
  f.secrets["file:token"] = "new";
  CHECK(header_of(f.obtain(*credentials)) == "Authorization: Bearer old");
  CHECK(f.reads == 1);
  credentials->refused(first.generation);
  CHECK(header_of(f.obtain(*credentials)) == "Authorization: Bearer new");
  credentials->refused(first.generation);  // a late 401 to the old one
  f.obtain(*credentials);
  CHECK(f.reads == 2);
}

TEST_CASE("credentials: a secret that cannot be used holds deliveries back, and names its reference alone") {
  Fixture f;
  f.settings.token = {"file:/etc/tillsync/erp.token"};
  const auto credentials = f.make();
  const auto check = [&] {
    const Outcome outcome = outcome_of(f.obtain(*credentials));
    CHECK(outcome.kind == OutcomeKind::kRetryable);
    CHECK(outcome.signal == TargetSignal::kUnauthorized);
    CHECK(outcome.reason.find("file:/etc/tillsync/erp.token") != std::string::npos);
    CHECK(outcome.reason.find("s3cret") == std::string::npos);
  };
  check();
  f.secrets[f.settings.token.text] = "s3cret\r\nX-Injected: 1";
  check();
  f.secrets[f.settings.token.text] = "";
  check();
  f.secrets[f.settings.token.text] = "s3cret";
  CHECK(header_of(f.obtain(*credentials)) == "Authorization: Bearer s3cret");
}

TEST_CASE("oauth2: a token is fetched as RFC 6749 has it and kept until its life, less a margin, is over") {
  std::atomic<int> fetches{0};
  FakeTarget target([&](const std::string&) {
    return FakeTarget::Reply{"200 OK", "{\"access_token\":\"T" + std::to_string(++fetches) +
                                           "\",\"token_type\":\"bearer\",\"expires_in\":100}"};
  });
  OAuth2Fixture f(target);
  const auto credentials = f.make();
  CHECK(header_of(f.obtain(*credentials)) == "Authorization: Bearer T1");
  const std::string request = target.requests().at(0);
  CHECK(request.starts_with("POST /token HTTP/1.1\r\n"));
  // base64("till%20sync:p%3Aw%2F1")
  CHECK(request.find("Authorization: Basic dGlsbCUyMHN5bmM6cCUzQXclMkYx\r\n") != std::string::npos);
  CHECK(request.find("Content-Type: application/x-www-form-urlencoded\r\n") != std::string::npos);
  CHECK(body_of(request) == "grant_type=client_credentials&scope=documents%20write");

  f.clock.now += seconds(89);
  CHECK(header_of(f.obtain(*credentials)) == "Authorization: Bearer T1");
  f.clock.now += seconds(1);
  CHECK(header_of(f.obtain(*credentials)) == "Authorization: Bearer T2");
  const auto current = std::get<Authorization>(f.obtain(*credentials));
  credentials->refused(current.generation - 1);
  CHECK(header_of(f.obtain(*credentials)) == "Authorization: Bearer T2");
  credentials->refused(current.generation);
  CHECK(header_of(f.obtain(*credentials)) == "Authorization: Bearer T3");
  CHECK(fetches == 3);
}

TEST_CASE("oauth2: a life may come as a string, or not at all") {
  std::string life;
  std::atomic<int> fetches{0};
  FakeTarget target([&](const std::string&) {
    ++fetches;
    return FakeTarget::Reply{"200 OK", "{\"access_token\":\"T\"" + life + "}"};
  });
  OAuth2Fixture f(target);
  int usable_s = 0;
  SUBCASE("string") {
    life = ",\"expires_in\":\"3600\"";
    usable_s = 3540;
  }
  SUBCASE("missing") {
    usable_s = 270;
  }
  SUBCASE("absurdly long") {
    life = ",\"expires_in\":999999999999";
    usable_s = 24 * 3600 - 60;
  }
  const auto credentials = f.make();
  f.obtain(*credentials);
  f.clock.now += seconds(usable_s - 1);
  f.obtain(*credentials);
  CHECK(fetches == 1);
  f.clock.now += seconds(1);
  f.obtain(*credentials);
  CHECK(fetches == 2);
}

TEST_CASE("oauth2: deliveries that wait share one fetch") {
  FakeTarget target([](const std::string&) {
    return FakeTarget::Reply{"200 OK", R"({"access_token":"T","expires_in":100})"};
  });
  OAuth2Fixture f(target);
  const auto credentials = f.make();
  int authorized = 0;
  for (int i = 0; i < 8; ++i) {
    credentials->obtain([&](const Credentials::Obtained& obtained) {
      CHECK(header_of(obtained) == "Authorization: Bearer T");
      ++authorized;
    });
  }
  while (authorized < 8) f.client->wait(seconds(10));
  CHECK(target.requests().size() == 1);
}

TEST_CASE("oauth2: without a token nothing is sent, and the outcome says whose fault it is") {
  FakeTarget::Reply reply;
  FakeTarget target([&](const std::string&) { return reply; });
  OAuth2Fixture f(target);
  TargetSignal expected = TargetSignal::kUnreachable;
  SUBCASE("401") {
    reply = {"401 Unauthorized", R"({"error":"invalid_client","error_description":"p:w/1 is wrong"})"};
    expected = TargetSignal::kUnauthorized;
  }
  SUBCASE("400") {
    reply = {"400 Bad Request", R"({"error":"invalid_client"})"};
    expected = TargetSignal::kUnauthorized;
  }
  SUBCASE("500") {
    reply = {"500 Oops", ""};
  }
  SUBCASE("no JSON") {
    reply = {"200 OK", "<html>"};
  }
  SUBCASE("no token") {
    reply = {"200 OK", R"({"token_type":"bearer"})"};
  }
  SUBCASE("a token that no header can carry") {
    reply = {"200 OK", R"({"access_token":"a\r\nb"})"};
  }
  SUBCASE("no answer") {
    reply = {""};
  }
  const auto credentials = f.make();
  const Outcome outcome = outcome_of(f.obtain(*credentials));
  CHECK(outcome.kind == OutcomeKind::kRetryable);
  CHECK(outcome.signal == expected);
  CHECK(outcome.reason.find("token_url") != std::string::npos);
  CHECK(outcome.reason.find("p:w/1") == std::string::npos);
  CHECK(outcome.http_status == 0);
}

TEST_CASE("oauth2: a client secret that the token endpoint refused is read again") {
  FakeTarget target([](const std::string& request) {
    // base64("till%20sync:new")
    const bool good = request.find("Basic dGlsbCUyMHN5bmM6bmV3\r\n") != std::string::npos;
    return good ? FakeTarget::Reply{"200 OK", R"({"access_token":"T"})"}
                : FakeTarget::Reply{"401 Unauthorized", R"({"error":"invalid_client"})"};
  });
  OAuth2Fixture f(target);
  const auto credentials = f.make();
  CHECK(outcome_of(f.obtain(*credentials)).signal == TargetSignal::kUnauthorized);
  f.secrets["file:secret"] = "new";
  CHECK(header_of(f.obtain(*credentials)) == "Authorization: Bearer T");
}
