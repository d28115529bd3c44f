#include "agent/connectors/rest_read_back.h"

#include <doctest/doctest.h>

#include <map>

#include "agent/connectors/connector_factory.h"
#include "tests/unit/agent/connectors/fake_target.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

const std::string kRow =
    R"({"reference":"0417/S-1","step":"erp","central_reference":"C-1","total":"12.50","currency":"GBP",)"
    R"("recorded_at":"2026-11-23T09:00:00Z","document":{"id":"S-1"}})";

struct Fixture {
  explicit Fixture(const FakeTarget& target) {
    settings.base_url = target.url();
    settings.token = {"file:token"};
    secrets["file:token"] = "token-one";
    port = std::move(make_read_back("erp", settings, "0417", clock, reader(secrets)).value());
  }
  Result<CentralPage> read(const std::optional<std::string>& cursor = {}) {
    return port->read_back(BusinessDay::parse("2026-11-23").value(), cursor);
  }
  HandClock clock;
  Secrets secrets;
  TargetSettings settings;
  std::unique_ptr<ReadBackPort> port;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("read-back: a page's rows and its cursor come back as central gave them") {
  const auto page = parse_central_page(
      "{\"documents\":[" + kRow +
      R"(,{"reference":"0417/C-1","step":"erp","central_reference":"C-2","total":null,"currency":null}],"next":"p2"})");
  REQUIRE(page.has_value());
  REQUIRE(page->rows.size() == 2);
  CHECK(page->rows[0].reference == "0417/S-1");
  CHECK(page->rows[0].step == "erp");
  CHECK(page->rows[0].central_reference == "C-1");
  CHECK(page->rows[0].total == "12.50");
  CHECK(page->rows[0].currency == "GBP");
  CHECK(page->rows[0].recorded_at == "2026-11-23T09:00:00Z");
  CHECK(page->rows[0].document == R"({"id":"S-1"})");
  CHECK_FALSE(page->rows[1].total.has_value());
  CHECK(page->rows[1].document.empty());
  CHECK(page->next == "p2");
  CHECK_FALSE(parse_central_page(R"({"documents":[]})")->next.has_value());
  CHECK_FALSE(parse_central_page(R"({"documents":[],"next":null})")->next.has_value());
}

TEST_CASE("read-back: an answer of the wrong shape is refused, and the message names what is wrong") {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string row = kRow;
    row.replace(row.find(from), from.size(), to);
    return "{\"documents\":[" + kRow + "," + row + "]}";
  };
  const std::pair<std::string, std::string> wrong[] = {
      {"", "not as CONTRACT"},
      {"[]", "`documents` must be an array"},
      {R"({"documents":{}})", "`documents` must be an array"},
      {R"({"documents":[7]})", "documents[0] must be an object, not number"},
      {with(R"("reference":"0417/S-1")", R"("reference":5)"), "documents[1].reference"},
      {with(R"("step":"erp",)", ""), "documents[1].step"},
      {with(R"("C-1")", R"("")"), "documents[1].central_reference"},
      {with(R"("12.50")", "12.5"), "documents[1].total must be a decimal string"},
      {with("12.50", "1e3"), "documents[1].total is no decimal"},
      {with(R"("GBP")", R"("pounds")"), "documents[1].currency"},
      {with(R"("GBP")", "null"), "documents[1].currency is missing"},
      {with(R"({"id":"S-1"})", R"("S-1")"), "documents[1].document"},
      {R"({"documents":[],"next":7})", "`next`"},
      {R"({"documents":[],"next":""})", "`next`"},
  };
  for (const auto& item : wrong) {
    const auto& text = item.first;
    const auto& message = item.second;
    CAPTURE(text);
    const auto page = parse_central_page(text);
    REQUIRE(page.has_error());
    CHECK(page.error().kind == ErrorKind::kInvalid);
    INFO(page.error().detail);
    CHECK(has(page.error().detail, message));
  }
}

TEST_CASE("read-back: the request names store, day, cursor and limit") {
  FakeTarget target([](const std::string&) {
    return FakeTarget::Reply{"200 OK", "{\"documents\":[" + kRow + "],\"next\":null}"};
  });
  Fixture f(target);
  CHECK(f.read()->rows.size() == 1);
  CHECK(target.requests().at(0).starts_with(
      "GET /central/documents?store=0417&business_day=2026-11-23&limit=200 HTTP/1.1\r\n"));
  CHECK(has(target.requests().at(0), "Authorization: Bearer token-one\r\n"));
  CHECK(f.read("a&b=c").has_value());
  CHECK(has(target.requests().at(1), "&cursor=a%26b%3Dc&limit="));
}

TEST_CASE("read-back: after a 401 the token is read again, once") {
  std::string good = "token-two";
  FakeTarget target([&](const std::string& request) {
    return has(request, "Bearer " + good) ? FakeTarget::Reply{"200 OK", R"({"documents":[]})"}
                                          : FakeTarget::Reply{"401 Unauthorized", R"({"detail":"no"})"};
  });
  Fixture f(target);
  const auto refused = f.read();
  REQUIRE(refused.has_error());
  CHECK(refused.error().kind == ErrorKind::kUnavailable);
  CHECK(target.requests().size() == 2);
  f.secrets["file:token"] = "token-two";
  CHECK(f.read().has_value());
}

TEST_CASE("read-back: where central does not serve, the error says so") {
  FakeTarget::Reply reply{"503 Busy", R"({"detail":"in maintenance"})"};
  FakeTarget target([&](const std::string&) { return reply; });
  Fixture f(target);
  auto page = f.read();
  REQUIRE(page.has_error());
  CHECK(page.error().kind == ErrorKind::kUnavailable);
  CHECK(page.error().detail == "target erp cannot be read back: in maintenance");
  reply = {"200 OK", R"({"documents":[)"};
  CHECK(f.read().error().kind == ErrorKind::kInvalid);
  f.secrets.clear();
}

TEST_CASE("read-back: a central that stays silent is a time-out") {
  RawServer* self = nullptr;
  RawServer server([&](int socket, int) {
    while (!self->read_request(socket).empty()) {
    }
  });
  self = &server;
  TargetSettings settings;
  settings.base_url = server.url();
  settings.timeout = std::chrono::milliseconds(200);
  HandClock clock;
  Secrets secrets;
  const auto port = std::move(make_read_back("erp", settings, "0417", clock, reader(secrets)).value());
  const auto page = port->read_back(BusinessDay::parse("2026-11-23").value(), std::nullopt);
  REQUIRE(page.has_error());
  CHECK(page.error().kind == ErrorKind::kTimeout);
}

TEST_CASE("read-back: digests are asked for by days, by prefixes, and rows by prefixes") {
  FakeTarget target([&](const std::string& request) {
    if (!has(request, "/documents/digest?"))
      return FakeTarget::Reply{"200 OK", "{\"documents\":[" + kRow + "],\"next\":null}"};
    return has(request, "from=") ? FakeTarget::Reply{"200 OK", R"({"days":[]})"}
                                 : FakeTarget::Reply{"200 OK", R"({"parts":[]})"};
  });
  Fixture f(target);
  DigestPort& digests = *f.port->digests();
  const auto day = BusinessDay::parse("2026-11-23").value();
  const std::vector<KeyPrefix> ranges{*KeyPrefix::parse("0a"), *KeyPrefix::parse("ff3")};
  CHECK(digests.days(day, BusinessDay::parse("2026-11-30").value()).has_value());
  CHECK(digests.parts(day, ranges).has_value());
  CHECK(digests.parts(day, {KeyPrefix()}).has_value());
  CHECK(digests.rows(day, ranges, "c7")->rows.size() == 1);
  const auto sent = target.requests();
  REQUIRE(sent.size() == 4);
  CHECK(sent[0].starts_with("GET /central/documents/digest?store=0417&from=2026-11-23&to=2026-11-30 HTTP"));
  CHECK(sent[1].starts_with(
      "GET /central/documents/digest?store=0417&business_day=2026-11-23&prefix=0a%2Cff3 HTTP"));
  CHECK(sent[2].starts_with("GET /central/documents/digest?store=0417&business_day=2026-11-23&prefix= HTTP"));
  CHECK(sent[3].starts_with(
      "GET /central/documents?store=0417&business_day=2026-11-23&prefix=0a%2Cff3&cursor=c7&limit=200 HTTP"));
  CHECK(has(sent[0], "Authorization: Bearer token-one\r\n"));
}

TEST_CASE("read-back: a target without digests is told from one that does not answer now") {
  FakeTarget::Reply reply;
  FakeTarget target([&](const std::string&) { return reply; });
  Fixture f(target);
  DigestPort& digests = *f.port->digests();
  const auto day = BusinessDay::parse("2026-11-23").value();
  for (const char* status : {"400 Bad", "403 No", "404 No", "405 No", "422 No", "501 No"}) {
    CAPTURE(status);
    reply = {status, "{}"};
    CHECK(digests.days(day, day).error().code == kDigestUnsupported);
    CHECK(digests.parts(day, {KeyPrefix()}).error().code == kDigestUnsupported);
    CHECK(digests.rows(day, {KeyPrefix()}, std::nullopt).error().code == kDigestUnsupported);
  }
  for (const char* status : {"401 No", "429 Slower", "500 Broken", "503 Busy"}) {
    CAPTURE(status);
    reply = {status, "{}"};
    CHECK(digests.days(day, day).error().kind == ErrorKind::kUnavailable);
    CHECK(digests.days(day, day).error().code != kDigestUnsupported);
  }
  reply = {"200 OK", "{\"documents\":[]}"};
  CHECK(digests.days(day, day).error().code == kDigestShape);
}
