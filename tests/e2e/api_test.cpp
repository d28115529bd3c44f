// How the till API and the ops API behave on the wire, against the whole daemon.
#include <doctest/doctest.h>

#include <regex>

#include "tests/e2e/shop.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr const char* kEvent = "Content-Type: application/cloudevents+json\r\n";
constexpr const char* kEvents = "Content-Type: application/cloudevents-batch+json; charset=utf-8\r\n";

std::string event(const std::string& id, const std::string& data, const std::string& more = {}) {
  return fmt::format(
      R"({{"specversion":"1.0","id":"{}","source":"T7","type":"com.example.pos"{},"data":{}}})", id, more,
      data);
}

constexpr const char* kData =
    R"({"type":"sale","occurred_at":"2026-11-20T10:00:00Z","lines":[{"sku":"A1","quantity":"1","unit_price":"2.50"}]})";

std::vector<std::string> pointers_of(const json::Value& problem) {
  std::vector<std::string> pointers;
  if (const auto* errors = problem.find("errors")) {
    for (const auto& error : *errors->as_array()) pointers.emplace_back(error.text_of("pointer"));
  }
  return pointers;
}

std::string state_of(Store& store, const std::string& target) {
  return std::string(store.status().find("targets")->find(target)->text_of("state"));
}

}  // namespace

TEST_CASE("till api: a post is answered once it is journaled, and the same again with the same answer") {
  Store store({});
  store.start();
  const auto first = store.post(simple_sale("R1"));
  REQUIRE(first);
  CHECK(first->status == 201);
  const auto body = parsed(first->body);
  CHECK(body.text_of("id") == "R1");
  CHECK(body.text_of("status") == "journaled");
  CHECK(body.integer_of("sequence") > 0);
  CHECK(OffsetTime::parse(body.text_of("recorded_at")).has_value());
  CHECK(first->headers.count("idempotency-replayed") == 0);
  REQUIRE(first->headers.count("location") == 1);

  // Member order, white space and trailing zeros are no other content.
  const auto again = store.post(
      " {\"lines\": [ {\"unit_price\": \"2.5\", \"quantity\":1, \"sku\":\"A1\"} ],\n\"terminal\":\"T1\","
      "\"occurred_at\":\"2026-11-20T10:00:00Z\",\"type\":\"sale\",\"id\":\"R1\"}");
  REQUIRE(again);
  CHECK(again->status == 200);
  CHECK(again->headers.at("idempotency-replayed") == "true");
  CHECK(again->headers.at("location") == first->headers.at("location"));
  const auto again_body = parsed(again->body);
  for (const auto& item : *body.as_object()) {
    const auto& name = item.first;
    const auto& value = item.second;
    CAPTURE(name);
    REQUIRE(again_body.find(name) != nullptr);
    // With nothing owed to anybody the document is settled by now: only `status` may have moved on.
    if (name != "status") CHECK(*again_body.find(name) == value);
  }

  const auto view = store.get(first->headers.at("location"));
  REQUIRE(view);
  CHECK(view->status == 200);
  const auto shown = parsed(view->body);
  CHECK(shown.integer_of("sequence") == body.integer_of("sequence"));
  const auto* document = shown.find("document");
  CHECK(document->text_of("business_day") == "2026-11-20");
  CHECK(document->text_of("currency") == "GBP");
  CHECK(document->find("lines")->as_array()->front().text_of("unit_price") == "2.50");
  CHECK(shown.find("deliveries")->as_array() != nullptr);
  const auto missing = store.get("/v1/documents/NOBODY");
  CHECK(missing->status == 404);
  CHECK(missing->headers.at("content-type") == "application/problem+json");
}

TEST_CASE("till api: the business day follows the store's zone and cut-over, unless the till says it") {
  Store store({});
  store.start();
  const auto day_of_sale = [&](const std::string& id, const std::string& time, const std::string& more) {
    const auto answer = store.post(fmt::format(
        R"({{"id":"{}","type":"sale","terminal":"T1","occurred_at":"{}","lines":[{{"sku":"A","quantity":1,"unit_price":"1"}}]{}}})",
        id, time, more));
    REQUIRE(answer->status == 201);
    return std::string(store.document(id).find("document")->text_of("business_day"));
  };
  CHECK(day_of_sale("B1", "2026-11-20T03:59:59Z", "") == "2026-11-19");
  CHECK(day_of_sale("B2", "2026-11-20T04:00:00Z", "") == "2026-11-20");
  CHECK(day_of_sale("B3", "2026-07-20T03:30:00Z", "") == "2026-07-20");  // 04:30 in London
  CHECK(day_of_sale("B4", "2026-11-20T03:00:00Z", R"(,"business_day":"2026-11-21")") == "2026-11-21");
}

TEST_CASE("till api: keep-alive and pipelined posts are answered in order on TCP as on the Unix socket") {
  Store store({});
  store.start();
  const auto try_on = [](RawConnection connection, const std::string& prefix) {
    std::string requests;
    for (int i = 0; i < 20; ++i)
      requests += raw_request("POST", "/v1/documents", simple_sale(fmt::format("{}{}", prefix, i)), kJson);
    CHECK(connection.send(requests));
    for (int i = 0; i < 20; ++i) {
      const auto answer = connection.response();
      REQUIRE(answer);
      CHECK(answer->status == 201);
      CHECK(parsed(answer->body).text_of("id") == fmt::format("{}{}", prefix, i));
    }
  };
  try_on(RawConnection::unix_socket(store.socket()), "U");
  try_on(RawConnection::tcp(store.till_port()), "T");
}

TEST_CASE("cloud events: structured and batch, with source and id for terminal and id") {
  Store store({});
  store.start();
  const auto taken = store.post(event("E1", kData), kEvent);
  REQUIRE(taken);
  CHECK(taken->status == 201);
  const auto view = store.document("E1");
  CHECK(view.find("document")->text_of("terminal") == "T7");
  CHECK(store.post(event("E1", kData), kEvent)->status == 200);
  // The same document, posted plainly, is the same document.
  CHECK(store
            .post(R"({"id":"E1","type":"sale","terminal":"T7","occurred_at":"2026-11-20T10:00:00Z",)"
                  R"("lines":[{"sku":"A1","quantity":"1","unit_price":"2.50"}]})")
            ->status == 200);

  const auto refused = [&](const std::string& body) {
    const auto answer = store.post(body, kEvent);
    REQUIRE(answer);
    CHECK(answer->status == 422);
    return pointers_of(parsed(answer->body));
  };
  using Pointers = std::vector<std::string>;
  CHECK(
      refused(event(
          "E2",
          R"({"type":"sale","occurred_at":"2026-11-20T10:00:00Z","lines":[{"sku":"A1","quantity":0,"unit_price":1}]})")) ==
      Pointers{"/data/lines/0/quantity"});
  CHECK(refused(event("not an id", kData)) == Pointers{"/id"});
  CHECK(refused(event("E3", R"({"id":"E4",)" + std::string(kData).substr(1))) == Pointers{"/data/id"});
  CHECK(refused(R"({"specversion":"1.0","id":"E5","source":"T7","type":"x"})") == Pointers{"/data"});
  CHECK(refused(R"({"specversion":"0.3","id":"E6","source":"T7","type":"x","data":)" + std::string(kData) +
                "}") == Pointers{"/specversion"});

  const auto batch = store.post(
      "[" + event("C1", kData) + "," + event("C2", R"({"type":"sale"})") + "," + event("C3", kData) + "]",
      kEvents);
  REQUIRE(batch);
  CHECK(batch->status == 200);
  const auto lines = ndjson(batch->body);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].integer_of("status") == 201);
  CHECK(lines[0].text_of("id") == "C1");
  CHECK(lines[1].integer_of("status") == 422);
  CHECK(lines[2].integer_of("status") == 201);
  for (const auto& pointer : pointers_of(*lines[1].find("problem"))) CHECK(pointer.starts_with("/data/"));
  CHECK(store.post("{}", kEvents)->status == 400);
}

TEST_CASE("cloud events: an event's own traceparent goes before the header's, single and in a batch") {
  Store store({});
  store.start();
  const std::string own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const std::string headers = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto header = "traceparent: " + headers + "\r\n";
  const auto with = [](const std::string& trace) { return R"(,"traceparent":")" + trace + '"'; };
  const auto trace_of = [&](const std::string& id) {
    const auto story = parsed(store.command({"explain", id, "--json"}).output);
    const auto* events = story.find("events");
    REQUIRE(events != nullptr);
    return std::string(events->as_array()->at(0).text_of("traceparent"));
  };
  CHECK(store.post(event("T1", kData, with(own)), kEvent + header)->status == 201);
  CHECK(trace_of("T1") == own);
  CHECK(store.post(event("T2", kData, with(own)), kEvent)->status == 201);
  CHECK(trace_of("T2") == own);
  CHECK(store.post(event("T3", kData), kEvent + header)->status == 201);
  CHECK(trace_of("T3") == headers);
  CHECK(store.post(event("T4", kData, with("4111 1111 1111 1111")), kEvent + header)->status == 201);
  CHECK(trace_of("T4") == headers);  // (I9) of a till's text only what is well-formed is kept
  CHECK(store.post("[" + event("T5", kData, with(own)) + "," + event("T6", kData) + "]", kEvents + header)
            ->status == 200);
  CHECK(trace_of("T5") == own);
  CHECK(trace_of("T6") == headers);
}

TEST_CASE("Prefer wait: told delivered in time, quarantined, or journaled when the time is up") {
  Shop shop;
  const auto wait = [&](const char* id, const char* seconds) {
    const auto answer =
        shop.store.post(simple_sale(id), fmt::format("{}Prefer: wait={}\r\n", kJson, seconds));
    REQUIRE(answer);
    CHECK(answer->status == 201);
    return std::string(parsed(answer->body).text_of("status"));
  };
  CHECK(wait("W1", "9") == "delivered");
  // RFC 7240: parameters behind it, a quoted value, other preferences before it; more than any patience.
  CHECK(wait("V1", "9; x=y") == "delivered");
  CHECK(wait("V2", "\"9\"") == "delivered");
  CHECK(wait("V3", "99999999999") == "delivered");
  CHECK(wait("V4", "x, Wait = 9") == "delivered");
  shop.central.faults("crm", R"({"poison":["W2"]})");
  CHECK(wait("W2", "9") == "quarantined");
  shop.central.faults("crm", R"({"outage":true})");
  const auto begun = std::chrono::steady_clock::now();
  CHECK(wait("W3", "1") == "journaled");
  CHECK(seconds_since(begun) >= 0.9);
  CHECK(seconds_since(begun) < 5);
  CHECK(wait("W4", "0") == "journaled");
  shop.central.faults("crm", "{}");
  CHECK(shop.settles("W3", "delivered"));
  const auto replayed = shop.store.post(simple_sale("W3"), std::string(kJson) + "Prefer: wait=9\r\n");
  CHECK(replayed->status == 200);
  CHECK(parsed(replayed->body).text_of("status") == "delivered");
}

TEST_CASE("ops: a target is paused and resumed, over a restart as well, and says so") {
  Shop shop;
  Store& store = shop.store;
  const auto order = [&](const std::string& verb) {
    const auto answer =
        store.ops("POST", "/v1/targets/erp/" + verb, R"({"reason":"month end","by":"Ann"})", kJson);
    return answer ? answer->status : 0;
  };
  CHECK(order("pause") == 200);
  CHECK(eventually([&] { return state_of(store, "erp") == "paused"; }));
  CHECK(store.post(simple_sale("P1"))->status == 201);
  CHECK(eventually([&] { return shop.central.ledger("crm").integer_of("effects") == 1; }));
  CHECK(store.status_of("P1") == "journaled");
  CHECK(store.stop() == 0);
  store.start();
  CHECK(state_of(store, "erp") == "paused");
  CHECK(store.post(simple_sale("P2"))->status == 201);
  CHECK(eventually([&] { return shop.central.ledger("crm").integer_of("effects") == 2; }));
  CHECK(shop.central.ledger("erp").integer_of("effects") == 0);
  CHECK(order("resume") == 200);
  CHECK(store.drain(20) == 0);
  CHECK(shop.central.ledger("erp").integer_of("effects") == 2);
  CHECK(store.ops("POST", "/v1/targets/nobody/pause")->status == 404);
  CHECK(order("explode") == 404);
}

TEST_CASE("ops: a wrong method is told the right ones, and another site's page decides nothing") {
  Shop shop;
  const Store& store = shop.store;
  const auto allow = [&](const char* method, const char* path) {
    const auto answer = store.ops(method, path);
    REQUIRE(answer);
    return answer->status == 405 ? answer->headers.at("allow") : std::to_string(answer->status);
  };
  CHECK(allow("POST", "/v1/status") == "GET, HEAD");
  CHECK(allow("DELETE", "/v1/journal") == "GET, HEAD");
  CHECK(allow("GET", "/v1/targets/erp/pause") == "POST");
  CHECK(allow("GET", "/v1/quarantine/1:erp/retry") == "POST");
  CHECK(allow("PUT", "/v1/nothing") == "404");
  for (const char* origin : {"http://evil.example", "null"}) {
    const auto answer = store.ops("POST", "/v1/targets/erp/pause", "", fmt::format("Origin: {}\r\n", origin));
    REQUIRE(answer);
    CHECK(answer->status == 403);
  }
  CHECK(state_of(shop.store, "erp") == "up");
}

TEST_CASE("ops: routes that changed hold for new documents, and old ones keep their plan") {
  Shop shop({.routes = "sale = [\"erp\"]\n"});
  Store& store = shop.store;
  shop.central.kill();
  CHECK(store.post(simple_sale("OLD"))->status == 201);
  CHECK(store.stop() == 0);
  store.set_routes("sale = [\"crm\"]\n");
  store.start();
  CHECK(store.post(simple_sale("NEW"))->status == 201);
  shop.central.start();
  CHECK(store.drain(20) == 0);
  const auto only = [&](const char* target) {
    const auto effects = shop.central.effects(target);
    REQUIRE(effects.find("effects")->as_array()->size() == 1);
    return std::string(effects.find("effects")->as_array()->front().text_of("reference"));
  };
  CHECK(only("erp") == "0417/OLD");
  CHECK(only("crm") == "0417/NEW");
  CHECK(store.settled_report("2026-11-20", "2026-11-20", std::chrono::seconds(20)).exit_status == 0);
}

TEST_CASE("ops: health, readiness and status tell the store's state without secrets") {
  Shop shop;
  Store& store = shop.store;
  const auto health = store.get("/v1/health");
  CHECK(health->status == 200);
  const auto body = parsed(health->body);
  CHECK(body.text_of("status") == "ok");
  CHECK(*body.find("accepting")->as_bool());
  CHECK(body.integer_of("backlog", -1) == 0);
  CHECK(body.find("targets")->find("erp") != nullptr);
  CHECK(store.ops("GET", "/healthz")->status == 200);
  CHECK(store.ops("GET", "/readyz")->status == 200);
  shop.central.kill();
  CHECK(store.post(simple_sale("H1"))->status == 201);
  CHECK(eventually([&] { return state_of(store, "erp") == "down"; }));
  CHECK(store.ops("GET", "/readyz")->status == 200);  // a central that is away is no reason to stop trading
  const auto status = store.status();
  CHECK(status.integer_of("backlog") == 1);
  CHECK(status.find("oldest_undelivered")->text_of("id") == "H1");
  CHECK(status.find("targets")->find("erp")->find("last_error")->as_object() != nullptr);
  CHECK(store.ops("GET", "/v1/nothing")->status == 404);
}

TEST_CASE("ops: every line of the metrics is Prometheus text, and the promised families are there") {
  Shop shop;
  Store& store = shop.store;
  shop.central.faults("erp", R"({"poison":["M2"]})");
  CHECK(store.post(simple_sale("M1"))->status == 201);
  CHECK(store.post(simple_sale("M2"))->status == 201);
  CHECK(shop.settles("M2", "quarantined"));
  const auto answer = store.ops("GET", "/metrics");
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->headers.at("content-type").starts_with("text/plain; version=0.0.4"));
  const std::regex comment("# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* .+");
  const std::regex sample(
      R"re([a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*",?)*\})? (NaN|[+-]?Inf|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?))re");
  std::string families;
  std::size_t samples = 0;
  for (std::size_t begin = 0; begin < answer->body.size();) {
    const std::size_t end = std::min(answer->body.find('\n', begin), answer->body.size());
    const std::string line = answer->body.substr(begin, end - begin);
    begin = end + 1;
    CAPTURE(line);
    if (line.starts_with("#")) {
      CHECK(std::regex_match(line, comment));
      if (line.starts_with("# TYPE ")) families += line.substr(7) + "\n";
    } else {
      CHECK(std::regex_match(line, sample));
      ++samples;
    }
  }
  CHECK(answer->body.back() == '\n');
  CHECK(samples > 20);
  const auto has = [&](const char* text) { return answer->body.find(text) != std::string::npos; };
  CHECK(has("tillsync_documents_total{type=\"sale\"} 2\n"));
  CHECK(has("tillsync_deliveries_total{target=\"erp\",outcome=\"delivered\"} 1\n"));
  CHECK(has("tillsync_deliveries_total{target=\"erp\",outcome=\"rejected\"} 1\n"));
  CHECK(has("tillsync_quarantined_deliveries{target=\"erp\"} 1\n"));
  CHECK(has("tillsync_backlog_documents 0\n"));
  for (const char* family : {"oldest_undelivered", "commit", "rate", "disk"}) {
    CAPTURE(family);
    CHECK(families.find(family) != std::string::npos);
  }
}
