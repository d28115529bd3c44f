#include "agent/connectors/rest_fetch.h"

#include <doctest/doctest.h>

#include <atomic>

#include "agent/connectors/connector_factory.h"
#include "tests/unit/agent/connectors/fake_target.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

using How = FactChange::How;

struct Fixture {
  explicit Fixture(std::function<FakeTarget::Reply(const std::string&)> answer) : target(std::move(answer)) {
    settings.base_url = target.url();
    settings.token = {"file:token"};
    secrets["file:token"] = "token-one";
    port = std::move(make_fetch("erp", settings, "0417", clock, reader(secrets)).value());
  }
  std::string asked(std::size_t index) const {
    const auto requests = target.requests();
    REQUIRE(index < requests.size());
    return requests[index].substr(0, requests[index].find("\r\n"));
  }
  FakeTarget target;
  HandClock clock;
  Secrets secrets;
  TargetSettings settings;
  std::unique_ptr<FetchPort> port;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("fetch: a path of the feed names a row of this store, or none of ours") {
  const auto named = [](std::string_view path) {
    const auto fact = fact_of_path(path, "04/17");
    return fact ? std::string(fact_kind_name(fact->first)) + " " + fact->second : "none";
  };
  CHECK(named("/customers/42") == "customer 42");
  CHECK(named("/customers/a%2Fb%20c") == "customer a/b c");
  CHECK(named("/prices/A1") == "price A1");
  CHECK(named("/stock/A1") == "stock A1");
  CHECK(named("/stock/A1?store=04%2F17") == "stock A1");
  CHECK(named("/stock/A1?x=1&store=04/17") == "stock A1");
  CHECK(named("/stock/A1?store=9999") == "none");
  CHECK(named("/refund-policy") == "refund_policy ");
  for (const char* other : {"", "/", "/customers", "/customers/", "/customers/1/orders", "/vendors/1", "x"})
    CHECK(named(other) == "none");
}

TEST_CASE("fetch: a page of the feed comes as central gave it, with what is none of ours left out") {
  const auto page = parse_changes(R"({"changes":[
      {"path":"/prices/A1","etag":"\"v2\"","value":{"sku":"A1","price":2.50,"path":"/x"}},
      {"path":"/customers/7","etag":null,"value":null},
      {"path":"/stock/A1?store=9","etag":"x"},
      {"path":"/stock/A1","etag":"y"},
      {"path":"/prices/A2","value":"odd"}],"cursor":17})",
                                  "0417");
  REQUIRE(page.has_value());
  CHECK(page->rows == 5);
  CHECK(page->cursor == "17");
  REQUIRE(page->changes.size() == 4);
  CHECK(page->changes[0].value == R"({"sku":"A1","price":2.50,"path":"/x"})");
  CHECK(page->changes[0].etag == "\"v2\"");
  CHECK(page->changes[1].how == How::kRemoved);
  CHECK(page->changes[2].kind == FactKind::kStock);
  CHECK(page->changes[2].how == How::kUntold);
  CHECK(page->changes[3].value == "\"odd\"");
  CHECK(parse_changes(R"({"changes":[],"cursor":"c"})", "0417")->rows == 0);
}

TEST_CASE("fetch: a feed of the wrong shape is refused, and the message names what is wrong") {
  const std::pair<std::string, std::string> wrong[] = {
      {"", "not as CONTRACT"},
      {"[]", "`changes` must be an array"},
      {R"({"changes":{},"cursor":"1"})", "`changes` must be an array"},
      {R"({"changes":[]})", "`cursor`"},
      {R"({"changes":[],"cursor":""})", "`cursor`"},
      {R"({"changes":[7],"cursor":"1"})", "changes[0] must be an object, not number"},
      {R"({"changes":[{"path":"/prices/A"},{"etag":"x"}],"cursor":"1"})", "changes[1].path"},
      {R"({"changes":[{"path":"/prices/A","etag":7}],"cursor":"1"})", "changes[0].etag"}};
  for (const auto& item : wrong) {
    const auto& text = item.first;
    const auto& part = item.second;
    CAPTURE(text);
    const auto page = parse_changes(text, "0417");
    REQUIRE_FALSE(page.has_value());
    CHECK(page.error().kind == ErrorKind::kInvalid);
    CHECK(has(page.error().detail, part));
  }
  std::string many = R"({"cursor":"1","changes":[)";
  for (std::size_t i = 0; i <= kChangesRowsMax; ++i) many += (i == 0 ? "{}" : ",{}");
  CHECK_FALSE(parse_changes(many + "]}", "0417").has_value());
}

TEST_CASE("fetch: what a target does not serve is an answer, and what it cannot say now is an error") {
  std::atomic<const char*> status = "200 OK";
  Fixture fixture([&](const std::string&) {
    const std::string said = status.load();
    return FakeTarget::Reply{said, said.starts_with("304") ? "" : "{}", ""};
  });
  const auto changes = [&](const char* answer) {
    status = answer;
    return fixture.port->changes("c1");
  };
  using Answer = ChangesPage::Answer;
  CHECK(changes("404 Not Found")->answer == Answer::kNotServed);
  CHECK(changes("405 No")->answer == Answer::kNotServed);
  CHECK(changes("501 No")->answer == Answer::kNotServed);
  CHECK(changes("400 Bad")->answer == Answer::kCursorUnknown);
  CHECK(changes("410 Gone")->answer == Answer::kCursorUnknown);
  CHECK(changes("503 Busy").error().kind == ErrorKind::kUnavailable);
  CHECK(changes("401 Who").error().kind == ErrorKind::kUnavailable);
  CHECK(changes("200 OK").error().kind == ErrorKind::kInvalid);
  CHECK(fixture.asked(0) == "GET /central/changes?since=c1 HTTP/1.1");
  const auto row = [&](const char* answer) {
    status = answer;
    return fixture.port->fetch(FactKind::kPrice, "A1", "");
  };
  using Row = FetchedFact::Answer;
  CHECK(row("200 OK")->answer == Row::kValue);
  CHECK(row("304 Same")->answer == Row::kNotModified);
  CHECK(row("404 Not Found")->answer == Row::kAbsent);
  CHECK(row("405 No")->answer == Row::kNotServed);
  CHECK(row("500 Oops").error().kind == ErrorKind::kInvalid);
  CHECK(row("429 Slow").error().kind == ErrorKind::kUnavailable);
  CHECK(row("502 Gateway").error().kind == ErrorKind::kUnavailable);
  CHECK_FALSE(fixture.port->list(FactKind::kPrice, {})->has_value());
}

TEST_CASE("fetch: rows are asked for by their path, with the credential and the entity tag that is held") {
  Fixture fixture([](const std::string&) {
    return FakeTarget::Reply{"200 OK", R"({"sku":"A 1"})", "ETag: \"v7\"\r\n"};
  });
  const auto stock = fixture.port->fetch(FactKind::kStock, "A 1", "\"v6\"");
  REQUIRE(stock.has_value());
  CHECK(stock->value == R"({"sku":"A 1"})");
  CHECK(stock->etag == "\"v7\"");
  REQUIRE(fixture.port->fetch(FactKind::kCustomer, "4/2", "").has_value());
  REQUIRE(fixture.port->fetch(FactKind::kPrice, "A1", "").has_value());
  REQUIRE(fixture.port->fetch(FactKind::kRefundPolicy, "", "").has_value());
  CHECK(fixture.asked(0) == "GET /central/stock/A%201?store=0417 HTTP/1.1");
  CHECK(has(fixture.target.requests()[0], "If-None-Match: \"v6\"\r\n"));
  CHECK(has(fixture.target.requests()[0], "Authorization: Bearer token-one\r\n"));
  CHECK(fixture.asked(1) == "GET /central/customers/4%2F2 HTTP/1.1");
  CHECK_FALSE(has(fixture.target.requests()[1], "If-None-Match"));
  CHECK(fixture.asked(2) == "GET /central/prices/A1 HTTP/1.1");
  CHECK(fixture.asked(3) == "GET /central/refund-policy HTTP/1.1");
}

TEST_CASE("fetch: central's documents of a sale, and that it cannot tell of them") {
  std::atomic<const char*> status = "200 OK";
  std::atomic<const char*> document = R"({"type":"return","original":{"id":"S-1"}})";
  Fixture fixture([&](const std::string&) {
    return FakeTarget::Reply{
        status.load(),
        R"({"documents":[{"reference":"0999/R-1","step":"erp","central_reference":"C","total":"1.00",)"
        R"("currency":"GBP","document":)" +
            std::string(document.load()) + "}]}",
        ""};
  });
  const auto returns = fixture.port->returns_of("0417/S-1");
  REQUIRE(returns.has_value());
  REQUIRE(returns->has_value());
  CHECK((*returns)->front().reference == "0999/R-1");
  CHECK(fixture.asked(0) == "GET /central/documents?original=0417%2FS-1 HTTP/1.1");
  CHECK((*fixture.port->sale("0999/R-1"))->size() == 1);
  CHECK(fixture.asked(1) == "GET /central/documents?reference=0999%2FR-1 HTTP/1.1");
  // Asked for one sale, and told of another document: the parameter was left aside.
  CHECK_FALSE(fixture.port->sale("0417/S-1").has_value());
  document = R"({"type":"sale"})";
  CHECK_FALSE(fixture.port->returns_of("0417/S-1")->has_value());
  for (const char* not_served : {"404 No", "400 Bad", "405 No", "501 No"}) {
    status = not_served;
    CHECK_FALSE(fixture.port->returns_of("0417/S-1")->has_value());
    CHECK_FALSE(fixture.port->sale("0417/S-1")->has_value());
  }
  status = "503 Busy";
  CHECK_FALSE(fixture.port->returns_of("0417/S-1").has_value());
}
