// SIGTERM, while tills and central do what they like: bounded, and nothing is lost.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

#include "tests/e2e/shop.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;

TEST_CASE("SIGTERM: a till that waits, one that stalls and a central that hangs hold nobody up (I1, I3)") {
  Shop shop({.targets = {"erp"}, .timeout_s = "120"});
  Store& store = shop.store;
  shop.central.faults("erp", R"({"delay_ms":100000})");

  auto waits = RawConnection::unix_socket(store.socket());
  waits.set_patience(30s);
  REQUIRE(waits.send(raw_request("POST", "/v1/documents", simple_sale("A1", "SKU"),
                                 std::string(kJson) + "Prefer: wait=100\r\n")));
  const auto under_way = [&] {
    const auto status = store.status();
    return status.find("targets")->find("erp")->integer_of("in_flight") == 1;
  };
  REQUIRE(eventually(under_way));
  auto stalls = RawConnection::tcp(store.till_port());
  REQUIRE(
      stalls.send("POST /v1/documents HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\n"
                  "Content-Length: 500\r\n\r\n{\"id\":"));
  auto idles = RawConnection::tcp(store.till_port());
  REQUIRE(idles.send(raw_request("GET", "/v1/health")));
  REQUIRE(idles.answer().status == 200);

  const auto began = std::chrono::steady_clock::now();
  store.daemon().terminate();
  const auto answer = waits.response();
  REQUIRE(answer);
  CHECK(answer->status == 201);
  CHECK(parsed(answer->body).text_of("status") == "journaled");
  CHECK(seconds_since(began) < 5);
  CHECK(idles.closed());
  const auto ended = store.daemon().wait(40s);
  CHECK(ended == 0);
  // The stalled till has 10 s, the delivery 5; the rest is a slow machine's.
  CHECK(seconds_since(began) < 25);
  MESSAGE("stopped after " << seconds_since(began) << " s");

  shop.central.kill();  // with what it still held back
  shop.central.start();
  store.start();
  CHECK(shop.settles("A1", "delivered"));
  CHECK(shop.central.ledger("erp").integer_of("effects") == 1);
  CHECK(store.stop() == 0);
}

TEST_CASE("SIGTERM: a question that central does not answer is let go") {
  Shop shop({.targets = {"erp"}, .timeout_s = "60"});
  CHECK(shop.store.stop() == 0);
  shop.central.faults("erp", R"({"delay_ms":50000})");
  const auto asked = [&] { return shop.central.counters("erp").integer_of("requests"); };
  const auto before = asked();
  const std::string quiet = "fetch_every_s = 0\n";
  std::string text = file_text(shop.store.settings_file());
  text.replace(text.find(quiet), quiet.size(), "fetch_every_s = 900\n");
  std::ofstream(shop.store.settings_file()) << text;
  shop.store.start();
  REQUIRE(eventually([&] { return asked() > before; }));  // what central knows is asked for at once
  const auto began = std::chrono::steady_clock::now();
  CHECK(shop.store.stop() == 0);
  CHECK(seconds_since(began) < 15);
}
