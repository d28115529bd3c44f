// What a till must not send: each refusal with its status and problem type, none of it journaled, and the
// daemon as well as before.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/store.h"
#include "tests/support/trading_day.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

/// A store without targets: what is journaled stays the only thing that moves the head.
struct Counter {
  Counter() : store({}) {
    store.start();
    before = store.head();
  }
  /// Nothing was journaled: the next good document gets the next sequence.
  void check_untouched() {
    CHECK(store.running());
    CHECK(store.head() == before);
    const auto answer = store.post(simple_sale("AFTER"));
    REQUIRE(answer);
    CHECK(answer->status == 201);
    CHECK(parsed(answer->body).integer_of("sequence") == before + 1);
  }

  Store store;
  std::int64_t before = 0;
};

struct Refusal {
  int status = 0;
  std::string problem;
  std::vector<std::string> pointers;
};

Refusal refusal_of(const std::optional<RawResponse>& answer) {
  REQUIRE(answer);
  CHECK(answer->headers.at("content-type") == "application/problem+json");
  const auto body = parsed(answer->body);
  CHECK(body.integer_of("status") == answer->status);
  CHECK(!body.text_of("title").empty());
  CHECK(!body.text_of("detail").empty());
  Refusal refusal{answer->status, problem_of(body), {}};
  if (const auto* errors = body.find("errors")) {
    for (const auto& error : *errors->as_array()) {
      refusal.pointers.emplace_back(error.text_of("pointer"));
      CHECK(!error.text_of("detail").empty());
    }
  }
  return refusal;
}

using Pointers = std::vector<std::string>;

std::string sale_with(const std::string& line, const std::string& more = {}) {
  return R"({"id":"B1","type":"sale","terminal":"T1","occurred_at":"2026-11-20T10:00:00Z","lines":[)" + line +
         "]" + more + "}";
}

constexpr const char* kLine = R"({"sku":"A1","quantity":"1","unit_price":"2.50"})";

std::string line_with(const std::string& more) {
  return R"({"sku":"A1","quantity":"1","unit_price":"2.50",)" + more + "}";
}

void check_invalid(Store& store, const std::string& body, const Pointers& pointers) {
  CAPTURE(body);
  const auto refusal = refusal_of(store.post(body));
  CHECK(refusal.status == 422);
  CHECK(refusal.problem == "invalid-document");
  CHECK(refusal.pointers == pointers);
}

void check_malformed(Store& store, const std::string& body) {
  CAPTURE(body.substr(0, 200));
  const auto refusal = refusal_of(store.post(body));
  CHECK(refusal.status == 400);
  CHECK(refusal.problem == "malformed");
}

}  // namespace

TEST_CASE("bad input: what is no JSON, or ambiguous, is 400 malformed") {
  Counter counter;
  const std::string good = simple_sale("B1");
  check_malformed(counter.store, "");
  check_malformed(counter.store, "{");
  check_malformed(counter.store, good.substr(0, good.size() / 2));
  check_malformed(counter.store, good + "x");
  check_malformed(counter.store, good + good);
  check_malformed(counter.store, "\xff\xfe{}");
  check_malformed(counter.store, simple_sale("B1", "A1", ",\"operator\":\"\xc3\x28\""));
  check_malformed(counter.store, simple_sale("B1", "A1", R"(,"operator":"\ud800")"));
  check_malformed(counter.store, simple_sale("B1", "A1", R"(,"id":"B2")"));
  check_malformed(counter.store, simple_sale("B1", "A1", R"(,"i\u0064":"B2")"));
  check_malformed(counter.store, sale_with(line_with(R"("sku":"B1")")));
  check_malformed(counter.store, simple_sale("B1", "A1", R"(,"extensions":{"a":1,"a":2})"));
  check_malformed(counter.store, simple_sale("B1", "A1", R"(,"extensions":{"n":NaN})"));
  check_malformed(counter.store, simple_sale("B1", "A1", R"(,"extensions":{"n":01})"));
  check_malformed(counter.store, std::string(10'000, '[') + std::string(10'000, ']'));
  check_malformed(counter.store, simple_sale("B1", "A1",
                                             R"(,"extensions":{"deep":)" + std::string(10'000, '[') +
                                                 std::string(10'000, ']') + "}"));
  counter.check_untouched();
}

TEST_CASE("bad input: a body cut off is not journaled, whether the connection ends or just stays short") {
  Counter counter;
  const std::string good = simple_sale("B1");
  const auto head = [&](std::size_t length) {
    return "POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(length) + "\r\n\r\n";
  };
  {
    auto cut = RawConnection::unix_socket(counter.store.socket());
    CHECK(cut.send(head(good.size()) + good.substr(0, good.size() / 2)));
  }
  {
    auto half_closed = RawConnection::unix_socket(counter.store.socket());
    // The whole document, but the length says that more was meant.
    CHECK(half_closed.send(head(good.size() + 10) + good));
    half_closed.finish_sending();
    const auto answer = half_closed.response();
    if (answer) CHECK(answer->status == 400);
  }
  {
    auto chunked = RawConnection::unix_socket(counter.store.socket());
    CHECK(
        chunked.send("POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n" +
                     fmt::format("{:x}\r\n{}\r\n", good.size(), good)));  // and no last chunk
    chunked.finish_sending();
    const auto answer = chunked.response();
    if (answer) CHECK(answer->status == 400);
  }
  counter.check_untouched();
}

TEST_CASE("bad input: a document over 1 MiB is 413, by its length or in chunks, alone or among others") {
  Counter counter;
  constexpr std::size_t kMiB = 1024 * 1024;
  const std::string big = simple_sale("B1", "A1", R"(,"extensions":{"x":")" + std::string(kMiB, 'x') + "\"}");
  const auto single = refusal_of(counter.store.post(big));
  CHECK(single.status == 413);
  CHECK(single.problem == "too-large");
  {
    auto chunked = RawConnection::unix_socket(counter.store.socket());
    std::string request =
        "POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < big.size(); at += 65'536) {
      const auto part = big.substr(at, 65'536);
      request += fmt::format("{:x}\r\n{}\r\n", part.size(), part);
    }
    chunked.send(request + "0\r\n\r\n");  // may be cut short: the answer comes as soon as it is known
    const auto answer = refusal_of(chunked.response());
    CHECK(answer.status == 413);
    CHECK(answer.problem == "too-large");
  }
  {
    auto promised = RawConnection::unix_socket(counter.store.socket());
    CHECK(
        promised.send("POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
                      "Content-Length: 67108865\r\n\r\n"));
    CHECK(refusal_of(promised.response()).status == 413);  // before a byte of it is sent
  }
  CHECK(counter.store.head() == counter.before);
  const auto mixed = counter.store.post(big + "\n" + simple_sale("B2") + "\n", kNdjson);
  REQUIRE(mixed);
  const auto lines = ndjson(mixed->body);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].integer_of("status") == 413);
  CHECK(problem_of(*lines[0].find("problem")) == "too-large");
  CHECK(lines[1].integer_of("status") == 201);
  CHECK(lines[1].integer_of("sequence") == counter.before + 1);

  const auto event = [](const std::string& document) {
    return R"({"specversion":"1.0","id":"B3","source":"T1","type":"x","data":)" + document + "}";
  };
  const auto batch =
      counter.store.post("[" + event(big) + "]", "Content-Type: application/cloudevents-batch+json\r\n");
  REQUIRE(batch);
  const auto told = ndjson(batch->body);
  REQUIRE(told.size() == 1);
  CHECK(told[0].integer_of("status") == 413);
}

TEST_CASE("bad input: blank lines of an NDJSON body are no documents, however many") {
  Counter counter;
  const auto answer =
      counter.store.post(simple_sale("B1") + std::string(1'000'000, '\n') + simple_sale("B2"), kNdjson);
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(ndjson(answer->body).size() == 2);
}

TEST_CASE("bad input: media types, encodings, methods and paths that are not taken") {
  Counter counter;
  Store& store = counter.store;
  const std::string good = simple_sale("B1");
  for (const std::string headers : {"", "Content-Type: text/plain\r\n", "Content-Type: application/xml\r\n",
                                    "Content-Type: application/json; charset=iso-8859-1\r\n",
                                    "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"}) {
    CAPTURE(headers);
    const auto refusal = refusal_of(store.post(good, headers));
    CHECK(refusal.status == 415);
    CHECK(refusal.problem == "unsupported-media-type");
  }
  const auto over = [&](const char* method, const char* path) {
    auto connection = RawConnection::unix_socket(store.socket());
    connection.send(raw_request(method, path));
    return connection.response();
  };
  CHECK(over("PUT", "/v1/documents")->status == 405);
  CHECK(over("DELETE", "/v1/documents/B1")->status == 405);
  CHECK(over("GET", "/v2/documents")->status == 404);
  CHECK(over("GET", "/v1/documents/..%2F..%2Fetc")->status == 404);
  const auto no_text = over("GET", "/v1/documents/%FF");
  CHECK(no_text->status == 404);
  CHECK(no_text->body.find('\xff') == std::string::npos);  // an answer is UTF-8, whatever was asked
  auto noise = RawConnection::unix_socket(store.socket());
  noise.send("\x16\x03\x01 this is no HTTP\r\n\r\n");
  CHECK(noise.answer().status == 400);
  counter.check_untouched();
}

TEST_CASE("bad input: each fault of a document is told at its own pointer") {
  Counter counter;
  Store& store = counter.store;
  check_invalid(store, "[]", {""});
  check_invalid(store, R"("sale")", {""});
  check_invalid(store, simple_sale("B1", "A1", R"(,"colour":"red")"), {"/colour"});
  check_invalid(store, simple_sale("B1", "A1", R"(,"a/b~c":1)"), {"/a~1b~0c"});
  check_invalid(store, sale_with(line_with(R"("qty":1)")), {"/lines/0/qty"});
  check_invalid(store, sale_with(R"({"sku":"A1","quantity":1.5,"unit_price":"2.50"})"),
                {"/lines/0/quantity"});
  check_invalid(store, sale_with(R"({"sku":"A1","quantity":1,"unit_price":2.5})"), {"/lines/0/unit_price"});
  check_invalid(store, sale_with(R"({"sku":"A1","quantity":1,"unit_price":1e2})"), {"/lines/0/unit_price"});
  check_invalid(store, sale_with(R"({"sku":"A1","quantity":"0","unit_price":"1"})"), {"/lines/0/quantity"});
  check_invalid(store, sale_with(R"({"sku":"A1","quantity":"-1","unit_price":"1"})"), {"/lines/0/quantity"});
  check_invalid(store, sale_with(R"({"sku":"A1","quantity":"1.0001","unit_price":"1"})"),
                {"/lines/0/quantity"});
  check_invalid(store, sale_with(R"({"sku":"A1","quantity":"1","unit_price":"0.00001"})"),
                {"/lines/0/unit_price"});
  check_invalid(store, sale_with(R"({"sku":"A1","quantity":"1","unit_price":"9999999999999999999"})"),
                {"/lines/0/unit_price"});
  check_invalid(store, sale_with(R"({"sku":"A1","quantity":99999999999999999999,"unit_price":"1"})"),
                {"/lines/0/quantity"});
  check_invalid(store, sale_with(line_with(R"("gtin":"5012345000014")")), {"/lines/0/gtin"});
  check_invalid(store, sale_with(kLine, R"(,"total":"2.51")"), {"/total"});
  check_invalid(store, sale_with(line_with(R"("amount":"2.52")")), {"/lines/0/amount"});
  check_invalid(store, sale_with(kLine, R"(,"total":"2.50","tenders":[{"type":"cash","amount":"2.49"}])"),
                {"/tenders"});
  check_invalid(store, sale_with(kLine, R"(,"terminal_sequence":0)"), {"/terminal_sequence"});
  check_invalid(store, sale_with(kLine, R"(,"currency":"XYZ")"), {"/currency"});
  check_invalid(store, sale_with(kLine, R"(,"business_day":"2026-02-30")"), {"/business_day"});
  check_invalid(store, sale_with(""), {"/lines"});
  const auto at = [](const char* time) {
    return fmt::format(R"({{"id":"B1","type":"sale","terminal":"T1","occurred_at":"{}","lines":[{}]}})", time,
                       kLine);
  };
  for (const char* time : {"2026-11-20T10:00:00", "2026-11-20", "2026-13-20T10:00:00Z", "yesterday", ""})
    check_invalid(store, at(time), {"/occurred_at"});
  check_invalid(
      store,
      R"({"id":"B 1","type":"sale","terminal":"T1","occurred_at":"2026-11-20T10:00:00Z","lines":[)" +
          std::string(kLine) + "]}",
      {"/id"});
  check_invalid(store, R"({"id":"B1","type":"refund","terminal":"T1","occurred_at":"2026-11-20T10:00:00Z"})",
                {"/type"});
  counter.check_untouched();
}

TEST_CASE("bad input: several faults are told together, and missing members at their own pointers") {
  Counter counter;
  const auto several = refusal_of(counter.store.post(
      R"({"id":"","type":"sale","terminal":"T1","occurred_at":"2026-11-20T10:00:00","lines":[)"
      R"({"sku":"A1","quantity":0,"unit_price":"2.50"},{"sku":"A2","quantity":1,"unit_price":1.5}],"x":1})"));
  CHECK(several.status == 422);
  for (const std::string pointer :
       {"/id", "/occurred_at", "/lines/0/quantity", "/lines/1/unit_price", "/x"}) {
    CAPTURE(pointer);
    CHECK(std::count(several.pointers.begin(), several.pointers.end(), pointer) == 1);
  }
  CHECK(several.pointers.size() == 5);
  const auto missing = refusal_of(counter.store.post(R"({"type":"sale","lines":[{}]})"));
  for (const std::string pointer :
       {"/id", "/terminal", "/occurred_at", "/lines/0/sku", "/lines/0/quantity", "/lines/0/unit_price"}) {
    CAPTURE(pointer);
    CHECK(std::count(missing.pointers.begin(), missing.pointers.end(), pointer) == 1);
  }
  CHECK(refusal_of(counter.store.post("{}")).pointers.size() >= 3);
  counter.check_untouched();
}

TEST_CASE("bad input: a card number anywhere is refused and never told back; codes that look alike pass") {
  Counter counter;
  Store& store = counter.store;
  const char* const cards[] = {"4111111111111111",    "5555555555554444",    "378282246310005",
                               "4111 1111 1111 1111", "5555-5555-5555-4444", "3782 822463 10005"};
  for (const std::string card : cards) {
    for (const auto& body :
         {simple_sale("B1", "A1", R"(,"extensions":{"pay":{"ref":"paid with )" + card + R"( ok"}})"),
          sale_with(line_with(R"("description":")" + card + "\"")),
          simple_sale("B1", "A1", R"(,"extensions":{")" + card + R"(":true})"),
          simple_sale("B1", "A1", R"(,"customer":")" + card + "\""),
          sale_with(kLine, R"(,"tenders":[{"type":"card","amount":"2.50","reference":")" + card + R"("}])"),
          sale_with(line_with(R"("gtin":")" + card + "\""))}) {
      CAPTURE(body);
      const auto answer = store.post(body);
      const auto refusal = refusal_of(answer);
      CHECK(refusal.status == 422);
      CHECK(refusal.problem == "card-number");
      CHECK(refusal.pointers.size() == 1);
      CHECK(answer->body.find(card) == std::string::npos);
    }
  }
  CHECK(refusal_of(store.post(simple_sale("B1", "A1", R"(,"extensions":{"n":4111111111111111})"))).problem ==
        "card-number");
  CHECK(
      refusal_of(store.post(simple_sale("B1"), std::string(kJson) + "X-Correlation-ID: 4111111111111111\r\n"))
          .problem == "card-number");
  CHECK(store.log().find("4111") == std::string::npos);
  CHECK(store.head() == counter.before);

  // An article number, an order number and a phone number are no card; id, sku and receipt are exempt.
  const auto good = store.post(
      R"({"id":"4111111111111111","type":"return","terminal":"T1","occurred_at":"2026-11-20T10:00:00Z",)"
      R"("customer":"0000001234567890","lines":[{"sku":"5555555555554444","gtin":")" +
      gtin_13(42) +
      R"(","quantity":"1","unit_price":"2.50"}],"original":{"receipt":"378282246310005"},)"
      R"("extensions":{"order":"4111111111111112","phone":"+44 20 7946 0958","weight":1.234}})");
  CHECK_MESSAGE(good->status == 201, good->body);
}

TEST_CASE("bad input: an id or an Idempotency-Key that is used again for something else is 422 id-reused") {
  Counter counter;
  Store& store = counter.store;
  const auto keyed = [](const char* key) { return std::string(kJson) + "Idempotency-Key: " + key + "\r\n"; };
  REQUIRE(store.post(simple_sale("D1"), keyed("key-1"))->status == 201);
  const auto reused = refusal_of(store.post(simple_sale("D1", "OTHER")));
  CHECK(reused.status == 422);
  CHECK(reused.problem == "id-reused");
  CHECK(reused.pointers == Pointers{"/id"});
  const auto reused_key = refusal_of(store.post(simple_sale("D2"), keyed("key-1")));
  CHECK(reused_key.status == 422);
  CHECK(reused_key.problem == "id-reused");
  CHECK(store.get("/v1/documents/D2")->status == 404);
  CHECK(store.post(simple_sale("D1"), keyed("key-1"))->status == 200);
  CHECK(store.post(simple_sale("D1"))->status == 200);
  CHECK(store.head() == counter.before + 1);
}

TEST_CASE("bad input: clients that trickle their request hold up nobody") {
  Counter counter;
  std::vector<RawConnection> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(RawConnection::unix_socket(counter.store.socket()));
    slow.back().send(i % 2 == 0 ? "POST /v1/documents HTTP/1.1\r\nHost: x\r\nX-Slow: "
                                : "POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Type: "
                                  "application/json\r\nContent-Length: 1000\r\n\r\n{");
  }
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    for (std::size_t n = static_cast<std::size_t>(i); n < slow.size(); n += 50) slow[n].send("a");
    const auto answer = counter.store.post(simple_sale(fmt::format("Q{}", i)));
    REQUIRE(answer);
    CHECK(answer->status == 201);
  }
  CHECK(seconds_since(begun) < 10);
  CHECK(counter.store.head() == counter.before + 50);
}

TEST_CASE("bad input: of an NDJSON body the good lines are taken, in order, and each bad one told") {
  Counter counter;
  const auto answer =
      counter.store.post(simple_sale("N1") + "\n" + "{oops\n" + "\n" + simple_sale("N2", "A1", R"(,"x":1)") +
                             "\r\n" + simple_sale("N3", "A1", R"(,"customer":"4111111111111111")") + "\n" +
                             simple_sale("N1") + "\n" + simple_sale("N1", "OTHER") + "\n" + simple_sale("N4"),
                         kNdjson);
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->headers.at("content-type") == "application/x-ndjson");
  const auto lines = ndjson(answer->body);
  REQUIRE(lines.size() == 7);
  const std::pair<int, const char*> wanted[] = {
      {201, ""},          {400, "malformed"}, {422, "invalid-document"}, {422, "card-number"}, {200, ""},
      {422, "id-reused"}, {201, ""}};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(i);
    CHECK(lines[i].integer_of("status") == wanted[i].first);
    const auto* problem = lines[i].find("problem");
    CHECK((problem == nullptr ? "" : problem_of(*problem)) == wanted[i].second);
  }
  CHECK(lines[0].integer_of("sequence") == lines[4].integer_of("sequence"));
  CHECK(counter.store.head() == counter.before + 2);
}
