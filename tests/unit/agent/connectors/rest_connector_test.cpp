#include "agent/connectors/rest_connector.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>

#include "agent/connectors/connector_factory.h"
#include "platform/json/json.h"
#include "tests/unit/agent/connectors/fake_target.h"

using namespace tillsync;
using namespace tillsync::test;
using std::chrono::seconds;

namespace {

struct Fixture {
  explicit Fixture(const FakeTarget& target) {
    settings.base_url = target.url();
    settings.token = {"file:token"};
    secrets["file:token"] = "token-one";
    port = std::move(make_target_port("erp", settings, "0417", *client, clock, reader(secrets)).value());
  }
  std::vector<Outcome> submit(std::vector<OutgoingDelivery> batch) {
    std::optional<std::vector<Outcome>> got;
    port->submit(std::move(batch), [&](std::vector<Outcome> outcomes) { got = std::move(outcomes); });
    while (!got) client->wait(seconds(10));
    return std::move(*got);
  }
  LookUpAnswer look_up(OutgoingDelivery one) {
    std::optional<LookUpAnswer> got;
    port->look_up(std::move(one), [&](LookUpAnswer answer) { got = std::move(answer); });
    while (!got) client->wait(seconds(10));
    return std::move(*got);
  }

  std::unique_ptr<http::Client> client = std::move(http::Client::open().value());
  HandClock clock;
  Secrets secrets;
  TargetSettings settings;
  std::unique_ptr<TargetPort> port;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("rest connector: one delivery is posted as CONTRACT section 6 has it") {
  FakeTarget target([](const std::string&) {
    return FakeTarget::Reply{"201 Created", R"({"central_reference":"C-1"})"};
  });
  Fixture f(target);
  const auto outcomes = f.submit({delivery(7, "S-1")});
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].kind == OutcomeKind::kDelivered);
  CHECK(outcomes[0].central_reference == "C-1");
  const std::string request = target.requests().at(0);
  CHECK(request.starts_with("POST /central/documents HTTP/1.1\r\n"));
  for (const auto* header :
       {"Idempotency-Key: 0417/S-1:erp",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "X-Correlation-ID: corr-1",
        "Content-Type: application/json", "Accept: application/json",
        "User-Agent: tillsync/" TILLSYNC_VERSION, "Authorization: Bearer token-one"}) {
    CAPTURE(header);
    CHECK(has(request, "\r\n" + std::string(header) + "\r\n"));
  }
  CHECK(
      body_of(request) ==
      R"({"reference":"0417/S-1","step":"erp","store":"0417","sequence":7,"document":{"id":"S-1","total":"2.50"}})");
}

TEST_CASE("rest connector: a correlation id that no header can carry does not poison its document") {
  FakeTarget target([](const std::string&) {
    return FakeTarget::Reply{"201 Created", R"({"central_reference":"C-1"})"};
  });
  Fixture f(target);
  auto odd = delivery(1, "S-1");
  odd.correlation_id = "a\r\nX-Injected: 1\xC3\xA9";
  CHECK(f.submit({odd})[0].kind == OutcomeKind::kDelivered);
  CHECK(has(target.requests().at(0), "\r\nX-Correlation-ID: a%0D%0AX-Injected%3A%201%C3%A9\r\n"));
  odd.correlation_id = std::string(500'000, 'x');
  odd.traceparent.clear();
  CHECK(f.submit({odd})[0].kind == OutcomeKind::kDelivered);
  CHECK(target.requests().at(1).size() < 4096);
  CHECK_FALSE(has(target.requests().at(1), "traceparent"));
}

TEST_CASE("rest connector: several deliveries go as one batch, each with its idempotency key") {
  FakeTarget target([](const std::string&) {
    return FakeTarget::Reply{
        "200 OK", R"([{"status":201,"central_reference":"C-1"},{"status":422,"problem":{"detail":"no"}}])"};
  });
  Fixture f(target);
  const auto outcomes = f.submit({delivery(1, "S-1"), delivery(2, "S-2")});
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[0].central_reference == "C-1");
  CHECK(outcomes[1].kind == OutcomeKind::kRejected);
  REQUIRE(target.requests().size() == 1);
  CHECK(target.requests()[0].starts_with("POST /central/documents/batch HTTP/1.1\r\n"));
  const auto body = json::parse(body_of(target.requests()[0]));
  REQUIRE(body.has_value());
  REQUIRE(body->as_array() != nullptr);
  REQUIRE(body->as_array()->size() == 2);
  const auto& second = (*body->as_array())[1];
  CHECK(second.text_of("reference") == "0417/S-2");
  CHECK(second.text_of("idempotency_key") == "0417/S-2:erp");
  CHECK(second.integer_of("sequence") == 2);
  CHECK(second.find("document")->text_of("total") == "2.50");
}

TEST_CASE("rest connector: a batch that is refused as a whole is delivered one by one") {
  FakeTarget target([](const std::string& request) {
    if (has(request, "/documents/batch")) return FakeTarget::Reply{"404 Not Found", ""};
    if (has(request, "S-2")) return FakeTarget::Reply{"422 No", R"({"detail":"unknown SKU"})"};
    return FakeTarget::Reply{"201 Created", R"({"central_reference":"C"})"};
  });
  Fixture f(target);
  const auto outcomes = f.submit({delivery(1, "S-1"), delivery(2, "S-2"), delivery(3, "S-3")});
  REQUIRE(outcomes.size() == 3);
  CHECK(outcomes[0].kind == OutcomeKind::kDelivered);
  CHECK(outcomes[1].kind == OutcomeKind::kRejected);
  CHECK(outcomes[1].reason == "unknown SKU");
  CHECK(outcomes[2].kind == OutcomeKind::kDelivered);
  CHECK(target.requests().size() == 4);
}

TEST_CASE("rest connector: one by one stops where the target no longer serves") {
  FakeTarget target([](const std::string& request) {
    if (has(request, "/documents/batch")) return FakeTarget::Reply{"413 Too Large", ""};
    return FakeTarget::Reply{"503 Busy", "", "Retry-After: 5\r\n"};
  });
  Fixture f(target);
  const auto outcomes = f.submit({delivery(1, "S-1"), delivery(2, "S-2"), delivery(3, "S-3")});
  REQUIRE(outcomes.size() == 3);
  for (const auto& outcome : outcomes) {
    CHECK(outcome.kind == OutcomeKind::kRetryable);
    CHECK(outcome.signal == TargetSignal::kThrottled);
    CHECK(outcome.retry_after == seconds(5));
  }
  CHECK(target.requests().size() == 2);
}

TEST_CASE("rest connector: an outcome says what it took, and what the target said is left") {
  FakeTarget target([](const std::string& request) {
    if (has(request, "/documents/batch"))
      return FakeTarget::Reply{"413 Too Large", "", "RateLimit: \"default\";r=9;t=30\r\n"};
    if (request.starts_with("GET")) return FakeTarget::Reply{"200 OK", R"({"documents":[]})"};
    if (has(request, "S-3"))
      return FakeTarget::Reply{"422 No", "", "RateLimit-Remaining: 6\r\nRateLimit-Reset: 29\r\n"};
    return FakeTarget::Reply{"201 Created", R"({"central_reference":"C"})"};
  });
  Fixture f(target);
  const auto single = f.submit({delivery(1, "S-1")});
  CHECK(single.at(0).requests == 1);
  CHECK(single.at(0).left == LimitsLeft{});
  const auto batch = f.submit({delivery(1, "S-1"), delivery(2, "S-2"), delivery(3, "S-3")});
  REQUIRE(batch.size() == 3);
  CHECK(batch[0].requests == 4);
  CHECK(batch[0].left.burst == LimitLeft{6, seconds(29)});
  for (const std::size_t other : {1U, 2U}) {
    CHECK(batch[other].requests == 0);
    CHECK(batch[other].left == LimitsLeft{});
  }
  CHECK(f.look_up(delivery(1, "S-1")).outcome.requests == 1);
  Fixture without(target);
  without.secrets.clear();
  CHECK(without.submit({delivery(1, "S-1")}).at(0).requests == 0);
  CHECK(f.port->requests_max(0) == 0);
  CHECK(f.port->requests_max(1) == 1);
  CHECK(f.port->requests_max(3) == 4);
}

TEST_CASE("rest connector: what never left is no request") {
  std::string url;
  {
    const FakeTarget gone([](const std::string&) { return FakeTarget::Reply{}; });
    url = gone.url();
  }
  FakeTarget target([](const std::string&) { return FakeTarget::Reply{""}; });
  Fixture f(target);
  CHECK(f.submit({delivery(1, "S-1")}).at(0).requests == 1);  // it left, and no answer came
  f.settings.base_url = url;
  f.port =
      std::move(make_target_port("erp", f.settings, "0417", *f.client, f.clock, reader(f.secrets)).value());
  const auto refused = f.submit({delivery(1, "S-1")});
  CHECK(refused.at(0).kind == OutcomeKind::kRetryable);
  CHECK(refused.at(0).requests == 0);
}

TEST_CASE("rest connector: a batch without a whole answer is unknown, and is not sent again") {
  FakeTarget target([](const std::string&) { return FakeTarget::Reply{""}; });
  Fixture f(target);
  for (const auto& outcome : f.submit({delivery(1, "S-1"), delivery(2, "S-2")}))
    CHECK(outcome.kind == OutcomeKind::kUnknown);
  CHECK(target.requests().size() == 1);
}

TEST_CASE("rest connector: a look-up asks for reference and step, percent-encoded") {
  FakeTarget target([](const std::string&) {
    return FakeTarget::Reply{
        "200 OK", R"({"documents":[{"reference":"0417/S:1","step":"erp","central_reference":"C-9"}]})"};
  });
  Fixture f(target);
  const auto answer = f.look_up(delivery(1, "S:1"));
  CHECK(answer.kind == LookUpAnswer::Kind::kFound);
  CHECK(answer.outcome.central_reference == "C-9");
  CHECK(target.requests().at(0).starts_with(
      "GET /central/documents?reference=0417%2FS%3A1&step=erp HTTP/1.1\r\n"));
}

TEST_CASE("rest connector: after a 401 the token is read again") {
  FakeTarget target([](const std::string& request) {
    if (has(request, "Bearer token-two"))
      return FakeTarget::Reply{"201 Created", R"({"central_reference":"C-1"})"};
    return FakeTarget::Reply{"401 Unauthorized", R"({"detail":"token-one has expired"})"};
  });
  Fixture f(target);
  f.secrets["file:token"] = "token-one";
  const auto refused = f.submit({delivery(1, "S-1")});
  CHECK(refused[0].kind == OutcomeKind::kRetryable);
  CHECK(refused[0].signal == TargetSignal::kUnauthorized);
  CHECK(refused[0].reason == "*** has expired");
  CHECK_FALSE(has(refused[0].answer, "token-one"));
  f.secrets["file:token"] = "token-two";
  CHECK(f.submit({delivery(1, "S-1")})[0].kind == OutcomeKind::kDelivered);
}

TEST_CASE("rest connector: without its secret nothing is sent") {
  FakeTarget target([](const std::string&) { return FakeTarget::Reply{}; });
  Fixture f(target);
  f.secrets.clear();
  CHECK(f.submit({delivery(1, "S-1")})[0].signal == TargetSignal::kUnauthorized);
  CHECK(f.submit({delivery(1, "S-1"), delivery(2, "S-2")}).size() == 2);
  const auto looked = f.look_up(delivery(1, "S-1"));
  CHECK(looked.kind == LookUpAnswer::Kind::kFailed);
  CHECK(looked.outcome.kind == OutcomeKind::kRetryable);
  CHECK(target.requests().empty());
}

TEST_CASE("rest connector: what is under way ends even where the connector goes first") {
  FakeTarget target([](const std::string&) {
    return FakeTarget::Reply{"201 Created", R"({"central_reference":"C-1"})"};
  });
  Fixture f(target);
  std::optional<std::vector<Outcome>> got;
  f.port->submit({delivery(1, "S-1")}, [&](std::vector<Outcome> outcomes) { got = std::move(outcomes); });
  f.port.reset();
  while (!got) f.client->wait(seconds(10));
  CHECK((*got)[0].kind == OutcomeKind::kDelivered);
}

TEST_CASE("connector factory: a target that cannot be spoken to is refused with the cure") {
  const auto client = std::move(http::Client::open().value());
  HandClock clock;
  Secrets secrets;
  const auto detail = [&](auto change) {
    TargetSettings settings;
    settings.base_url = "https://erp.example.com/tillsync";
    change(settings);
    const auto made = make_target_port("erp", settings, "0417", *client, clock, reader(secrets));
    REQUIRE(made.has_error());
    CHECK(made.error().kind == ErrorKind::kInvalid);
    CHECK(make_read_back("erp", settings, "0417", clock, reader(secrets)).has_error());
    return made.error().detail;
  };
  CHECK(has(detail([](auto& s) { s.connector = "sap"; }), "connector = \"rest\""));
  CHECK(has(detail([](auto& s) { s.base_url = ""; }), "targets.erp: base_url must begin with https://"));
  CHECK(has(detail([](auto& s) { s.base_url = "ftp://a/"; }), "must begin with https://"));
  CHECK(has(detail([](auto& s) { s.base_url = "https:///x"; }), "names no host"));
  CHECK(has(detail([](auto& s) { s.base_url = "https://a/?b=c"; }), "no query"));
  CHECK(has(detail([](auto& s) { s.base_url = "https://u:p@a/"; }), "no credential"));
  CHECK(has(detail([](auto& s) { s.auth.kind = "magic"; }), "auth kind"));
}
