// GET /v1/events as readers rely on it: names, shapes and answers, which may grow and do not change.
#include <doctest/doctest.h>

#include <set>

#include "tests/e2e/shop.h"
#include "tests/support/event_stream.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

std::vector<std::string> at(const Store& store, const std::string& query = {}) {
  return {"--unix-socket", store.socket(), "http://localhost/v1/events" + query};
}

std::set<std::string> members(const json::Value& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : *object.as_object()) names.insert(name);
  return names;
}

}  // namespace

TEST_CASE("events contract: a stream's head, its greeting, and the members of each event") {
  Shop shop({.targets = {"erp"}});
  auto& store = shop.store;
  EventStream stream(at(store));
  REQUIRE(stream.greeted());
  const std::string head = stream.curl().head();
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  for (const char* line : {"Content-Type: text/event-stream\r\n", "Cache-Control: no-store\r\n"})
    CHECK_MESSAGE(head.find(line) != std::string::npos, line);
  CHECK(std::stoll(stream.last_id()) == store.head());
  CHECK(std::stoll(stream.retry_ms()) >= 1'000);

  shop.central.faults("erp", R"({"poison_skus":["A1"]})");
  REQUIRE(store.post(simple_sale("E1"))->status == 201);
  REQUIRE(shop.settles("E1", "quarantined"));
  const auto rejected = stream.next();
  REQUIRE(rejected);
  const auto refusal = parsed(rejected->data);
  CHECK(rejected->name == "outcome");
  CHECK(members(refusal) == std::set<std::string>{"sequence", "at", "document", "type", "terminal", "target",
                                                  "step", "attempt", "outcome", "http_status", "status"});
  CHECK(refusal.text_of("outcome") == "rejected");
  CHECK(refusal.text_of("status") == "quarantined");
  CHECK(refusal.integer_of("http_status") == 422);
  CHECK(std::to_string(refusal.integer_of("sequence")) == rejected->id);

  shop.central.faults("erp", "{}");
  const auto delivery = std::string(shop.quarantined().text_of("delivery"));
  REQUIRE(store.command({"quarantine", "retry", delivery, "--reason", "Mrs Smith said so"}).status == 0);
  REQUIRE(shop.settles("E1", "delivered"));
  const auto decided = stream.next();
  REQUIRE(decided);
  CHECK(decided->name == "decision");
  const auto decision = parsed(decided->data);
  CHECK(members(decision) == std::set<std::string>{"sequence", "at", "document", "type", "terminal", "target",
                                                   "step", "decision", "status"});
  CHECK(decision.text_of("decision") == "retry");
  const auto delivered = stream.next();
  REQUIRE(delivered);
  const auto outcome = parsed(delivered->data);
  CHECK(outcome.text_of("outcome") == "delivered");
  CHECK(outcome.text_of("central_reference") == "ERP-0000001");
  CHECK(std::stoll(delivered->id) > std::stoll(decided->id));
}

TEST_CASE(
    "events contract: after= is a place as Last-Event-ID is, which goes before it; other methods are not") {
  Shop shop({.targets = {"erp"}});
  auto& store = shop.store;
  REQUIRE(store.post(simple_sale("E1"))->status == 201);
  REQUIRE(shop.settles("E1", "delivered"));
  EventStream by_query(at(store, "?after=0"));
  const auto first = by_query.next();
  REQUIRE(first);
  CHECK(parsed(first->data).text_of("document") == "E1");
  auto both = at(store, "?after=0");
  both.insert(both.end(), {"-H", "Last-Event-ID: " + first->id});
  EventStream behind(both);
  REQUIRE(behind.greeted());
  CHECK(behind.last_id() == first->id);
  EventStream future(at(store, "?after=99999999"));
  const auto reset = future.next();
  REQUIRE(reset);
  CHECK(reset->name == "reset");
  CHECK(members(parsed(reset->data)) == std::set<std::string>{"head"});
  const auto malformed = store.get("/v1/events?after=yesterday");
  CHECK(malformed->status == 400);
  CHECK(problem_of(parsed(malformed->body)) == "malformed");
  const auto posted = raw_exchange(store.till_port(), "POST", "/v1/events", "{}", kJson);
  CHECK(posted->status == 405);
  CHECK(posted->headers.at("allow") == "GET");
}
