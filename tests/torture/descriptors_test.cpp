// Descriptors run out, by the daemon's own limit or by ten thousand clients that say nothing: it neither
// spins nor falls, goes on delivering, and serves again once there are some.
//
// Not for a sanitizer's build: UBSan opens a pipe to look at memory and takes its failure for a finding, and
// ASan keeps what was freed.
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "tests/e2e/shop.h"
#include "tests/torture/sandbox.h"
#include "tests/torture/trade.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr std::size_t kFew = 96;   // the least with which it starts
constexpr std::size_t kKept = 20;  // of them, for files and the ops API

std::vector<std::string> few_descriptors(std::size_t few = kFew) {
  return {"/usr/bin/prlimit", fmt::format("--nofile={}:{}", few, few)};
}

std::size_t open_descriptors(pid_t pid) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid)))
    ++count;
  return count;
}

/// Of user and system, in seconds.
double processor_time(pid_t pid) {
  const std::string stat = file_text(fmt::format("/proc/{}/stat", pid));
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  long user = 0, system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::int64_t resident_bytes(pid_t pid) {
  const std::string status = file_text(fmt::format("/proc/{}/status", pid));
  const auto at = status.find("VmRSS:");
  REQUIRE(at != std::string::npos);
  return std::stoll(status.substr(at + 6)) * 1024;
}

void wait_for_s(double time) {
  const auto begun = std::chrono::steady_clock::now();
  while (seconds_since(begun) < time) sleep_briefly();
}

/// Connects without a word until it has `wanted`; a refusal of the kernel's is none of the daemon's.
std::vector<RawConnection> crowd(const Store& store, std::size_t wanted, bool unix_socket) {
  std::vector<RawConnection> connections;
  while (connections.size() < wanted) {
    connections.push_back(unix_socket ? RawConnection::unix_socket(store.socket())
                                      : RawConnection::tcp(store.till_port()));
  }
  return connections;
}

}  // namespace

TEST_CASE(
    "descriptors run out: no spin, no fall, deliveries go on, and tills are served once there are some") {
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Store store({.central = fmt::format("http://127.0.0.1:{}", central.port()),
               .target_lines = "concurrency = 4\n",
               .launcher = few_descriptors()});
  store.start();
  for (const char* target : {"erp", "crm"}) central.faults(target, R"({"outage":"refuse503"})");
  std::vector<RawConnection> till;  // one that was there before
  till.push_back(RawConnection::unix_socket(store.socket()));
  const auto post = [&](const std::string& id) {
    REQUIRE(till[0].send(raw_request("POST", "/v1/documents", simple_sale(id), kJson)));
    const auto answer = till[0].response();
    REQUIRE(answer.has_value());
    return answer->status;
  };
  REQUIRE(post("BEFORE") == 201);
  const pid_t pid = store.daemon().pid();
  {
    // More than there are descriptors: those beyond wait in the kernel's queue.
    auto silent = crowd(store, 100, false);
    REQUIRE(eventually([&] { return open_descriptors(pid) >= kFew - kKept - 2; }));
    const double before = processor_time(pid);
    wait_for_s(2.0);
    REQUIRE_MESSAGE(store.running(), store.log());
    const double used = processor_time(pid) - before;
    MESSAGE("processor time in 2 s without descriptors: " << used << " s");
    CHECK(used < 1.0);
    // Who is connected trades on, head office is served, and the journal is whole.
    for (int i = 0; i < 50; ++i) REQUIRE(post(fmt::format("DURING-{}", i)) == 201);
    for (int i = 0; i < 3; ++i) CHECK(store.report("2026-11-20", "2026-11-20").exit_status == 1);
    CHECK(store.running());
  }
  for (const char* target : {"erp", "crm"}) central.faults(target, "{}");
  CHECK(eventually([&] { return post_status(store.till_port(), simple_sale("AFTER")) == 201; }));
  CHECK(store.drain(30) == 0);
  for (const char* target : {"erp", "crm"}) {
    const auto ledger = central.ledger(target);
    CHECK(ledger.integer_of("effects") == 52);
    CHECK(ledger.find("doubles")->as_array()->empty());
  }
  CHECK(store.stop() == 0);
  CHECK(store.command({"journal", "verify"}).status == 0);
}

TEST_CASE("fewer descriptors than the daemon's own files need: it says so instead of failing later") {
  Store store({.central = "http://127.0.0.1:1", .launcher = few_descriptors(kFew - 1)});
  CHECK_THROWS(store.start());
  const std::string said = store.log();
  CHECK_MESSAGE(said.find("may open only 95 files and sockets") != std::string::npos, said);
  CHECK_MESSAGE(said.find("LimitNOFILE=") != std::string::npos, said);
}

TEST_CASE("descriptors run out under load: tills and deliveries together, nothing is lost or doubled") {
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Store store({.central = fmt::format("http://127.0.0.1:{}", central.port()),
               .target_lines = "concurrency = 4\n",
               .launcher = few_descriptors()});
  store.start();
  BusyShop shop(store, {.seed = torture_seed(), .documents = 1'000, .tills = 6});
  shop.allow(1, 10);
  REQUIRE(eventually([&] { return shop.done() > 50; }));
  for (int i = 0; i < 5; ++i) {
    const auto silent = crowd(store, 80, i % 2 == 0);
    shop.allow(i + 2, 10);
    wait_for_s(0.4);
  }
  REQUIRE(shop.finish(std::chrono::seconds(60)));
  check_all_came_through(store, central, shop);
}

TEST_CASE("ten thousand connections that say nothing: tills are served, and afterwards all is as before") {
  constexpr std::size_t kCrowd = 10'000;
  constexpr std::size_t kToTargets = 4;  // kept-alive connections to two targets, two each
  const auto limit = raise_descriptor_limit(kCrowd + 500);
  REQUIRE_MESSAGE(limit >= kCrowd + 200, "this user may open only " << limit << " files; raise `ulimit -Hn`");
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Store store(
      {.central = fmt::format("http://127.0.0.1:{}", central.port()), .target_lines = "concurrency = 2\n"});
  store.start();
  const pid_t pid = store.daemon().pid();
  REQUIRE(store.post(simple_sale("BEFORE"))->status == 201);
  REQUIRE(store.drain(10) == 0);
  const auto base = open_descriptors(pid);
  const auto base_bytes = resident_bytes(pid);
  RawConnection till = RawConnection::unix_socket(store.socket());
  REQUIRE(till.send(raw_request("GET", "/v1/health")));  // it has been served: it does not give way
  REQUIRE(till.response().has_value());
  for (const bool unix_socket : {true, false}) {
    CAPTURE(unix_socket);
    const auto begun = std::chrono::steady_clock::now();
    auto silent = crowd(store, kCrowd, unix_socket);
    MESSAGE(kCrowd << " connects in " << seconds_since(begun) << " s, the daemon has "
                   << open_descriptors(pid) << " descriptors and "
                   << (resident_bytes(pid) - base_bytes) / 1024 / 1024 << " MiB more");
    // Bounded, whatever comes.
    CHECK(open_descriptors(pid) < 1'400);
    CHECK(resident_bytes(pid) - base_bytes < 128 * 1024 * 1024);
    // Who was there is served as ever, and who comes now is let in: who says nothing gives way.
    for (int i = 0; i < 20; ++i) {
      const auto asked = std::chrono::steady_clock::now();
      const auto sale = simple_sale(fmt::format("D-{}-{}", unix_socket, i));
      REQUIRE(till.send(raw_request("POST", "/v1/documents", sale, kJson)));
      const auto answer = till.response();
      REQUIRE(answer.has_value());
      CHECK(answer->status == 201);
      CHECK(seconds_since(asked) < 2.0);
    }
    const auto came = std::chrono::steady_clock::now();
    CHECK(eventually([&] {
      return post_status(store.till_port(), simple_sale(fmt::format("L-{}", unix_socket))) == 201;
    }));
    MESSAGE("a new till is served after " << seconds_since(came) << " s");
    silent.clear();
    CHECK(eventually([&] {
      return post_status(store.till_port(), simple_sale(fmt::format("A-{}", unix_socket))) == 201;
    }));
  }
  CHECK(store.drain(20) == 0);
  { const RawConnection gone = std::move(till); }
  CHECK_MESSAGE(
      eventually([&] { return open_descriptors(pid) <= base + kToTargets; }, std::chrono::seconds(20)),
      open_descriptors(pid) << " descriptors, " << base << " before");
  CHECK(resident_bytes(pid) - base_bytes < 128 * 1024 * 1024);
  CHECK(store.stop() == 0);
  CHECK(store.command({"journal", "verify"}).status == 0);
}
