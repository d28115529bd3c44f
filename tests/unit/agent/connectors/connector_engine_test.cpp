#include "agent/connectors/mapped/connector_engine.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <optional>

#include "agent/connectors/connector_factory.h"
#include "agent/connectors/mapped/event_inbox.h"
#include "agent/connectors/mapped/mapped_fetch.h"
#include "agent/connectors/plain_text.h"
#include "platform/crypto/sha256.h"
#include "tests/unit/agent/connectors/fake_target.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

// An invented ERP: an order is made, its lines are booked in a second request, and it is closed in a third.
constexpr const char* kAcme = R"(
format = 1
about = "Acme ERP, invented"

[parameters.branch]
about = "the branch's number"
kind = "integer"

[session.login]
path = "/login"
body = '{user: .user, password: "${secret}"}'
answer = 'if .answer.body.token then {headers: {Authorization: ("Acme " + .answer.body.token)}} else {reason: .answer.body.error} end'

[[submit]]
types = ["sale", "return"]

[[submit.requests]]
name = "create"
path = "/branches/{.parameters.branch}/orders"
headers = {"X-Order-Key" = "{.delivery.idempotency_key}"}
body = '{external: .delivery.reference, amount: .document.total}'
answer = '''
if .answer.status == 201 then {capture: {id: .answer.body.id}}
elif .answer.body.code == "NO_SUCH_SKU" then {outcome: "rejected", reason: .answer.body.message}
elif .answer.body.code == "SESSION" then {outcome: "retryable", signal: "unauthorized", reason: "session ended"}
else null end
'''

[[submit.requests]]
name = "tax"
when = '.document.taxed == true'
path = "/orders/{.captured.id}/tax"

[[submit.requests]]
name = "close"
method = "PUT"
path = "/orders/{.captured.id}/close?by={.delivery.store}"
body = '{}'
answer = 'if .answer.status == 200 then {outcome: "delivered", central_reference: .captured.id} else null end'

[[lookup]]
types = ["sale", "return"]

[[lookup.requests]]
method = "GET"
path = "/orders?external={.delivery.reference}"
answer = '''
if .answer.status != 200 then null
elif (.answer.body | length) == 0 then {outcome: "absent"}
elif .answer.body[0].state == "closed" then {outcome: "delivered", central_reference: .answer.body[0].id}
else {outcome: "resume", at: "close", capture: {id: .answer.body[0].id}} end
'''

[submit_batch]
types = ["sale"]
batch_max = 10

[[submit_batch.requests]]
path = "/orders/batch"
body = '[.deliveries[] | {external: .delivery.reference, amount: .document.total}]'
answer = '''
if .answer.status == 200 then {outcomes: [.answer.body[] |
  if .ok then {outcome: "delivered", central_reference: .id} else {outcome: "rejected", reason: .error} end]}
else null end
'''

[read_back]
types = ["sale"]
[[read_back.requests]]
method = "GET"
path = '/orders?day={.day}&page={.cursor // "1"}'
answer = '''
{rows: [.answer.body.orders[] | {reference: .external, step: "erp", central_reference: .id, total: .amount, currency: "EUR",
  recorded_at: "2026-11-23T10:00:00Z"}], next: .answer.body.next}
'''

[[fetch]]
what = "stock"
[[fetch.requests]]
name = "article"
method = "GET"
path = "/articles?sku={.key}"
answer = 'if (.answer.body | length) == 0 then {outcome: "absent"} else {capture: {article: .answer.body[0].id}} end'
[[fetch.requests]]
name = "level"
method = "GET"
path = '/levels/{.captured.article}?store={.store}&page={.cursor // "1"}'
headers = {If-None-Match = '{.etag // ""}'}
answer = '''
if .answer.status == 304 then {not_modified: true}
elif .answer.status == 409 then {outcome: "retryable", reason: "counting"}
else {rows: .answer.body.rows, next: .answer.body.next, etag: .answer.headers.etag} end
'''
)";

struct Line {
  std::string method, path;
};

Line line_of(const std::string& request) {
  const auto method_end = request.find(' ');
  return {request.substr(0, method_end),
          request.substr(method_end + 1, request.find(' ', method_end + 1) - method_end - 1)};
}

using Answered = FakeTarget::Reply;

/// Answers by the path's beginning; every path must be known.
class Acme {
 public:
  explicit Acme(std::map<std::string, std::vector<Answered>> replies)
      : replies_(std::move(replies)),
        target([this](const std::string& request) { return answer(request); }) {}

  Answered answer(const std::string& request) {
    const std::lock_guard lock(mutex_);
    const auto [method, path] = line_of(request);
    seen_.push_back(method + " " + path);
    const auto found = replies_.find(method + " " + path);
    if (found == replies_.end()) return {"404 Not Found", R"({"code":"NO_SUCH_PATH"})"};
    Answered reply = found->second.front();
    if (found->second.size() > 1) found->second.erase(found->second.begin());
    return reply;
  }
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<Answered>> replies_;
  std::vector<std::string> seen_;

 public:
  FakeTarget target;
};

const std::pair<const std::string, std::vector<Answered>> kLogin = {"POST /central/login",
                                                                    {{"200 OK", R"({"token":"t-1"})"}}};

struct Fixture {
  explicit Fixture(const Acme& acme, const std::string& text = kAcme) {
    auto loaded = parse_connector(text, "acme.toml");
    for (const auto& mistake : loaded.mistakes) FAIL_CHECK(mistake.text());
    connector = std::make_shared<const Connector>(std::move(loaded.connector));
    settings.base_url = acme.target.url();
    settings.auth.kind = "session";
    settings.auth.user = "till";
    settings.auth.password = {"file:password"};
    secrets["file:password"] = "se\"cret";
    auto made = make_mapped_port(
        "erp", settings, "0417", connector, json::Object{{"branch", 7}}, *client, clock,
        Mapping(mapper, [this](std::function<void()> event) { inbox.post(std::move(event)); }),
        reader(secrets));
    REQUIRE(made.has_value());
    port = std::move(*made);
  }
  std::vector<Outcome> submit(std::vector<OutgoingDelivery> batch) {
    std::optional<std::vector<Outcome>> got;
    port->submit(std::move(batch), [&](std::vector<Outcome> outcomes) { got = std::move(outcomes); });
    inbox.run_until([&] { return got.has_value(); });
    return std::move(*got);
  }
  Outcome submit_one(OutgoingDelivery one) { return submit({std::move(one)}).at(0); }
  LookUpAnswer look_up(OutgoingDelivery one) {
    std::optional<LookUpAnswer> got;
    port->look_up(std::move(one), [&](LookUpAnswer answer) { got = std::move(answer); });
    inbox.run_until([&] { return got.has_value(); });
    return std::move(*got);
  }

  std::unique_ptr<http::Client> client = std::move(http::Client::open().value());
  EventInbox inbox{*client};
  jq::Mapper mapper{{TILLSYNC_PROGRAM, "jq-worker"}};
  HandClock clock;
  Secrets secrets;
  TargetSettings settings;
  std::shared_ptr<const Connector> connector;
  std::unique_ptr<TargetPort> port;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "connector file: a delivery goes through its requests, each made from what the ones before it captured") {
  Acme acme({kLogin,
             {"POST /central/branches/7/orders", {{"201 Created", R"({"id":"O-9"})"}}},
             {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}"}}}});
  Fixture f(acme);
  const Outcome outcome = f.submit_one(delivery(7, "S-1"));
  CHECK(outcome.kind == OutcomeKind::kDelivered);
  CHECK(outcome.central_reference == "O-9");
  CHECK(acme.seen() == std::vector<std::string>{"POST /central/login", "POST /central/branches/7/orders",
                                                "PUT /central/orders/O-9/close?by=0417"});
  const auto requests = acme.target.requests();
  CHECK(body_of(requests.at(0)) == R"({"user":"till","password":"se\"cret"})");
  CHECK(has(requests.at(1), "\r\nAuthorization: Acme t-1\r\n"));
  CHECK(has(requests.at(1), "\r\nX-Order-Key: 0417/S-1:erp\r\n"));
  CHECK(has(requests.at(1), "\r\nContent-Type: application/json\r\n"));
  CHECK(body_of(requests.at(1)) == R"({"external":"0417/S-1","amount":"2.50"})");
}

TEST_CASE("connector file: what its programs make of a refusal is the outcome, and nothing else is sent") {
  Acme acme({kLogin,
             {"POST /central/branches/7/orders",
              {{"400 Bad Request", R"({"code":"NO_SUCH_SKU","message":"SKU 4711 is not known"})"}}}});
  Fixture f(acme);
  const Outcome outcome = f.submit_one(delivery(7, "S-1"));
  CHECK(outcome.kind == OutcomeKind::kRejected);
  CHECK(outcome.reason == "SKU 4711 is not known");
  CHECK(outcome.http_status == 400);
  CHECK(has(outcome.answer, "NO_SUCH_SKU"));
  CHECK(acme.seen().size() == 2);
}

TEST_CASE("connector file: where a program says nothing the rule holds") {
  struct Case {
    const char* status;
    OutcomeKind kind;
    TargetSignal signal;
  };
  for (const Case& each :
       {Case{"429 Too Many Requests", OutcomeKind::kRetryable, TargetSignal::kThrottled},
        Case{"500 Internal Server Error", OutcomeKind::kUnknown, TargetSignal::kUnreachable},
        Case{"422 Unprocessable Content", OutcomeKind::kRejected, TargetSignal::kFine}}) {
    CAPTURE(each.status);
    Acme acme({kLogin, {"POST /central/branches/7/orders", {{each.status, "{}"}}}});
    Fixture f(acme);
    const Outcome outcome = f.submit_one(delivery(7, "S-1"));
    CHECK(outcome.kind == each.kind);
    CHECK(outcome.signal == each.signal);
  }
}

TEST_CASE("connector file: once a part is done, a failure that would be tried again is unknown (I3)") {
  Acme acme(
      {kLogin,
       {"POST /central/branches/7/orders", {{"201 Created", R"({"id":"O-9"})"}}},
       {"PUT /central/orders/O-9/close?by=0417", {{"429 Too Many Requests", "{}", "Retry-After: 7\r\n"}}}});
  Fixture f(acme);
  const Outcome outcome = f.submit_one(delivery(7, "S-1"));
  CHECK(outcome.kind == OutcomeKind::kUnknown);
  CHECK(outcome.signal == TargetSignal::kThrottled);
  CHECK(outcome.retry_after == std::chrono::seconds(7));
}

TEST_CASE(
    "connector file: a look-up finds it whole, finds nothing, or finds a part and goes on from there (I3)") {
  const std::string path = "GET /central/orders?external=0417%2FS-1";
  SUBCASE("whole") {
    Acme acme({kLogin, {path, {{"200 OK", R"([{"id":"O-9","state":"closed"}])"}}}});
    Fixture f(acme);
    const auto answer = f.look_up(delivery(7, "S-1"));
    CHECK(answer.kind == LookUpAnswer::Kind::kFound);
    CHECK(answer.outcome.central_reference == "O-9");
  }
  SUBCASE("nothing") {
    Acme acme({kLogin, {path, {{"200 OK", "[]"}}}});
    Fixture f(acme);
    CHECK(f.look_up(delivery(7, "S-1")).kind == LookUpAnswer::Kind::kAbsent);
  }
  SUBCASE("a part") {
    Acme acme({kLogin,
               {path, {{"200 OK", R"([{"id":"O-9","state":"open"}])"}}},
               {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}"}}}});
    Fixture f(acme);
    const auto answer = f.look_up(delivery(7, "S-1"));
    CHECK(answer.kind == LookUpAnswer::Kind::kFound);
    CHECK(answer.outcome.central_reference == "O-9");
    CHECK(acme.seen().back() == "PUT /central/orders/O-9/close?by=0417");
  }
  SUBCASE("a part, whose rest is refused") {
    Acme acme(
        {kLogin,
         {path, {{"200 OK", R"([{"id":"O-9","state":"open"}])"}}},
         {"PUT /central/orders/O-9/close?by=0417", {{"409 Conflict", R"({"detail":"period closed"})"}}}});
    Fixture f(acme);
    const auto answer = f.look_up(delivery(7, "S-1"));
    CHECK(answer.kind == LookUpAnswer::Kind::kRefused);
    CHECK(answer.outcome.kind == OutcomeKind::kRejected);
    CHECK(answer.outcome.reason == "period closed");
  }
  SUBCASE("a page of somebody on the way") {
    Acme acme({kLogin, {path, {{"200 OK", "<html>Sign in to the guest network</html>"}}}});
    Fixture f(acme);
    const auto answer = f.look_up(delivery(7, "S-1"));
    CHECK(answer.kind == LookUpAnswer::Kind::kFailed);
    CHECK(has(answer.outcome.reason, "no JSON"));
  }
  SUBCASE("no answer") {
    Acme acme({kLogin, {path, {{"503 Service Unavailable", ""}}}});
    Fixture f(acme);
    CHECK(f.look_up(delivery(7, "S-1")).kind == LookUpAnswer::Kind::kFailed);
  }
}

TEST_CASE(
    "connector file: a session that ended is begun anew, whether the target says so by 401 or in its own "
    "words") {
  Answered ended;
  SUBCASE("401") {
    ended = {"401 Unauthorized", ""};
  }
  SUBCASE("its own words") {
    ended = {"400 Bad Request", R"({"code":"SESSION"})"};
  }
  Acme acme({{"POST /central/login", {{"200 OK", R"({"token":"t-1"})"}, {"200 OK", R"({"token":"t-2"})"}}},
             {"POST /central/branches/7/orders", {ended, {"201 Created", R"({"id":"O-9"})"}}},
             {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}"}}}});
  Fixture f(acme);
  const Outcome first = f.submit_one(delivery(7, "S-1"));
  CHECK(first.kind == OutcomeKind::kRetryable);
  CHECK(first.signal == TargetSignal::kUnauthorized);
  CHECK(f.submit_one(delivery(7, "S-1")).kind == OutcomeKind::kDelivered);
  CHECK(has(acme.target.requests().back(), "Authorization: Acme t-2"));
}

TEST_CASE("connector file: where signing in fails nothing is sent, and the secret is in no reason (I9)") {
  Acme acme({{"POST /central/login", {{"200 OK", R"({"error":"wrong password se\"cret"})"}}}});
  Fixture f(acme);
  const Outcome outcome = f.submit_one(delivery(7, "S-1"));
  CHECK(outcome.kind == OutcomeKind::kRetryable);
  CHECK(outcome.signal == TargetSignal::kUnauthorized);
  CHECK(has(outcome.reason, "wrong password"));
  CHECK_FALSE(has(outcome.reason, "se\"cret"));
  CHECK(acme.seen().size() == 1);
}

TEST_CASE("plain text: what was put in is not looked at again") {
  const auto replaced = [](std::string text, std::string_view what, std::string_view with) {
    replace_all(text, what, with);
    return text;
  };
  CHECK(replaced("a*b*", "*", "***") == "a***b***");  // a secret that its own blot holds
  CHECK(replaced("aaa", "aa", "") == "a");
  CHECK(replaced("abc", "", "x") == "abc");
  CHECK(replaced("", "x", "y").empty());
}

TEST_CASE("connector file: a batch is one request, each delivery with its own outcome") {
  Acme acme({kLogin,
             {"POST /central/orders/batch",
              {{"200 OK", R"([{"ok":true,"id":"O-1"},{"ok":false,"error":"no such SKU"}])"}}}});
  Fixture f(acme);
  const auto outcomes = f.submit({delivery(1, "S-1"), delivery(2, "S-2")});
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[0].kind == OutcomeKind::kDelivered);
  CHECK(outcomes[0].central_reference == "O-1");
  CHECK(outcomes[1].kind == OutcomeKind::kRejected);
  CHECK(outcomes[1].reason == "no such SKU");
  CHECK(body_of(acme.target.requests().back()) ==
        R"([{"external":"0417/S-1","amount":"2.50"},{"external":"0417/S-2","amount":"2.50"}])");
}

TEST_CASE(
    "connector file: a batch that does not fit its answer leaves all unknown; one refused goes singly") {
  SUBCASE("too few outcomes") {
    Acme acme({kLogin, {"POST /central/orders/batch", {{"200 OK", R"([{"ok":true,"id":"O-1"}])"}}}});
    Fixture f(acme);
    for (const auto& outcome : f.submit({delivery(1, "S-1"), delivery(2, "S-2")}))
      CHECK(outcome.kind == OutcomeKind::kUnknown);
  }
  SUBCASE("refused") {
    Acme acme({kLogin,
               {"POST /central/orders/batch", {{"413 Content Too Large", "{}"}}},
               {"POST /central/branches/7/orders", {{"201 Created", R"({"id":"O-9"})"}}},
               {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}"}}}});
    Fixture f(acme);
    for (const auto& outcome : f.submit({delivery(1, "S-1"), delivery(2, "S-2")}))
      CHECK(outcome.kind == OutcomeKind::kDelivered);
  }
}

namespace {
/// The invented ERP with a second kind of batch, two returns at a time.
std::string with_batches_of_returns() {
  std::string text = kAcme;
  text.replace(text.find("[submit_batch]"), 14, "[[submit_batch]]");
  return text.insert(text.find("[read_back]"), R"(
[[submit_batch]]
types = ["return"]
batch_max = 2

[[submit_batch.requests]]
path = "/returns/batch"
body = '[.deliveries[] | .delivery.reference]'
answer = '''
if .answer.status == 200 then {outcomes: [.answer.body[] | {outcome: "delivered", central_reference: .}]} else null end
'''

)");
}

OutgoingDelivery a_return(std::int64_t sequence, std::string id) {
  auto made = delivery(sequence, std::move(id));
  made.type = DocumentType::kReturn;
  return made;
}
}  // namespace

TEST_CASE("connector file: a batch of several kinds goes in as many requests as the file has tables for") {
  const std::string sales = "POST /central/orders/batch", returns = "POST /central/returns/batch";
  const Answered two_sales{"200 OK", R"([{"ok":true,"id":"O-1"},{"ok":true,"id":"O-3"}])"};
  const std::vector<Answered> returned = {{"200 OK", R"(["R-2","R-4"])"}, {"200 OK", R"(["R-5","R-6"])"}};
  const auto submit = [&](Acme& acme) {
    Fixture f(acme, with_batches_of_returns());
    return f.submit({delivery(1, "S-1"), a_return(2, "S-2"), delivery(3, "S-3"), a_return(4, "S-4"),
                     a_return(5, "S-5"), a_return(6, "S-6")});
  };
  SUBCASE("all taken, no request above its table's batch_max") {
    Acme acme({kLogin, {sales, {two_sales}}, {returns, returned}});
    const auto outcomes = submit(acme);
    REQUIRE(outcomes.size() == 6);
    std::vector<std::string> references;
    for (const auto& outcome : outcomes) references.push_back(outcome.central_reference);
    CHECK(references == std::vector<std::string>{"O-1", "R-2", "O-3", "R-4", "R-5", "R-6"});
    CHECK(acme.seen() == std::vector<std::string>{"POST /central/login", sales, returns, returns});
    CHECK(outcomes[0].requests == 4);
    CHECK(outcomes[1].requests == 0);
  }
  SUBCASE("one kind is refused as a whole, and goes singly; the other is not touched") {
    Acme acme({kLogin,
               {sales, {{"413 Content Too Large", "{}"}}},
               {returns, returned},
               {"POST /central/branches/7/orders", {{"201 Created", R"({"id":"O-9"})"}}},
               {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}"}}}});
    const auto outcomes = submit(acme);
    CHECK(outcomes[0].central_reference == "O-9");
    CHECK(outcomes[1].central_reference == "R-2");
    CHECK(outcomes[2].central_reference == "O-9");
    CHECK(outcomes[0].requests == 8);
  }
  SUBCASE("where the target does not serve one, the others are not sent") {
    Acme acme(
        {kLogin, {sales, {two_sales}}, {returns, {{"429 Too Many Requests", "{}", "Retry-After: 7\r\n"}}}});
    const auto outcomes = submit(acme);
    CHECK(outcomes[0].kind == OutcomeKind::kDelivered);
    CHECK(outcomes[2].kind == OutcomeKind::kDelivered);
    for (const std::size_t held : {1U, 3U, 4U, 5U}) {
      CAPTURE(held);
      CHECK(outcomes[held].kind == OutcomeKind::kRetryable);
      CHECK(outcomes[held].signal == TargetSignal::kThrottled);
      CHECK(outcomes[held].retry_after == std::chrono::seconds(7));
    }
    CHECK(has(outcomes[4].reason, "nothing sent"));
    CHECK(acme.seen().size() == 3);
  }
}

TEST_CASE("connector file: one by one stops where the target no longer serves") {
  Acme acme(
      {kLogin, {"POST /central/branches/7/orders", {{"429 Too Many Requests", "{}", "Retry-After: 7\r\n"}}}});
  Fixture f(acme);
  const auto outcomes = f.submit({a_return(1, "S-1"), a_return(2, "S-2")});
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[0].requests == 2);
  CHECK(has(outcomes[1].reason, "nothing sent"));
  CHECK(outcomes[1].signal == TargetSignal::kThrottled);
  CHECK(outcomes[1].retry_after == std::chrono::seconds(7));
  CHECK(acme.seen().size() == 2);
}

TEST_CASE("connector file: a program that runs too long is tried again, and after some times is a person's") {
  std::string text = kAcme;
  const std::string body = "amount: .document.total}'\nanswer = '''\nif .answer.status == 201";
  text.replace(text.find(body), 23, "amount: (def f: f; if .document.total == \"9.99\" then f else 1 end)");
  Acme acme({kLogin,
             {"POST /central/branches/7/orders", {{"201 Created", R"({"id":"O-9"})"}}},
             {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}"}}}});
  Fixture f(acme, text);
  OutgoingDelivery slow = delivery(7, "S-1");
  slow.document = R"({"id":"S-1","total":"9.99"})";
  for (int time = 1; time < 5; ++time) {
    CAPTURE(time);
    CHECK(f.submit_one(slow).kind == OutcomeKind::kRetryable);
    CHECK(f.submit_one(delivery(8, "S-2")).kind == OutcomeKind::kDelivered);  // it is none of another's
  }
  const Outcome last = f.submit_one(slow);
  CHECK(last.kind == OutcomeKind::kRejected);
  CHECK(has(last.reason, "submit.create"));
  CHECK(has(last.reason, "5 times in a row"));
  CHECK(f.submit_one(slow).kind == OutcomeKind::kRetryable);  // a person's retry counts anew
  // In a row: once it goes through, what was before is forgotten.
  slow.document = delivery(7, "S-1").document;
  CHECK(f.submit_one(slow).kind == OutcomeKind::kDelivered);
}

TEST_CASE("connector file: a login may carry user and secret as HTTP basic has them") {
  std::string text = kAcme;
  text.insert(text.find("body = '{user: .user"), "headers = {Authorization = \"Basic ${{basic}}\"}\n");
  Acme acme({kLogin,
             {"POST /central/branches/7/orders", {{"201 Created", R"({"id":"O-9"})"}}},
             {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}"}}}});
  Fixture f(acme, text);
  CHECK(f.submit_one(delivery(7, "S-1")).kind == OutcomeKind::kDelivered);
  // base64("till:se\"cret")
  CHECK(has(acme.target.requests().at(0), "\r\nAuthorization: Basic dGlsbDpzZSJjcmV0\r\n"));
}

TEST_CASE("connector file: an answer to a batch without any outcome leaves all unknown") {
  std::string text = kAcme;
  const auto from = text.find("if .answer.status == 200 then {outcomes:");
  text.replace(from, text.find("else null end", from) + 13 - from, "{}");
  Acme acme({kLogin, {"POST /central/orders/batch", {{"200 OK", "[]"}}}});
  Fixture f(acme, text);
  for (const auto& outcome : f.submit({delivery(1, "S-1"), delivery(2, "S-2")})) {
    CHECK(outcome.kind == OutcomeKind::kUnknown);
    CHECK(has(outcome.reason, "no outcomes"));
  }
}

TEST_CASE("connector file: programs can tell a document from its amendment") {
  OutgoingDelivery posted = delivery(7, "S-1");
  OutgoingDelivery amended = posted;
  amended.document.replace(amended.document.find("S-1"), 3, "S-2");
  const auto digest_of = [](const OutgoingDelivery& one) {
    return std::string(json::parse(delivery_json(one))->text_of("document_digest"));
  };
  CHECK(digest_of(posted) == to_hex(sha256(posted.document)));
  CHECK(digest_of(amended) != digest_of(posted));
  CHECK(amended.idempotency_key() == posted.idempotency_key());
}

TEST_CASE("connector file: a read-back that sends nothing is no empty list") {
  std::string text = kAcme;
  text.replace(text.find("path = '/orders?day="), 0, "when = 'false'\n");
  Acme acme({kLogin});
  Fixture f(acme, text);
  auto made = make_mapped_read_back("erp", f.settings, "0417", f.connector, json::Object{{"branch", 7}},
                                    f.clock, f.mapper, reader(f.secrets));
  REQUIRE(made.has_value());
  const auto page = (*made)->read_back(BusinessDay::parse("2026-11-23").value(), std::nullopt);
  REQUIRE_FALSE(page.has_value());
  CHECK(page.error().kind == ErrorKind::kUnavailable);
}

TEST_CASE("connector file: an outcome says what it took, signing in included") {
  const std::string look_up = "GET /central/orders?external=0417%2FS-1";
  Acme acme(
      {{"POST /central/login", {{"200 OK", R"({"token":"t-1"})"}}},
       {"POST /central/branches/7/orders",
        {{"201 Created", R"({"id":"O-9"})"}, {"401 Unauthorized", ""}, {"201 Created", R"({"id":"O-9"})"}}},
       {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}", "RateLimit-Remaining: 7\r\n"}}},
       {"POST /central/orders/batch", {{"413 Content Too Large", "{}"}}},
       {look_up, {{"200 OK", R"([{"id":"O-9","state":"open"}])"}, {"200 OK", "[]"}}}});
  Fixture f(acme);
  const Outcome first = f.submit_one(delivery(7, "S-1"));
  CHECK(first.requests == 3);
  CHECK(first.left == LimitsLeft{LimitLeft{7, std::nullopt}, std::nullopt});
  CHECK(f.submit_one(delivery(7, "S-1")).requests == 1);  // 401
  CHECK(f.submit_one(delivery(7, "S-1")).requests == 3);  // with a login anew
  CHECK(f.look_up(delivery(7, "S-1")).outcome.requests == 2);
  CHECK(f.look_up(delivery(7, "S-1")).outcome.requests == 1);
  const auto batch = f.submit({delivery(1, "S-1"), delivery(2, "S-2")});
  REQUIRE(batch.size() == 2);
  CHECK(batch[0].requests == 5);
  CHECK(batch[0].left.burst == LimitLeft{7, std::nullopt});
  CHECK(batch[1].requests == 0);
  CHECK(batch[1].left == LimitsLeft{});
  auto unserved = delivery(1, "S-1");
  unserved.type = DocumentType::kTillClose;
  CHECK(f.submit_one(unserved).requests == 0);
  CHECK(acme.seen().size() == 15);
}

TEST_CASE("connector file: a login that fails is charged to the delivery that waited for it") {
  Acme acme({{"POST /central/login", {{"503 Service Unavailable", ""}}}});
  Fixture f(acme);
  CHECK(f.submit_one(delivery(7, "S-1")).requests == 1);
}

TEST_CASE("connector file: what a delivery may take at most") {
  Acme acme({kLogin});
  Fixture f(acme);
  CHECK(f.port->requests_max(0) == 0);
  CHECK(f.port->requests_max(1) == 5);  // one look-up, three requests that it goes on with, one login
  CHECK(f.port->requests_max(2) == 8);  // the batch, both singly, one login
}

namespace {
/// The invented ERP with this table [limits].
std::string with_limits(const std::string& keys) {
  std::string text = kAcme;
  return text.insert(text.find("[parameters.branch]"), "[limits]\n" + keys + "\n");
}
}  // namespace

TEST_CASE("connector file: its report tells of every answer what is left, whatever the answer means") {
  const std::string text = with_limits(R"(report = '''
.answer.headers["x-left"] // "" | capture("^(?<burst>[0-9.]+)/(?<day>[0-9]+)$") | map_values(tonumber)
| {burst: {left: .burst, resets_s: 2.5}, day: {left: .day}}
''')");
  const std::string create = "POST /central/branches/7/orders";
  const LimitsLeft told{LimitLeft{9, std::chrono::milliseconds(2500)}, LimitLeft{4000, std::nullopt}};
  const auto left_of = [&](const Answered& created, const Answered& closed) {
    Acme acme({kLogin, {create, {created}}, {"PUT /central/orders/O-9/close?by=0417", {closed}}});
    Fixture f(acme, text);
    return f.submit_one(delivery(7, "S-1"));
  };
  const Answered made{"201 Created", R"({"id":"O-9"})"};
  const std::string header = "X-Left: 9.7/4000\r\n";
  SUBCASE("delivered") {
    const Outcome outcome = left_of(made, {"200 OK", "{}", header});
    CHECK(outcome.kind == OutcomeKind::kDelivered);
    CHECK(outcome.left == told);
  }
  SUBCASE("an answer before the last") {
    CHECK(left_of({"201 Created", R"({"id":"O-9"})", header}, {"200 OK", "{}"}).left == told);
  }
  SUBCASE("refused by its program") {
    const Outcome outcome =
        left_of({"400 Bad Request", R"({"code":"NO_SUCH_SKU","message":"no"})", header}, {});
    CHECK(outcome.kind == OutcomeKind::kRejected);
    CHECK(outcome.reason == "no");
    CHECK(outcome.left == told);
  }
  SUBCASE("the rule's") {
    const Outcome outcome = left_of({"429 Too Many Requests", "{}", header}, {});
    CHECK(outcome.signal == TargetSignal::kThrottled);
    CHECK(outcome.left == told);
  }
  SUBCASE("401") {
    const Outcome outcome = left_of({"401 Unauthorized", "", header}, {});
    CHECK(outcome.signal == TargetSignal::kUnauthorized);
    CHECK(outcome.left == told);
  }
  SUBCASE("nothing told") {
    const Outcome outcome = left_of(made, {"200 OK", "{}", "RateLimit-Remaining: 7\r\n"});
    CHECK(outcome.kind == OutcomeKind::kDelivered);
    CHECK(outcome.left == LimitsLeft{});
  }
}

TEST_CASE("connector file: a report tells of answers that no program reads") {
  std::string text = with_limits("report = '{day: {left: 5}}'");
  text.replace(text.find("answer = 'if .answer.status == 200 then {outcome: \"delivered\", "
                         "central_reference: .captured.id}"),
               std::string("answer = 'if .answer.status == 200 then {outcome: \"delivered\", "
                           "central_reference: .captured.id} else null end'")
                   .size(),
               "");
  for (const char* status : {"200 OK", "422 Unprocessable Content"}) {
    CAPTURE(status);
    Acme acme({kLogin,
               {"POST /central/branches/7/orders", {{"201 Created", R"({"id":"O-9"})"}}},
               {"PUT /central/orders/O-9/close?by=0417", {{status, R"({"central_reference":"O-9"})"}}}});
    Fixture f(acme, text);
    const Outcome outcome = f.submit_one(delivery(7, "S-1"));
    CHECK(outcome.kind == (status[0] == '2' ? OutcomeKind::kDelivered : OutcomeKind::kRejected));
    CHECK(outcome.left.day == LimitLeft{5, std::nullopt});
  }
}

TEST_CASE("connector file: beside a report an answer program fails as it does alone") {
  std::string text = with_limits("report = '{day: {left: 5}}'");
  const std::string close = "{outcome: \"delivered\", central_reference: .captured.id}";
  text.replace(text.find(close), close.size(), "error(\"odd\")");
  Acme acme({kLogin,
             {"POST /central/branches/7/orders", {{"201 Created", R"({"id":"O-9"})"}}},
             {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}"}}}});
  Fixture f(acme, text);
  const Outcome outcome = f.submit_one(delivery(7, "S-1"));
  CHECK(outcome.kind == OutcomeKind::kUnknown);
  CHECK(has(outcome.reason, "odd"));
  CHECK(outcome.requests == 3);
}

TEST_CASE("connector file: a report that fails never changes the outcome") {
  for (const char* report : {"error(\"no\")", "empty", "1, 2", "null", "7", "{burst: 7}",
                             "{burst: {left: \"7\"}, day: []}", "halt", "\"x\" | halt_error", "def f: f; f",
                             ".answer.body.id.nothing", "{day: {left: null, resets_s: 3}}"}) {
    CAPTURE(report);
    Acme acme({kLogin,
               {"POST /central/branches/7/orders", {{"201 Created", R"({"id":"O-9"})"}}},
               {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}"}}}});
    Fixture f(acme, with_limits("report = '''" + std::string(report) + "'''"));
    const Outcome outcome = f.submit_one(delivery(7, "S-1"));
    CHECK(outcome.kind == OutcomeKind::kDelivered);
    CHECK(outcome.central_reference == "O-9");
    CHECK(outcome.left == LimitsLeft{});
  }
}

TEST_CASE("connector file: a program that fails costs its delivery, never the daemon") {
  const std::string text = kAcme;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    REQUIRE(at != std::string::npos);
    return changed.replace(at, from.size(), to);
  };
  Acme acme({kLogin,
             {"POST /central/branches/7/orders", {{"201 Created", R"({"id":"O-9"})"}}},
             {"PUT /central/orders/O-9/close?by=0417", {{"200 OK", "{}"}}}});
  SUBCASE("before anything is sent: rejected, for a person") {
    Fixture f(acme, with("amount: .document.total", "amount: error(\"no total\")"));
    const Outcome outcome = f.submit_one(delivery(7, "S-1"));
    CHECK(outcome.kind == OutcomeKind::kRejected);
    CHECK(has(outcome.reason, "no total"));
    CHECK(has(outcome.reason, "submit.create"));
    CHECK(acme.seen().empty());
  }
  SUBCASE("on an answer: unknown") {
    Fixture f(acme, with("if .answer.status == 201", "if .answer.status.x"));
    const Outcome outcome = f.submit_one(delivery(7, "S-1"));
    CHECK(outcome.kind == OutcomeKind::kUnknown);
    CHECK(outcome.http_status == 201);
  }
  SUBCASE("a missing value never becomes a path") {
    Fixture f(acme, with("/orders/{.captured.id}/close", "/orders/{.captured.nothing}/close"));
    CHECK(f.submit_one(delivery(7, "S-1")).kind == OutcomeKind::kRejected);
    CHECK(acme.seen().size() == 2);
  }
}

TEST_CASE("connector file: a type that it does not serve is rejected with the cure") {
  Acme acme({kLogin});
  Fixture f(acme);
  auto count = delivery(7, "C-1");
  count.type = DocumentType::kStockCount;
  const Outcome outcome = f.submit_one(count);
  CHECK(outcome.kind == OutcomeKind::kRejected);
  CHECK(has(outcome.reason, "does not serve stock_count"));
}

TEST_CASE("connector file: a target that may be sent to again is not asked") {
  std::string text = kAcme;
  const auto from = text.find("[[lookup]]");
  text.erase(from, text.find("[submit_batch]") - from);
  text.insert(text.find("[parameters"), "safe_to_resend = \"orders are upserted by X-Order-Key\"\n");
  Acme acme({kLogin});
  Fixture f(acme, text);
  const auto answer = f.look_up(delivery(7, "S-1"));
  CHECK(answer.kind == LookUpAnswer::Kind::kAbsent);
  CHECK(has(answer.outcome.reason, "upserted by X-Order-Key"));
  CHECK(acme.seen().empty());
}

TEST_CASE("connector file: central is read back page by page") {
  Acme acme(
      {kLogin,
       {"GET /central/orders?day=2026-11-23&page=1",
        {{"200 OK", R"({"orders":[{"external":"0417/S-1","id":"O-1","amount":"2.50"}],"next":"2"})"}}},
       {"GET /central/orders?day=2026-11-23&page=2",
        {{"200 OK", R"({"orders":[{"external":"0417/S-2","id":"O-2","amount":"3.50"}],"next":null})"}}}});
  Fixture f(acme);
  auto made = make_mapped_read_back("erp", f.settings, "0417", f.connector, json::Object{{"branch", 7}},
                                    f.clock, f.mapper, reader(f.secrets));
  REQUIRE(made.has_value());
  const auto day = BusinessDay::parse("2026-11-23").value();
  const auto first = (*made)->read_back(day, std::nullopt);
  REQUIRE(first.has_value());
  REQUIRE(first->rows.size() == 1);
  CHECK(first->rows[0].reference == "0417/S-1");
  CHECK(first->rows[0].total == "2.50");
  CHECK(first->next == "2");
  const auto second = (*made)->read_back(day, first->next);
  REQUIRE(second.has_value());
  CHECK(second->rows.at(0).central_reference == "O-2");
  CHECK_FALSE(second->next);
  CHECK((*made)->listed_types() == ListedTypes(std::set{DocumentType::kSale}));
}

namespace {

/// What a [[fetch]] gives, with a client of its own.
struct Fetched {
  Fetched(Fixture& f, const std::string& sku, std::optional<std::string> cursor = {},
          std::optional<std::string> etag = {}) {
    auto client = std::move(http::Client::open(1).value());
    const auto inbox = std::make_shared<EventInbox>(*client);
    auto asker = make_asker("erp", f.settings, f.connector, json::Object{{"branch", 7}}, *client, inbox,
                            f.clock, f.mapper, reader(f.secrets));
    REQUIRE(asker.has_value());
    MappedFetch fetch({"erp", f.connector, json::Object{{"branch", 7}}, "0417", std::move(*asker)});
    page = fetch.fetch({FetchWhat::kStock, sku, std::move(cursor), std::move(etag)});
    other = fetch.fetch({FetchWhat::kPrice, sku, {}, {}});
  }
  Result<FetchPage> page = Error{};
  Result<FetchPage> other = Error{};
};

const std::pair<const std::string, std::vector<Answered>> kArticle = {"GET /central/articles?sku=A%2F1",
                                                                      {{"200 OK", R"([{"id":5}])"}}};

}  // namespace

TEST_CASE("connector file: what central holds is fetched over several requests, page by page") {
  Acme acme({kLogin,
             kArticle,
             {"GET /central/articles?sku=NONE", {{"200 OK", "[]"}}},
             {"GET /central/levels/5?store=0417&page=1",
              {{"200 OK", R"({"rows":[{"sku":"A/1","quantity":"4"}],"next":"2"})"}}},
             {"GET /central/levels/5?store=0417&page=2", {{"200 OK", R"({"rows":[]})"}}}});
  Fixture f(acme);
  const Fetched first(f, "A/1");
  REQUIRE(first.page.has_value());
  REQUIRE(first.page->rows.size() == 1);
  CHECK(json::dump(first.page->rows[0]) == R"({"sku":"A/1","quantity":"4"})");
  CHECK(first.page->next == "2");
  REQUIRE_FALSE(first.other.has_value());
  CHECK(has(first.other.error().detail, "has no such [[fetch]]"));
  const Fetched second(f, "A/1", "2");
  REQUIRE(second.page.has_value());
  CHECK(second.page->rows.empty());
  CHECK_FALSE(second.page->next);
  const Fetched none(f, "NONE");
  REQUIRE(none.page.has_value());
  CHECK(none.page->rows.empty());
}

TEST_CASE("connector file: a fetch tells what is not modified, refused or out of shape") {
  const auto fetched = [](const Answered& level) {
    Acme acme({kLogin, kArticle, {"GET /central/levels/5?store=0417&page=1", {level}}});
    Fixture f(acme);
    return Fetched(f, "A/1", {}, "\"v1\"").page;
  };
  const auto same = fetched({"304 Not Modified", ""});
  REQUIRE(same.has_value());
  CHECK(same->not_modified);
  const auto busy = fetched({"409 Conflict", "{}"});
  REQUIRE_FALSE(busy.has_value());
  CHECK(busy.error().kind == ErrorKind::kUnavailable);
  CHECK(has(busy.error().detail, "counting"));
  for (const auto& [body, part] :
       {std::pair(R"({"rows":[1]})", "must be an object"), std::pair(R"({"rows":{}})", "must be an array"),
        std::pair(R"({"rows":[],"next":7})", "`next` must be null or a string")}) {
    const auto wrong = fetched({"200 OK", body});
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().kind == ErrorKind::kInvalid);
    CHECK(has(wrong.error().detail, part));
  }
}

TEST_CASE("fetch: a page is bounded in rows, bytes and cursor (I8)") {
  json::Array rows(kFetchRowsMax, json::Value(json::Object{}));
  CHECK(parse_fetch_page(json::Object{{"rows", rows}}).has_value());
  rows.emplace_back(json::Object{});
  CHECK_FALSE(parse_fetch_page(json::Object{{"rows", rows}}).has_value());
  const std::string long_text(kFetchPageBytesMax, 'x');
  CHECK_FALSE(
      parse_fetch_page(json::Object{{"rows", json::Array{json::Object{{"a", long_text}}}}}).has_value());
  CHECK_FALSE(parse_fetch_page(
                  json::Object{{"rows", json::Array{}}, {"next", std::string(kFetchCursorBytesMax + 1, 'x')}})
                  .has_value());
  CHECK_FALSE(parse_fetch_page(json::Object{{"not_modified", true}, {"rows", json::Array{json::Object{}}}})
                  .has_value());
  CHECK_FALSE(parse_fetch_page(json::Object{{"not_modified", false}}).has_value());
}
