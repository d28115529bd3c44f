#include "agent/access/gate.h"

#include <doctest/doctest.h>

#include "agent/ops_api/decided_by.h"

using namespace tillsync;
using namespace std::chrono_literals;

namespace {

struct TestClock final : Clock {
  UtcTime utc_now() const override { return UtcTime(std::chrono::seconds(1'800'000'000)); }
  SteadyTime steady_now() const override { return steady; }
  SteadyTime steady{std::chrono::hours(1)};
};

struct World {
  TestClock clock;
  AccessList list;
  SeededRandom random{3};
  std::string token(AccessKind kind, const std::string& name, AccessRole role = AccessRole::kRead) {
    auto given = list.add({kind, name, role, std::nullopt, "jane"}, random, clock.utc_now());
    REQUIRE(given.has_value());
    return given->token;
  }
};

ServerRequest request(const std::string& method, const std::string& path, const std::string& authorization,
                      bool guarded = true, std::vector<std::string> certificate = {}) {
  ServerRequest head;
  head.method = method;
  head.path = path;
  if (!authorization.empty()) head.headers.emplace_back("authorization", authorization);
  head.peer = std::make_shared<Peer>(Peer{"10.0.0.1", guarded, std::move(certificate)});
  return head;
}

unsigned status(Gate& gate, ServerRequest head) {
  const auto refusal = gate.admit(head);
  return refusal ? refusal->status : 200;
}

}  // namespace

TEST_CASE(
    "gate: from this machine nobody needs a token, but a wrong one is refused and a right one says who") {
  World world;
  const std::string token = world.token(AccessKind::kTerminal, "T1");
  Gate gate(AccessKind::kTerminal, world.list, world.clock);
  CHECK(status(gate, request("POST", "/v1/documents", "", false)) == 200);
  CHECK(status(gate, request("POST", "/v1/documents", "Basic eDp5", false)) == 200);
  CHECK(status(gate, request("POST", "/v1/documents", "Bearer x", false)) == 200);  // none of ours
  for (int i = 0; i < 20; ++i)
    CHECK(status(gate, request("POST", "/v1/documents", "Bearer ts1.x", false)) == 401);
  auto head = request("POST", "/v1/documents", "bearer  " + token, false);
  CHECK(!gate.admit(head));
  CHECK(head.caller == "T1");
}

TEST_CASE("gate: from beyond this machine all but the tills' health needs the right token") {
  World world;
  const std::string till = world.token(AccessKind::kTerminal, "T1");
  const std::string ops = world.token(AccessKind::kOperator, "head-office");
  Gate gate(AccessKind::kTerminal, world.list, world.clock);
  auto none = request("POST", "/v1/documents", "");
  const auto refusal = gate.admit(none);
  REQUIRE(refusal);
  CHECK(refusal->status == 401);
  CHECK(refusal->headers.front().first == "WWW-Authenticate");
  CHECK(none.caller.empty());
  CHECK(status(gate, request("GET", "/v1/health", "")) == 200);
  CHECK(status(gate, request("POST", "/v1/health", "")) == 401);
  CHECK(status(gate, request("GET", "/v1/documents/A", "")) == 401);
  CHECK(status(gate, request("GET", "/v1/documents/A", "Bearer " + ops)) == 401);
  CHECK(status(gate, request("GET", "/v1/documents/A", "Basic " + till)) == 401);
  CHECK(status(gate, request("GET", "/v1/documents/A", "Bearer " + till)) == 200);
  CHECK(gate.counts().refused == 5);
}

TEST_CASE("gate: a token that was made a moment ago is found by looking again, and is no failure") {
  World world;
  std::string token;
  Gate gate(AccessKind::kTerminal, world.list, world.clock, {}, [&] {
    if (token.empty()) token = world.token(AccessKind::kTerminal, "T1");
  });
  CHECK(status(gate, request("GET", "/x", "Bearer ts1.0123456789ab.none")) == 401);
  REQUIRE(!token.empty());
  World other;  // the same seed makes the same token
  const std::string same = other.token(AccessKind::kTerminal, "T1");
  REQUIRE(same == token);
  World later;
  Gate fresh(AccessKind::kTerminal, later.list, later.clock, {},
             [&] { CHECK(later.token(AccessKind::kTerminal, "T1") == same); });
  CHECK(status(fresh, request("GET", "/x", "Bearer " + same)) == 200);
  CHECK(fresh.counts().refused == 0);
}

TEST_CASE("gate: read looks, operate decides too; a certificate has the role of its name") {
  World world;
  const std::string read = world.token(AccessKind::kOperator, "reader");
  const std::string operate = world.token(AccessKind::kOperator, "boss", AccessRole::kOperate);
  Gate gate(AccessKind::kOperator, world.list, world.clock, {{"ho.example", "operate"}, {"eyes", "read"}});
  for (const char* method : {"GET", "HEAD"})
    CHECK(status(gate, request(method, "/v1/status", "Bearer " + read)) == 200);
  CHECK(status(gate, request("POST", "/v1/targets/erp/pause", "Bearer " + read)) == 403);
  CHECK(status(gate, request("POST", "/v1/targets/erp/pause", "Bearer " + operate)) == 200);
  CHECK(status(gate, request("GET", "/healthz", "")) == 401);
  auto head = request("POST", "/v1/targets/erp/pause", "", true, {"someone", "ho.example"});
  CHECK(!gate.admit(head));
  CHECK(head.caller == "ho.example");
  CHECK(decided_by(head, "") == "ho.example");
  CHECK(decided_by(head, "ho.example") == "ho.example");
  CHECK(decided_by(head, "jane") == "ho.example (for jane)");
  CHECK(decided_by(ServerRequest(), "jane") == "jane");
  CHECK(status(gate, request("POST", "/v1/targets/erp/pause", "", true, {"eyes"})) == 403);
  CHECK(status(gate, request("GET", "/v1/status", "", true, {"eyes"})) == 200);
  CHECK(status(gate, request("GET", "/v1/status", "", true, {"stranger"})) == 403);
  // A token that is shown beside it must be right, whatever the certificate says.
  CHECK(status(gate, request("GET", "/v1/status", "Bearer x", true, {"eyes"})) == 401);
}

TEST_CASE("gate: ten wrong tokens lock their address out for a minute; none at all guesses nothing") {
  World world;
  const std::string token = world.token(AccessKind::kTerminal, "T1");
  Gate gate(AccessKind::kTerminal, world.list, world.clock);
  for (int i = 0; i < 20; ++i) CHECK(status(gate, request("GET", "/x", "")) == 401);
  for (int i = 0; i < 10; ++i) CHECK(status(gate, request("GET", "/x", "Bearer x")) == 401);
  auto head = request("GET", "/x", "Bearer " + token);
  const auto refusal = gate.admit(head);
  REQUIRE(refusal);
  CHECK(refusal->status == 429);
  CHECK(refusal->headers.front() == std::pair<std::string, std::string>("Retry-After", "60"));
  CHECK(gate.counts().lockouts == 1);
  CHECK(status(gate, request("GET", "/v1/health", "")) == 200);
  auto other = request("GET", "/x", "Bearer " + token);
  other.peer = std::make_shared<Peer>(Peer{"10.0.0.2", true, {}});
  CHECK(status(gate, other) == 200);
  world.clock.steady += 60s;
  CHECK(status(gate, request("GET", "/x", "Bearer " + token)) == 200);
}
