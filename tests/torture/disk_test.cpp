// A disk that runs full to its last byte, on a small tmpfs: posts are refused, everything else goes on out of
// the reserve, and nothing that was acknowledged is lost.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "tests/e2e/shop.h"
#include "tests/torture/sandbox.h"
#include "tests/torture/trade.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kDiskBytes = 64 * kMiB;
constexpr std::int64_t kReserveBytes = 8 * kMiB;
constexpr int kBacklog = 300;
constexpr const char* kTargets[] = {"erp", "crm"};

std::int64_t metric(const Store& store, const std::string& name) {
  const auto answer = store.ops("GET", "/metrics");
  REQUIRE(answer.has_value());
  const auto at = answer->body.find("\n" + name + " ");
  REQUIRE(at != std::string::npos);
  return static_cast<std::int64_t>(std::stod(answer->body.substr(at + name.size() + 2)));
}

std::vector<json::Value> quarantined(const Store& store) {
  const auto list = parsed(store.command({"quarantine", "list", "--json"}).output);
  return *list.find("quarantine")->as_array();
}

bool waits_in_quarantine(const Store& store, std::size_t count) {
  return eventually([&] { return quarantined(store).size() == count; }, std::chrono::seconds(20));
}

std::string delivery_of(const Store& store, const std::string& document) {
  for (const auto& entry : quarantined(store)) {
    if (entry.text_of("document") == document) return std::string(entry.text_of("delivery"));
  }
  return {};
}

void check_refused(const Store& store) {
  const std::string sale = simple_sale("REFUSED");
  const auto event =
      fmt::format(R"({{"specversion":"1.0","id":"E","source":"T1","type":"sale","data":{}}})", sale);
  const struct {
    std::string body, type;
  } posts[] = {{sale, "application/json"},
               {sale + "\n" + sale + "\n", "application/x-ndjson"},
               {event, "application/cloudevents+json"},
               {"[" + event + "]", "application/cloudevents-batch+json"}};
  for (const auto& post : posts) {
    CAPTURE(post.type);
    const auto answer = store.post(post.body, "Content-Type: " + post.type + "\r\n");
    REQUIRE(answer.has_value());
    CHECK(answer->status == 507);
    CHECK(answer->headers.contains("retry-after"));
    CHECK(problem_of(parsed(answer->body)) == "storage-exhausted");
  }
  CHECK(store.get("/v1/documents/REFUSED")->status == 404);
  CHECK(store.ops("GET", "/readyz")->status == 503);
  CHECK(store.ops("GET", "/healthz")->status == 200);
}

/// A store whose journal lies on a small disk of its own, and somebody else who fills that disk.
class SmallDisk {
 public:
  explicit SmallDisk(std::int64_t bytes = kDiskBytes, std::int64_t reserve_bytes = kReserveBytes)
      : central_(CENTRAL_PROGRAM, dir_.path().string()),
        store_({.central = fmt::format("http://127.0.0.1:{}", central_.port()),
                .journal_lines = fmt::format("disk_reserve_mib = {}\n", reserve_bytes / kMiB)}) {
    std::filesystem::create_directory(store_.journal_folder());
    mount_small_disk(store_.journal_folder(), bytes);
  }
  ~SmallDisk() { stop_filling(); }

  std::string filler() const { return store_.journal_folder() + "/somebody-elses"; }
  std::int64_t free() const {
    return static_cast<std::int64_t>(std::filesystem::space(store_.journal_folder()).available);
  }
  /// Takes every byte, and every byte that comes free, until stop_filling().
  void fill() {
    filling_ = true;
    thread_ = std::thread([this] {
      const std::vector<char> block(4096, 'x');
      const int file = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      while (filling_) {
        if (::write(file, block.data(), block.size()) <= 0) sleep_briefly();
      }
      ::close(file);
    });
  }
  /// Takes all that is there now.
  void fill_once() {
    fill();
    REQUIRE(eventually([this] { return free() == 0; }));
    stop_filling();
  }
  void stop_filling() {
    filling_ = false;
    if (thread_.joinable()) thread_.join();
  }
  void make_space() { std::filesystem::remove(filler()); }
  /// Makes space and waits until a document, "AFTER", is taken; returns how many seconds that took.
  double recover() {
    make_space();
    const auto freed = std::chrono::steady_clock::now();
    REQUIRE(eventually([this] { return post("AFTER") == 201; }));
    return seconds_since(freed);
  }
  /// At that target, none of them doubled.
  std::int64_t effects(const char* target) {
    const auto ledger = central_.ledger(target);
    CHECK(ledger.find("doubles")->as_array()->empty());
    return ledger.integer_of("effects");
  }

  int post(const std::string& id) { return store_.post(simple_sale(id))->status; }
  void order(const std::string& faults) {
    for (const char* target : kTargets) central_.faults(target, faults);
  }
  /// Two documents in quarantine at both targets, a backlog that central cannot take, and no byte free.
  void trade_until_full() {
    store_.start();
    CHECK(metric(store_, "tillsync_disk_reserve_bytes") == kReserveBytes);
    CHECK(metric(store_, "tillsync_disk_reserve_whole_bytes") == kReserveBytes);
    order(R"({"poison":["BAD-1","BAD-2"]})");
    REQUIRE(post("BAD-1") == 201);
    REQUIRE(post("BAD-2") == 201);
    REQUIRE(waits_in_quarantine(store_, 4));
    order(R"({"outage":"refuse503"})");
    for (int i = 0; i < kBacklog; ++i) REQUIRE(post(fmt::format("S-{}", i)) == 201);
    fill_once();
    REQUIRE(eventually([&] { return store_.ops("GET", "/readyz")->status == 503; }));
  }
  bool all_delivered() {
    return store_.status().integer_of("backlog") == 0 &&
           central_.ledger("erp").integer_of("effects") == kBacklog &&
           central_.ledger("crm").integer_of("effects") == kBacklog;
  }
  /// With space back and "AFTER" posted: what is left in quarantine is sent again, and then each document is
  /// at each target once, but for `discarded` deliveries.
  void check_all_but(std::int64_t discarded) {
    for (const auto& entry : quarantined(store_)) {
      const std::string delivery(entry.text_of("delivery"));
      CHECK(store_.command({"quarantine", "retry", delivery, "--reason", "now"}).status == 0);
    }
    REQUIRE(store_.drain(60) == 0);
    CHECK(effects("erp") + effects("crm") == 2 * (kBacklog + 3) - discarded);
    for (int i = 0; i < kBacklog; i += 17) CHECK(store_.status_of(fmt::format("S-{}", i)) == "delivered");
    CHECK(store_.stop() == 0);
    CHECK(std::filesystem::file_size(store_.journal_folder() + "/reserve") == kReserveBytes);
    CHECK(store_.command({"journal", "verify"}).status == 0);
  }

  TempDir dir_;
  CentralProcess central_;
  Store store_;

 private:
  std::atomic<bool> filling_{false};
  std::thread thread_;
};

}  // namespace

TEST_CASE(
    "a full disk: at zero bytes free posts get 507; deliveries, decisions and reports go on, then posts") {
  REQUIRE_MESSAGE(sandbox_missing().empty(), sandbox_missing());
  SmallDisk disk;
  Store& store = disk.store_;
  disk.trade_until_full();
  check_refused(store);

  disk.order("{}");
  const bool delivered = eventually([&] { return disk.all_delivered(); }, std::chrono::seconds(60));
  CHECK_MESSAGE(delivered, store.log());
  const auto retried = store.command(
      {"quarantine", "retry", delivery_of(store, "BAD-1"), "--reason", "tried again on a full disk"});
  CHECK_MESSAGE(retried.status == 0, retried.errors);
  const auto discarded =
      store.command({"quarantine", "discard", delivery_of(store, "BAD-2"), "--reason", "a training sale"});
  CHECK_MESSAGE(discarded.status == 0, discarded.errors);
  CHECK(waits_in_quarantine(store, 2));
  // Central's list is read back into what is left of the disk.
  const auto report = store.report("2026-11-20", "2026-11-20");
  CHECK(report.report.find("targets")->find("erp")->integer_of("matched") >= kBacklog);
  CHECK(store.status_of("S-0") == "delivered");
  check_refused(store);
  MESSAGE("reserve used: " << kReserveBytes - metric(store, "tillsync_disk_reserve_bytes") << " bytes");

  const double took = disk.recover();
  MESSAGE("posts are taken " << took << " s after space came back");
  CHECK(metric(store, "tillsync_disk_reserve_bytes") == kReserveBytes);
  CHECK(store.ops("GET", "/readyz")->status == 200);
  disk.check_all_but(1);
}

TEST_CASE("a full disk: a long backlog is delivered out of the reserve alone") {
  REQUIRE_MESSAGE(sandbox_missing().empty(), sandbox_missing());
  SmallDisk disk(128 * kMiB, 40 * kMiB);
  Store& store = disk.store_;
  store.start();
  disk.order(R"({"outage":"refuse503"})");
  constexpr int kLong = 5'000;
  std::string body;
  for (int i = 0; i < kLong; ++i) {
    body += simple_sale(fmt::format("S-{}", i)) + "\n";
    if ((i + 1) % 1'000 != 0) continue;
    REQUIRE(store.post(std::exchange(body, {}), kNdjson)->status == 200);
  }
  disk.fill_once();
  REQUIRE(eventually([&] { return store.ops("GET", "/readyz")->status == 503; }));
  disk.order("{}");
  const bool delivered =
      eventually([&] { return store.status().integer_of("backlog") == 0; }, std::chrono::seconds(60));
  CHECK_MESSAGE(delivered, store.log());
  MESSAGE("reserve used: " << 40 * kMiB - metric(store, "tillsync_disk_reserve_bytes") << " bytes");
  for (const char* target : kTargets) CHECK(disk.effects(target) == kLong);
  disk.recover();
  CHECK(store.drain(30) == 0);
  CHECK(store.stop() == 0);
  CHECK(store.command({"journal", "verify"}).status == 0);
}

TEST_CASE("a full disk: whoever filled it takes what comes free, too, and still nothing is lost or doubled") {
  REQUIRE_MESSAGE(sandbox_missing().empty(), sandbox_missing());
  SmallDisk disk;
  Store& store = disk.store_;
  disk.trade_until_full();
  disk.fill();
  disk.order("{}");
  // A race for each step of the reserve. Who wins it is chance; it ends with all delivered or all spent.
  CHECK(eventually([&] { return disk.all_delivered() || metric(store, "tillsync_disk_reserve_bytes") == 0; },
                   std::chrono::seconds(60)));
  check_refused(store);
  CHECK(store.report("2026-11-20", "2026-11-20").exit_status == 1);  // given, and honest
  CHECK(store.ops("GET", "/v1/status")->status == 200);
  CHECK(store.get("/v1/documents/S-0")->status == 200);

  disk.stop_filling();
  disk.recover();
  REQUIRE(eventually([&] { return disk.all_delivered() || quarantined(store).size() == 4; }));
  disk.check_all_but(0);
}

TEST_CASE("a full disk: tills that keep posting lose nothing while it fills and empties under them") {
  REQUIRE_MESSAGE(sandbox_missing().empty(), sandbox_missing());
  SmallDisk disk;
  disk.store_.start();
  BusyShop shop(disk.store_, {.seed = torture_seed(), .documents = 2'000});
  constexpr int kTimes = 4;
  for (int i = 1; i <= kTimes; ++i) {
    shop.allow(i, kTimes + 1);
    const auto some = shop.documents() * (static_cast<std::size_t>(i) * 2 - 1) / (2 * (kTimes + 1));
    REQUIRE(eventually([&] { return shop.done() > some; }));
    disk.fill_once();
    REQUIRE(eventually([&] { return disk.store_.ops("GET", "/readyz")->status == 503; }));
    shop.allow(i * 2 + 1, 2 * (kTimes + 1));  // somebody tries meanwhile
    REQUIRE(eventually([&, before = shop.retries()] { return shop.retries() > before; }));
    disk.make_space();
    REQUIRE(eventually([&] { return disk.store_.ops("GET", "/readyz")->status == 200; }));
  }
  REQUIRE(shop.finish(std::chrono::seconds(60)));
  check_all_came_through(disk.store_, disk.central_, shop);
}

TEST_CASE(
    "a full disk: the daemon starts on it, refuses posts and delivers, whether it was killed or stopped") {
  REQUIRE_MESSAGE(sandbox_missing().empty(), sandbox_missing());
  SmallDisk disk;
  Store& store = disk.store_;
  constexpr int kOwed = 20;
  store.start();
  disk.order(R"({"outage":"refuse503"})");
  for (int i = 0; i < kOwed; ++i) REQUIRE(disk.post(fmt::format("S-{}", i)) == 201);
  SUBCASE("killed") {
    store.kill();
  }
  SUBCASE("stopped") {
    CHECK(store.stop() == 0);
  }
  disk.fill_once();
  disk.order("{}");
  store.launch();
  const auto answers = [&] {
    try {
      return store.ops("GET", "/readyz")->status == 503;
    } catch (const std::runtime_error&) {
      return false;  // nobody listens yet
    }
  };
  REQUIRE_MESSAGE(eventually(answers), store.log());
  check_refused(store);
  CHECK(eventually([&] { return store.status().integer_of("backlog") == 0; }, std::chrono::seconds(30)));
  for (const char* target : kTargets) CHECK(disk.effects(target) == kOwed);
  disk.recover();
  CHECK(store.drain(30) == 0);
  CHECK(store.stop() == 0);
  CHECK(store.command({"journal", "verify"}).status == 0);
}
