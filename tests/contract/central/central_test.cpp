// The stand-in central itself: a reference that is wrong would prove nothing about the store.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include "tests/support/central_process.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;

namespace {

std::string sale(const std::string& id, const std::string& price = "2.50",
                 const std::string& day = "2026-11-23") {
  return fmt::format(
      R"({{"id":"{}","type":"sale","terminal":"T1","occurred_at":"{}T09:00:00Z","business_day":"{}","currency":"GBP",)"
      R"("lines":[{{"sku":"A1","quantity":"2","unit_price":"{}","discounts":[{{"reason":"x","amount":"0.10"}}]}}]}})",
      id, day, day, price);
}

std::string wrapped(const std::string& id, const std::string& document, const std::string& key_member = "") {
  return fmt::format(R"({{"reference":"0417/{}","step":"erp","store":"0417","sequence":1,{}"document":{}}})",
                     id, key_member, document);
}

struct Fixture {
  TempDir dir;
  CentralProcess central{CENTRAL_PROGRAM, dir.path().string()};

  std::optional<RawResponse> post(const std::string& id, const std::string& document,
                                  const std::string& more_headers = "") {
    return raw_exchange(central.port(), "POST", "/erp/documents", wrapped(id, document),
                        "Idempotency-Key: 0417/" + id + ":erp\r\n" + more_headers);
  }
  std::optional<RawResponse> post(const std::string& id) { return post(id, sale(id)); }
  std::optional<RawResponse> get(const std::string& path, const std::string& headers = "") {
    return raw_exchange(central.port(), "GET", "/erp" + path, "", headers);
  }
  json::Value get_json(const std::string& path) { return json::parse(get(path)->body).value(); }
  std::int64_t effects() { return central.ledger("erp").integer_of("effects"); }
};

json::Value json_of(std::string_view text) {
  return json::parse(text).value();
}

int status(const std::optional<RawResponse>& response) {
  return response ? response->status : 0;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "central: a post is taken once per key, and another document under the key is refused") {
  const auto first = post("a");
  REQUIRE(status(first) == 201);
  const auto again = post("a");
  CHECK(status(again) == 200);
  CHECK(again->body == first->body);
  CHECK(first->body == R"({"central_reference":"ERP-0000001"})");
  // White space makes no other document, another price does.
  CHECK(status(post("a", " " + sale("a"))) == 200);
  CHECK(status(post("a", sale("a", "2.51"))) == 422);
  CHECK(effects() == 1);
  CHECK(status(raw_exchange(central.port(), "POST", "/crm/documents", wrapped("a", sale("a")),
                            "Idempotency-Key: 0417/a:erp\r\n")) == 201);  // targets do not share keys
}

TEST_CASE_FIXTURE(Fixture, "central: a post without key or with a broken body is refused with 400") {
  CHECK(status(raw_exchange(central.port(), "POST", "/erp/documents", wrapped("a", sale("a")))) == 400);
  const std::string key = "Idempotency-Key: k\r\n";
  for (const char* body :
       {"{", "[]", "{}", R"({"reference":"r","step":"s","store":"x","sequence":0,"document":{}})",
        R"({"reference":"r","step":"s","store":"x","sequence":1,"document":1})"}) {
    CAPTURE(body);
    CHECK(status(raw_exchange(central.port(), "POST", "/erp/documents", body, key)) == 400);
  }
  CHECK(effects() == 0);
}

TEST_CASE_FIXTURE(Fixture, "central: a batch is answered item by item in order") {
  central.faults("erp", R"({"poison":["b"]})");
  std::string batch = "[";
  for (const char* id : {"a", "b", "c", "a"}) {
    if (batch.size() > 1) batch += ',';
    batch += wrapped(id, sale(id), fmt::format(R"("idempotency_key":"0417/{}:erp",)", id));
  }
  const auto response = raw_exchange(central.port(), "POST", "/erp/documents/batch", batch + "]");
  REQUIRE(status(response) == 200);
  const auto items = json::parse(response->body).value();
  REQUIRE(items.as_array()->size() == 4);
  CHECK(items.as_array()->at(0).integer_of("status") == 201);
  CHECK(items.as_array()->at(0).text_of("central_reference") == "ERP-0000001");
  CHECK(items.as_array()->at(1).integer_of("status") == 422);
  CHECK(items.as_array()->at(1).find("problem")->text_of("title") == "Unknown SKU");
  CHECK(items.as_array()->at(2).integer_of("status") == 201);
  CHECK(items.as_array()->at(3).integer_of("status") == 200);
  CHECK(effects() == 2);
  std::string large = "[1";
  for (int i = 0; i < 1000; ++i) large += ",1";
  CHECK(status(raw_exchange(central.port(), "POST", "/erp/documents/batch", large + "]")) == 413);
}

TEST_CASE_FIXTURE(Fixture, "central: documents are read back by reference, and by day page by page") {
  for (int i = 0; i < 5; ++i) REQUIRE(status(post(fmt::format("d{}", i))) == 201);
  REQUIRE(status(post("other-day", sale("other-day", "1", "2026-11-24"))) == 201);
  const auto one = get_json("/documents?reference=0417%2Fd3&step=erp");
  REQUIRE(one.find("documents")->as_array()->size() == 1);
  const auto& row = one.find("documents")->as_array()->front();
  CHECK(row.text_of("central_reference") == "ERP-0000004");
  CHECK(row.text_of("total") == "4.90");
  CHECK(row.text_of("currency") == "GBP");
  CHECK(row.find("document")->text_of("id") == "d3");
  CHECK(get_json("/documents?reference=0417%2Fd3&step=crm").find("documents")->as_array()->empty());

  std::vector<std::string> seen;
  std::string cursor;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = get_json("/documents?store=0417&business_day=2026-11-23&limit=2" + cursor);
    for (const auto& r : *page.find("documents")->as_array())
      seen.emplace_back(r.find("document")->text_of("id"));
    if (page.find("next")->is_null()) break;
    cursor = "&cursor=" + std::string(page.text_of("next"));
  }
  CHECK(seen == std::vector<std::string>{"d0", "d1", "d2", "d3", "d4"});
  CHECK(status(get("/documents?store=0417&limit=1001")) == 400);
  CHECK(status(get("/documents?store=0417&cursor=bogus")) == 400);
}

TEST_CASE_FIXTURE(Fixture, "central: totals are its own exact count, net of returns") {
  post("s1",
       R"({"id":"s1","type":"sale","business_day":"2026-11-23","currency":"GBP","prices_include_tax":false,
    "lines":[{"sku":"A","quantity":"0.333","unit_price":"1.9999","taxes":[{"code":"V","amount":"0.2"}]},
             {"sku":"B","quantity":1,"unit_price":"9","amount":"8.99","discounts":[{"reason":"r","amount":"0.99"}]}]})");
  post(
      "s2",
      R"({"id":"s2","type":"sale","business_day":"2026-11-23","currency":"GBP","total":"100.00","lines":[]})");
  post(
      "r1",
      R"({"id":"r1","type":"return","business_day":"2026-11-23","currency":"GBP","total":"0.10","lines":[]})");
  post("j1",
       R"({"id":"j1","type":"sale","business_day":"2026-11-23","currency":"JPY","total":"500","lines":[]})");
  post(
      "c1",
      R"({"id":"c1","type":"till_close","business_day":"2026-11-23","currency":"GBP","tenders":[{"type":"cash","amount":"7"}]})");
  const auto ledger = central.ledger("erp");
  CHECK(ledger.find("totals")->text_of("GBP") == "108.7659667");
  CHECK(ledger.find("totals")->text_of("JPY") == "500.00");
  CHECK(ledger.find("by_type")->integer_of("sale") == 3);
  const auto close = get_json("/documents?reference=0417%2Fc1");
  CHECK(close.find("documents")->as_array()->front().find("total")->is_null());
}

TEST_CASE_FIXTURE(Fixture,
                  "central: a forgotten key makes a second effect, and the ledger shows the double") {
  REQUIRE(status(post("a")) == 201);
  central.faults("erp", R"({"forget_keys_after_s":3600})");
  CHECK(status(post("a")) == 200);
  central.faults("erp", R"({"forget_keys_after_s":0})");
  CHECK(status(post("a")) == 201);
  const auto ledger = central.ledger("erp");
  CHECK(ledger.integer_of("effects") == 2);
  CHECK(ledger.integer_of("documents") == 1);
  REQUIRE(ledger.find("doubles")->as_array()->size() == 1);
  CHECK(ledger.find("doubles")->as_array()->front().text_of("reference") == "0417/a");
  CHECK(ledger.find("doubles")->as_array()->front().integer_of("count") == 2);
  CHECK(ledger.find("totals")->text_of("GBP") == "9.80");
}

TEST_CASE_FIXTURE(Fixture, "central: each fault of a post does what it says") {
  struct Case {
    const char* faults;
    int status;  // 0: no answer
    bool committed;
  };
  const Case cases[] = {
      {R"({"reply_lost_after_commit":100})", 0, true},
      {R"({"reply_lost_before_commit":"100"})", 0, false},
      {R"({"status_503":100,"retry_after_s":7})", 503, false},
      {R"({"status_429":100,"retry_after_s":7})", 429, false},
      {R"({"status_500_before":100})", 500, false},
      {R"({"status_500_after":100})", 500, true},
      {R"({"in_progress":100,"retry_after_s":7})", 409, false},
      {R"({"outage":true})", 0, false},
      {R"({"outage":"refuse503","retry_after_s":7})", 503, false},
      {R"({"expired_credentials":true})", 401, false},
      {R"({"poison":["x"]})", 422, false},
      {R"({"poison_skus":["A1"]})", 422, false},
  };
  for (const Case& one : cases) {
    CAPTURE(one.faults);
    central.reset("erp");
    central.faults("erp", one.faults);
    const auto response = post("x");
    CHECK(status(response) == one.status);
    if (one.status == 429 || one.status == 503 || one.status == 409)
      CHECK(response->headers.at("retry-after") == "7");
    CHECK(effects() == (one.committed ? 1 : 0));
    central.faults("erp", "{}");
    CHECK(status(post("x")) == (one.committed ? 200 : 201));
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "central: faults spare GETs but for an outage, a credential and where it is ordered") {
  REQUIRE(status(post("a")) == 201);
  const std::string path = "/documents?reference=0417%2Fa";
  central.faults("erp", R"({"reply_lost_after_commit":100,"status_503":100})");
  CHECK(status(get(path)) == 200);
  central.faults("erp", R"({"reply_lost_after_commit":100,"faults_on_get":true})");
  CHECK(status(get(path)) == 0);
  central.faults("erp", R"({"outage":true})");
  CHECK(status(get(path)) == 0);
  central.faults("erp", R"({"expired_credentials":true})");
  CHECK(status(get(path)) == 401);
  CHECK(status(raw_exchange(central.port(), "POST", "/control/erp/faults", R"({"no_such":1})")) == 400);
  CHECK(status(raw_exchange(central.port(), "POST", "/control/erp/faults", R"({"status_503":101})")) == 400);
}

TEST_CASE_FIXTURE(
    Fixture, "central: a chance of some percent strikes about as often, and the same way for the same seed") {
  const auto strikes = [&] {
    central.reset("erp");
    central.faults("erp", R"({"status_500_before":"20","seed":42})");
    std::string pattern;
    for (int i = 0; i < 200; ++i) pattern += status(post(fmt::format("p{}", i))) == 500 ? '1' : '0';
    return pattern;
  };
  const std::string first = strikes();
  CHECK(strikes() == first);
  const auto count = std::count(first.begin(), first.end(), '1');
  CHECK(count > 15);
  CHECK(count < 70);
}

TEST_CASE_FIXTURE(Fixture, "central: a post is told in-progress while the same one is held by a delay") {
  central.faults("erp", R"({"delay_ms":400})");
  auto slow = RawConnection::tcp(central.port());
  const std::string request =
      raw_request("POST", "/erp/documents", wrapped("a", sale("a")), "Idempotency-Key: 0417/a:erp\r\n");
  const auto begun = std::chrono::steady_clock::now();
  REQUIRE(slow.send(request));
  REQUIRE(eventually([&] { return central.counters("erp").integer_of("requests") == 1; }));
  CHECK(status(post("a")) == 409);
  CHECK(status(slow.response()) == 201);
  CHECK(std::chrono::steady_clock::now() - begun >= 400ms);
  CHECK(effects() == 1);
}

TEST_CASE_FIXTURE(Fixture, "central: the read-back lies as ordered") {
  for (const char* id : {"a", "b", "c"}) REQUIRE(status(post(id)) == 201);
  central.faults("erp", R"({"read_back_lie":{"missing":["a"],"doubled":["b"],"total":{"c":"9.99"},
    "line":{"c":{"pointer":"/lines/0/unit_price","value":"7.77"}},
    "extra":[{"reference":"0417/z","step":"erp","central_reference":"E","total":"1.00","currency":"GBP","document":{"id":"z"}}]}})");
  const auto page = get_json("/documents?store=0417&business_day=2026-11-23");
  const auto& rows = *page.find("documents")->as_array();
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].text_of("reference") == "0417/b");
  CHECK(rows[1].text_of("reference") == "0417/b");
  CHECK(rows[2].text_of("total") == "9.99");
  CHECK(rows[2].find("document")->find("lines")->as_array()->front().text_of("unit_price") == "7.77");
  CHECK(rows[3].text_of("reference") == "0417/z");
  CHECK(get_json("/documents?reference=0417%2Fa").find("documents")->as_array()->size() ==
        1);  // look-ups stay true
}

TEST_CASE_FIXTURE(Fixture, "central: its digests are those of what it lists, lies and all, part by part") {
  for (int i = 0; i < 40; ++i) REQUIRE(status(post("d" + std::to_string(i))) == 201);
  REQUIRE(status(post("other", sale("other", "2.50", "2026-11-24"))) == 201);
  std::string honest;
  for (
      const char* faults :
      {"{}", R"({"read_back_lie":{"missing":["d1"]}})", R"({"read_back_lie":{"doubled":["d2"]}})",
       R"({"read_back_lie":{"total":{"d3":"9.99"}}})",
       R"({"read_back_lie":{"line":{"d4":{"pointer":"/lines/0/unit_price","value":"7.77"}}}})",
       R"({"read_back_lie":{"extra":[{"reference":"0417/z","step":"erp","central_reference":"E","total":"1.00","currency":"GBP","document":{"id":"z","business_day":"2026-11-23"}}]}})"}) {
    CAPTURE(faults);
    central.faults("erp", faults);
    const auto list = get_json("/documents?store=0417&business_day=2026-11-23&limit=1000");
    const std::size_t rows = list.find("documents")->as_array()->size();
    const auto days = get_json("/documents/digest?store=0417&from=2026-11-23&to=2026-11-23");
    const auto& day = days.find("days")->as_array()->at(0);
    CHECK(day.integer_of("count") == static_cast<std::int64_t>(rows));
    const std::string told = json::dump(day);
    CHECK(told != honest);  // no lie is told without its digest
    if (honest.empty()) honest = told;
    // The parts add up to the day, and each lists as many rows as it counts.
    std::int64_t count = 0, sums[4] = {};
    const auto parts = get_json("/documents/digest?store=0417&business_day=2026-11-23&prefix=");
    for (const auto& part : *parts.find("parts")->as_array()) {
      count += part.integer_of("count");
      for (std::size_t i = 0; i < 4; ++i)
        sums[i] += json::Value(json::Object{{"n", part.find("sums")->as_array()->at(i)}}).integer_of("n");
      const auto in = get_json("/documents?store=0417&business_day=2026-11-23&prefix=" +
                               std::string(part.text_of("prefix")));
      CHECK(in.find("documents")->as_array()->size() == static_cast<std::size_t>(part.integer_of("count")));
    }
    CHECK(count == static_cast<std::int64_t>(rows));
    for (std::size_t i = 0; i < 4; ++i)
      CHECK(json::dump(day.find("sums")->as_array()->at(i)) == std::to_string(sums[i]));
  }
  central.faults("erp", R"({"digests":"off"})");
  CHECK(status(get("/documents/digest?store=0417&from=2026-11-23&to=2026-11-23")) == 404);
  central.faults("erp", R"({"digests":"not_implemented"})");
  CHECK(status(get("/documents/digest?store=0417&from=2026-11-23&to=2026-11-23")) == 501);
  central.faults("erp", "{}");
  for (const char* query :
       {"", "?store=0417", "?store=0417&business_day=2026-11-23&prefix=xyz", "?store=0417&from=2026-11-23"}) {
    CHECK(status(get(std::string("/documents/digest") + query)) == 400);
  }
  const auto counters = central.counters("erp");
  CHECK(counters.integer_of("digest_requests") > 6);
  CHECK(counters.integer_of("read_back_bytes_sent") > counters.integer_of("read_back_bytes_received"));
}

TEST_CASE_FIXTURE(
    Fixture, "central: its view of customers, stock, prices and policy carries entity tags and changes") {
  CHECK(status(get("/customers/42")) == 404);
  central.facts("erp", R"([{"path":"/customers/42","value":{"id":"42","email":"old@example.com"}},
                           {"path":"/prices/A1","value":{"sku":"A1","price":"2.50"}}])");
  const auto customer = get("/customers/42");
  CHECK(customer->headers.at("etag") == "\"v1\"");
  CHECK(status(get("/customers/42", "If-None-Match: \"v1\"\r\n")) == 304);
  REQUIRE(status(post("u", R"({"id":"u","type":"customer_update","business_day":"2026-11-23","currency":"GBP",
    "customer":"42","changes":{"email":"new@example.com","phone":"1"}})")) == 201);
  CHECK(get_json("/customers/42").text_of("email") == "new@example.com");
  CHECK(get_json("/customers/42").text_of("phone") == "1");
  CHECK(status(get("/customers/42", "If-None-Match: \"v1\"\r\n")) == 200);
  CHECK(status(get("/prices/A1")) == 200);
  CHECK(status(get("/refund-policy")) == 200);
  const auto changes = get_json("/changes?since=0");
  CHECK(changes.find("changes")->as_array()->size() == 3);
  CHECK(get_json("/changes?since=" + std::string(changes.text_of("cursor")))
            .find("changes")
            ->as_array()
            ->empty());
  REQUIRE(
      status(post("count", R"({"id":"count","type":"stock_count","business_day":"2026-11-23","currency":"GBP",
    "lines":[{"sku":"A1","counted":"10"}]})")) == 201);
  REQUIRE(status(post("s")) == 201);
  CHECK(get_json("/stock/A1?store=0417").text_of("quantity") == "8");
  CHECK(get("/stock/A1?store=0417")->headers.count("etag") == 1);
}

TEST_CASE_FIXTURE(
    Fixture, "central: its change feed has pages, values, rows taken out, and cursors of its own alone") {
  central.facts("erp", R"([{"path":"/prices/A","value":{"sku":"A"}},{"path":"/prices/B","value":{"sku":"B"}},
                           {"path":"/stock/A?store=0417","value":{"sku":"A","quantity":"4"}}])");
  central.faults("erp", R"({"changes":{"page":2}})");
  const auto first = get_json("/changes");
  REQUIRE(first.find("changes")->as_array()->size() == 2);
  CHECK(first.find("changes")->as_array()->front().find("value")->text_of("sku") == "A");
  const auto second = get_json("/changes?since=" + std::string(first.text_of("cursor")));
  REQUIRE(second.find("changes")->as_array()->size() == 1);
  CHECK(get_json("/stock/A?store=0417").text_of("quantity") == "4");
  CHECK(get_json("/stock/A?store=0999").text_of("quantity") == "0");
  const std::string at(second.text_of("cursor"));
  CHECK(get_json("/changes?since=" + at).text_of("cursor") == at);
  CHECK(status(get("/changes?since=" + at + "0")) == 410);
  central.facts("erp", R"([{"path":"/prices/A","value":null}])");
  CHECK(status(get("/prices/A")) == 404);
  const auto removed = get_json("/changes?since=" + at);
  CHECK(removed.find("changes")->as_array()->front().find("value")->is_null());
  central.faults("erp", R"({"changes":{"values":false}})");
  CHECK(get_json("/changes").find("changes")->as_array()->at(1).find("value") == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "central: its change feed goes wrong to order") {
  for (int i = 0; i < 5; ++i)
    central.facts("erp", fmt::format(R"([{{"path":"/prices/P{}","value":{{"n":"{}"}}}}])", i, i));
  const auto wrong = [&](const std::string& how, const std::string& since) {
    central.faults("erp", fmt::format(R"({{"changes":{{"page":2,"wrong":"{}"}}}})", how));
    return get("/changes?since=" + since);
  };
  CHECK(status(wrong("not-served", "0")) == 404);
  CHECK(status(wrong("cursor-unknown", "2")) == 410);
  CHECK(json_of(wrong("stands", "2")->body).text_of("cursor") == "2");
  CHECK(json_of(wrong("goes-back", "2")->body).text_of("cursor") == "0");
  const auto again = json_of(wrong("repeats", "2")->body);
  CHECK(again.text_of("cursor") == "3");
  CHECK(again.find("changes")->as_array()->front().text_of("path") == "/prices/P0");
  CHECK(status(raw_exchange(central.port(), "POST", "/control/erp/faults", R"({"changes":{"wrong":"x"}})")) ==
        400);
}

TEST_CASE_FIXTURE(Fixture, "central: the returns of a sale are told, from any store") {
  const auto give_back = [&](const std::string& id, const std::string& original) {
    return status(
        post(id, fmt::format(R"({{"id":"{}","type":"return","business_day":"2026-11-23","currency":"GBP",
      "original":{},"lines":[{{"sku":"A1","quantity":"1","unit_price":"2.50"}}]}})",
                             id, original)));
  };
  REQUIRE(status(post("s")) == 201);
  REQUIRE(give_back("r1", R"({"id":"s"})") == 201);
  REQUIRE(give_back("r2", R"({"id":"s","store":"0417"})") == 201);
  REQUIRE(give_back("r3", R"({"id":"s","store":"0999"})") == 201);
  REQUIRE(give_back("r4", R"({"receipt":"s"})") == 201);
  const auto rows = [&](const std::string& of) {
    std::string out;
    const json::Value told = get_json("/documents?original=" + of);
    for (const json::Value& row : *told.find("documents")->as_array())
      out += std::string(row.text_of("reference")) + " ";
    return out;
  };
  CHECK(rows("0417%2Fs") == "0417/r1 0417/r2 ");
  CHECK(rows("0999%2Fs") == "0417/r3 ");
  CHECK(rows("0417%2Fx").empty());
  CHECK(get_json("/stock/A1?store=0417").text_of("quantity") == "2");
  REQUIRE(give_back("r5", R"({"id":"s"})") == 201);
  CHECK(get_json("/stock/A1?store=0417").text_of("quantity") == "3");
  central.reset("erp");
  CHECK(rows("0417%2Fs").empty());
  CHECK(get_json("/stock/A1?store=0417").text_of("quantity") == "0");
}

TEST_CASE_FIXTURE(Fixture, "central: what it answered survives kill -9, on the same port at once") {
  for (int i = 0; i < 20; ++i) REQUIRE(status(post(fmt::format("k{}", i))) == 201);
  const auto port = central.port();
  auto open = RawConnection::tcp(port);  // leaves a connection of the killed process behind
  open.send(raw_request("GET", "/erp/refund-policy"));
  REQUIRE(open.response());
  central.kill();
  CHECK_THROWS(RawConnection::tcp(port));
  central.start();
  CHECK(central.port() == port);
  CHECK(effects() == 20);
  CHECK(status(post("k7")) == 200);
  central.process().terminate();
  CHECK(central.process().wait(5s) == 0);
}

TEST_CASE("central: a token is asked for where one is set") {
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string(), "secret");
  const auto get = [&](const std::string& headers) {
    return status(raw_exchange(central.port(), "GET", "/erp/refund-policy", "", headers));
  };
  CHECK(get("") == 401);
  CHECK(get("Authorization: Bearer wrong\r\n") == 401);
  CHECK(get("Authorization: Bearer secret\r\n") == 200);
  central.faults("erp", R"({"accept_token":"renewed"})");
  CHECK(get("Authorization: Bearer secret\r\n") == 401);
  CHECK(get("Authorization: Bearer renewed\r\n") == 200);
}
