// Tills that break off anywhere in a request, stop in the middle of one, or send it a byte at a time.
#include <fmt/format.h>

#include <filesystem>

#include "tests/torture/trade.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

/// Positions all over a request: its first bytes, its last ones, those around the header's end, and others
/// evenly between.
std::set<std::size_t> positions_in(const std::string& request) {
  constexpr std::size_t kEvenly = 30;
  std::set<std::size_t> positions{1, 2, 5, request.size() - 1, request.size() - 2};
  const auto header_end = request.find("\r\n\r\n") + 4;
  for (std::size_t near = header_end - 3; near <= header_end + 2; ++near) positions.insert(near);
  for (std::size_t i = 1; i <= kEvenly; ++i) positions.insert(request.size() * i / (kEvenly + 1));
  return positions;
}

RawConnection connect(const Store& store, bool by_unix) {
  return by_unix ? RawConnection::unix_socket(store.socket()) : RawConnection::tcp(store.till_port());
}

int answer_status(RawConnection& connection) {
  const auto answer = connection.response();
  return answer ? answer->status : 0;
}

std::size_t descriptors(Store& store) {
  const auto folder = fmt::format("/proc/{}/fd", store.daemon().pid());
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("a till that breaks off at any byte of a request leaves nothing behind, and posts it whole later") {
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Store store({.central = fmt::format("http://127.0.0.1:{}", central.port())});
  store.start();
  REQUIRE(store.post(simple_sale("BEFORE"))->status == 201);
  REQUIRE(store.drain(10) == 0);
  const auto head = store.head();
  const auto base = descriptors(store);
  std::vector<std::string> ids;
  int cuts = 0;
  for (const bool bulk : {false, true}) {
    const auto shape =
        raw_request("POST", "/v1/documents", simple_sale("CUT-0-000-U"), bulk ? kNdjson : kJson);
    for (const auto position : positions_in(shape)) {
      for (const bool by_unix : {true, false}) {
        const auto id = fmt::format("CUT-{}-{:03}-{}", bulk ? 1 : 0, position, by_unix ? "U" : "T");
        const auto request = raw_request("POST", "/v1/documents", simple_sale(id), bulk ? kNdjson : kJson);
        ids.push_back(id);
        RawConnection connection = connect(store, by_unix);
        REQUIRE(connection.send(std::string_view(request).substr(0, position)));
        if (++cuts % 2 == 0) connection.vanish();  // else its destructor closes in order
      }
    }
  }
  MESSAGE(cuts << " requests cut");
  // Nothing of them is there: not one record more.
  CHECK(eventually([&] { return descriptors(store) <= base + 4; }));
  CHECK(store.head() == head);
  for (const auto& id : ids) REQUIRE(store.post(simple_sale(id))->status == 201);
  // Gone before the answer came: taken or not, a second post settles it.
  for (int i = 0; i < 40; ++i) {
    const auto id = fmt::format("UNHEARD-{}", i);
    ids.push_back(id);
    RawConnection connection = connect(store, i % 2 == 0);
    REQUIRE(connection.send(raw_request("POST", "/v1/documents", simple_sale(id), kJson)));
    connection.vanish();
    const int status = store.post(simple_sale(id))->status;
    CHECK((status == 201 || status == 200));
  }
  REQUIRE(store.drain(30) == 0);
  for (const char* target : {"erp", "crm"}) {
    const auto ledger = central.ledger(target);
    CHECK(ledger.integer_of("effects") == static_cast<std::int64_t>(ids.size()) + 1);
    CHECK(ledger.find("doubles")->as_array()->empty());
  }
  CHECK(store.stop() == 0);
  CHECK(store.command({"journal", "verify"}).status == 0);
}

TEST_CASE(
    "tills that stop in a request or send it a byte at a time are told 408 in time; others are served") {
  Store store({});
  store.start();
  const auto base = descriptors(store);
  constexpr double kHeaderS = 10, kBodyS = 30, kSlackS = 3;
  const auto sale = simple_sale("SLOW");
  const auto whole = raw_request("POST", "/v1/documents", sale, kJson);
  const auto header = whole.substr(0, whole.find("\r\n\r\n") + 4);

  struct Slow {
    RawConnection connection;
    std::string_view rest;  ///< sent a byte at a time
    double due_s;
    std::optional<double> told_s;
    int status = 0;
  };
  std::vector<Slow> slow;
  constexpr int kOfEach = 40;
  for (int i = 0; i < kOfEach; ++i) {
    const bool by_unix = i % 2 == 0;
    const auto add = [&](std::string_view at_once, std::string_view rest, double due_s) {
      slow.push_back({connect(store, by_unix), rest, due_s, std::nullopt});
      slow.back().connection.set_patience(std::chrono::milliseconds(1));
      REQUIRE(slow.back().connection.send(at_once));
    };
    add("P", std::string_view(header).substr(1, 60), kHeaderS);  // a header that never ends
    add(std::string_view(header).substr(0, 20), "", kHeaderS);   // one that stops
    add(header, std::string_view(sale).substr(0, 100), kBodyS);  // a body that never ends
    add(whole.substr(0, whole.size() - 1), "", kBodyS);          // one that stops
  }
  const auto begun = std::chrono::steady_clock::now();
  double next_byte_s = 0, slowest_s = 0;
  int posts = 0;
  std::size_t told = 0;
  while (told < slow.size() && seconds_since(begun) < kBodyS + kSlackS + 2) {
    const bool send = seconds_since(begun) >= next_byte_s;
    if (send) next_byte_s += 0.4;
    for (auto& one : slow) {
      if (one.told_s) continue;
      if (send && !one.rest.empty()) {
        one.connection.send(one.rest.substr(0, 1));
        one.rest.remove_prefix(1);
      }
      if ((one.status = answer_status(one.connection)) == 0) continue;
      one.told_s = seconds_since(begun);
      ++told;
    }
    const auto asked = std::chrono::steady_clock::now();
    REQUIRE(store.post(simple_sale(fmt::format("MEANWHILE-{}", ++posts)))->status == 201);
    slowest_s = std::max(slowest_s, seconds_since(asked));
  }
  MESSAGE(posts << " posts of others meanwhile, the slowest took " << slowest_s << " s");
  CHECK(slowest_s < 2.0);
  for (const auto& one : slow) {
    CAPTURE(one.due_s);
    CHECK(one.status == 408);
    REQUIRE(one.told_s.has_value());
    CHECK(*one.told_s > one.due_s - 1);
    CHECK(*one.told_s < one.due_s + kSlackS);
  }
  slow.clear();
  CHECK(store.get("/v1/documents/SLOW")->status == 404);
  CHECK(eventually([&] { return descriptors(store) <= base; }));
  CHECK(store.stop() == 0);
  CHECK(store.command({"journal", "verify"}).status == 0);
}
