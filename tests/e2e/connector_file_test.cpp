// A target that tillsync has never heard of, attached by writing a file alone, over a network that loses
// replies, and with the daemon killed in mid-run.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <map>
#include <mutex>

#include "platform/base/random.h"
#include "tests/e2e/store.h"
#include "tests/unit/agent/connectors/fake_target.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr const char* kConnector = R"(
format = 1
about = "Acme ERP, invented: an order is made, then closed; it knows no idempotency key"

[parameters.branch]
about = "the branch's number"
kind = "integer"

[session.login]
path = "/login"
body = '{user: .user, password: "${secret}"}'
answer = '{headers: {Authorization: ("Acme " + .answer.body.token)}}'

[[submit]]
types = ["sale", "return"]

[[submit.requests]]
name = "create"
path = "/branches/{.parameters.branch}/orders"
body = '''
{external: .delivery.reference, day: .document.business_day, kind: .document.type, currency: .document.currency,
 amount: .document.total, lines: [.document.lines[] | {item: .sku, pieces: .quantity, price: .unit_price}]}
'''
answer = '''
if .answer.status == 201 then {capture: {central_reference: .answer.body.id}}
elif .answer.body.code == "NO_SUCH_ITEM" then {outcome: "rejected", reason: ("unknown item " + .answer.body.item)}
else null end
'''

[[submit.requests]]
name = "close"
method = "PUT"
path = "/orders/{.captured.central_reference}/close"
answer = 'if .answer.status == 200 then {outcome: "delivered"} else null end'

[[lookup]]
types = ["sale", "return"]

[[lookup.requests]]
method = "GET"
path = "/orders?external={.delivery.reference}"
answer = '''
if .answer.status != 200 then null
elif (.answer.body.orders | length) == 0 then {outcome: "absent"}
else .answer.body.orders[0] as $order | {capture: {central_reference: $order.id}} +
  (if $order.closed then {outcome: "delivered"} else {outcome: "resume", at: "close"} end)
end
'''

[read_back]
[[read_back.requests]]
method = "GET"
path = '/orders?day={.day}&after={.cursor // ""}'
answer = '''
if .answer.status != 200 then null else
{rows: [.answer.body.orders[] | select(.closed) | {reference: .external, step: "acme", central_reference: .id,
  total: .amount, currency, recorded_at: "2026-11-23T12:00:00Z"}], next: .answer.body.next} end
'''
)";

std::string path_of(const std::string& request) {
  const auto begin = request.find(' ') + 1;
  return request.substr(begin, request.find(' ', begin) - begin);
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const auto from = text.find(begin);
  if (from == std::string::npos) return {};
  const auto at = from + begin.size();
  return text.substr(at, text.find(end, at) - at);
}

/// Keeps orders in memory, whatever becomes of the replies.
class Acme {
 public:
  using Reply = test::FakeTarget::Reply;
  struct Order {
    std::string external, day, amount, currency;
    bool closed = false;
  };

  Acme() : target_([this](const std::string& request) { return serve(request); }) {}

  std::string url() const { return target_.url(""); }
  std::map<std::string, Order> orders() {
    const std::lock_guard lock(mutex_);
    return orders_;
  }
  int lost() {
    const std::lock_guard lock(mutex_);
    return lost_;
  }
  int logins() {
    const std::lock_guard lock(mutex_);
    return logins_;
  }
  void be_kind() {
    const std::lock_guard lock(mutex_);
    kind_ = true;
  }

 private:
  static constexpr std::size_t kPage = 20;

  /// One request in eight is done and not answered, one in sixteen is not done at all, and the session ends
  /// now and then.
  Reply serve(const std::string& request) {
    const std::lock_guard lock(mutex_);
    const auto dice = kind_ ? 99 : random_.below(100);
    if (dice < 6) return {"503 Service Unavailable", ""};
    if (dice < 8) token_.clear();
    Reply reply = answer(request);
    if (dice < 20) {
      ++lost_;
      reply.status.clear();
    }
    return reply;
  }

  Reply answer(const std::string& request) {
    const std::string path = path_of(request);
    const auto body = json::parse(test::body_of(request));
    if (path == "/login") {
      if (!body || body->text_of("password") != "open sesame") return {"403 Forbidden", "{}"};
      token_ = fmt::format("t{}", ++logins_);
      return {"200 OK", fmt::format(R"({{"token":"{}"}})", token_)};
    }
    if (token_.empty() || request.find("\r\nAuthorization: Acme " + token_ + "\r\n") == std::string::npos)
      return {"401 Unauthorized", ""};
    if (path == "/branches/7/orders") return create(*body);
    if (const std::string id = between(path, "/orders/", "/close"); !id.empty()) {
      const auto found = orders_.find(id);
      if (found == orders_.end()) return {"404 Not Found", "{}"};
      found->second.closed = true;
      return {"200 OK", "{}"};
    }
    return list(path);
  }

  Reply create(const json::Value& body) {
    for (const auto& line : *body.find("lines")->as_array()) {
      if (line.text_of("item") == "POISON")
        return {"400 Bad Request", R"({"code":"NO_SUCH_ITEM","item":"POISON"})"};
    }
    const std::string id = fmt::format("A{:05}", orders_.size() + 1);
    orders_[id] = {std::string(body.text_of("external")), std::string(body.text_of("day")),
                   std::string(body.text_of("amount")), std::string(body.text_of("currency"))};
    return {"201 Created", fmt::format(R"({{"id":"{}"}})", id)};
  }

  Reply list(const std::string& path) {
    const std::string external = between(path, "?external=0417%2F", "&");
    const std::string day = between(path, "?day=", "&");
    const std::string after = between(path, "&after=", "&");
    json::Array found;
    json::Value next;
    for (const auto& [id, order] : orders_) {
      if (!external.empty() && order.external != "0417/" + external) continue;
      if (!day.empty() && (order.day != day || id <= after)) continue;
      if (found.size() == kPage) {
        next = found.back().text_of("id");
        break;
      }
      found.push_back(json::Object{{"id", id},
                                   {"external", order.external},
                                   {"amount", order.amount},
                                   {"currency", order.currency},
                                   {"closed", order.closed}});
    }
    return {"200 OK", json::dump(json::Object{{"orders", std::move(found)}, {"next", std::move(next)}})};
  }

  std::mutex mutex_;
  SeededRandom random_{20261123};
  std::map<std::string, Order> orders_;
  std::string token_;
  int logins_ = 0;
  int lost_ = 0;
  bool kind_ = false;
  test::FakeTarget target_;  // last: it serves from the start
};

std::string order(int number) {
  return fmt::format(R"({{"id":"S-{}","type":"{}","terminal":"T1","occurred_at":"2026-11-23T12:00:00Z",)"
                     R"("lines":[{{"sku":"A{}","quantity":"2","unit_price":"{}.25"}}],"total":"{}.50"}})",
                     number, number % 10 == 9 ? "return" : "sale", number, number % 90, 2 * (number % 90));
}

}  // namespace

TEST_CASE(
    "a target attached by writing a file alone: lost replies, ended sessions and kill -9, and one order for "
    "each document "
    "(I3)") {
  constexpr int kDocuments = 300;
  Acme acme;
  StoreOptions options;
  options.central = acme.url();
  options.targets = {"acme"};
  options.connector = "acme";
  options.timeout_s = "5";
  options.routes = "sale = [\"acme\"]\nreturn = [\"acme\"]\n";
  options.target_lines =
      "concurrency = 8\n[targets.acme.auth]\nkind = \"session\"\nuser = \"store\"\npassword = "
      "\"env:ACME_PASSWORD\"\n"
      "[targets.acme.parameters]\nbranch = 7\n";
  options.env = {{"ACME_PASSWORD", "open sesame"}};
  Store store(options);
  std::filesystem::create_directories(store.file("connectors"));
  std::ofstream(store.file("connectors/acme.toml")) << kConnector;
  CHECK(store.command({"connector", "check", store.file("connectors/acme.toml")}).status == 0);
  REQUIRE(store.command({"check"}).status == 0);
  store.start();

  std::vector<std::string> bodies;
  for (int i = 0; i < kDocuments; ++i) bodies.push_back(order(i));
  Till till(store, bodies, 20);
  REQUIRE(till.post_all());
  for (int kill = 1; kill <= 4; ++kill) {
    const std::int64_t owed = kDocuments * (5 - kill) / 5;
    REQUIRE(
        eventually([&] { return store.status().integer_of("backlog") <= owed; }, std::chrono::seconds(60)));
    store.kill();
    store.start();
  }
  REQUIRE(store.drain(120) == 0);
  CHECK(acme.lost() > kDocuments / 10);
  CHECK(acme.logins() > 5);

  std::map<std::string, int> closed;
  for (const auto& [id, each] : acme.orders()) closed[each.external] += each.closed ? 1 : 0;
  CHECK(closed.size() == kDocuments);
  for (const auto& item : closed) {
    const auto& external = item.first;
    const auto& count = item.second;
    CAPTURE(external);
    CHECK(count == 1);
  }
  acme.be_kind();
  const auto balance = store.settled_report("2026-11-23", "2026-11-23");
  CHECK(balance.exit_status == 0);
  CHECK(balance.report.find("targets")->find("acme")->integer_of("matched") == kDocuments);
}

TEST_CASE(
    "a target attached by a file: what it refuses is quarantined with the connector's words, and goes after "
    "amending") {
  Acme acme;
  acme.be_kind();
  StoreOptions options;
  options.central = acme.url();
  options.targets = {"acme"};
  options.connector = "./acme.toml";
  options.routes = "sale = [\"acme\"]\n";
  options.target_lines =
      "[targets.acme.auth]\nkind = \"session\"\nuser = \"store\"\npassword = \"env:ACME_PASSWORD\"\n"
      "[targets.acme.parameters]\nbranch = 7\n";
  options.env = {{"ACME_PASSWORD", "open sesame"}};
  Store store(options);
  std::ofstream(store.file("acme.toml")) << kConnector;
  store.start();
  REQUIRE(store.post(simple_sale("S-1", "POISON"))->status == 201);
  REQUIRE(eventually([&] { return store.status_of("S-1") == "quarantined"; }));
  const auto list = parsed(store.command({"quarantine", "list", "--json"}).output);
  const auto& entry = list.find("quarantine")->as_array()->at(0);
  CHECK(entry.text_of("reason") == "unknown item POISON");
  std::ofstream(store.file("fixed.json")) << simple_sale("S-1", "A1");
  CHECK(store
            .command({"quarantine", "amend", std::string(entry.text_of("delivery")), "--document",
                      store.file("fixed.json"), "--reason", "wrong SKU"})
            .status == 0);
  REQUIRE(eventually([&] { return store.status_of("S-1") == "delivered"; }));
  CHECK(acme.orders().size() == 1);
}

TEST_CASE("a connector file with mistakes: the daemon does not start, and each is told with its line") {
  StoreOptions options;
  options.central = "http://127.0.0.1:9";
  options.targets = {"acme"};
  options.connector = "./acme.toml";
  Store store(options);
  SUBCASE("none there") {
    const auto run = store.command({"check"});
    CHECK(run.status == 2);
    CHECK(run.errors.find("there is no connector \"./acme.toml\"") != std::string::npos);
  }
  SUBCASE("a key that is none, and a program that does not compile") {
    std::string broken = kConnector;
    broken.replace(broken.find("about ="), 5, "abuot");
    std::ofstream(store.file("acme.toml")) << broken;
    const auto run = store.command({"check"});
    CHECK(run.status == 2);
    CHECK(run.errors.find("acme.toml:3: ") != std::string::npos);
    CHECK(run.errors.find("about") != std::string::npos);
    const auto line = run.errors.find("POISON");
    CHECK(line == std::string::npos);
  }
}
