// SIGHUP: the settings are read again while tills post and deliveries are under way.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "tests/e2e/shop.h"
#include "tests/e2e/trading.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;

namespace {

/// The store's settings file as an administrator edits it, and SIGHUP.
class Administrator {
 public:
  explicit Administrator(Store& store) : store_(store), text_(file_text(store.settings_file())) {}

  /// The file as it was at first, with every `from` in it made a `to`, and `more` behind it.
  void write(const std::vector<std::pair<std::string, std::string>>& changes, const std::string& more = "") {
    std::string text = text_;
    for (const auto& [from, to] : changes) {
      REQUIRE(text.find(from) != std::string::npos);
      for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    }
    std::ofstream(store_.settings_file()) << text << more;
  }
  /// True once the daemon has told that it took the settings, false once it has told that it refused them.
  bool reload() {
    const auto taken = told("settings.loaded");
    const auto refused = told("settings.refused");
    store_.daemon().signal(SIGHUP);
    bool took = false;
    const bool answered = eventually(
        [&] {
          took = told("settings.loaded") > taken;
          return took || told("settings.refused") > refused;
        },
        30s);
    REQUIRE_MESSAGE(answered, store_.log());
    return took;
  }

 private:
  std::size_t told(const std::string& event) const {
    const std::string text = store_.log();
    std::size_t count = 0;
    for (auto at = text.find(" " + event + " "); at != std::string::npos;
         at = text.find(" " + event + " ", at + 1))
      ++count;
    return count;
  }

  Store& store_;
  const std::string text_;
};

json::Value settings_of(const Store& store) {
  return *store.status().find("settings");
}

bool refused(const Store& store) {
  return *settings_of(store).find("refused")->as_bool();
}

bool metric_is(const Store& store, const std::string& line) {
  const auto metrics = store.ops("GET", "/metrics");
  return metrics && metrics->body.find("\n" + line + "\n") != std::string::npos;
}

const std::string kConcurrency = "concurrency = 16\n";

}  // namespace

TEST_CASE("reload: while tills post and central is slow nothing is lost, doubled or refused (I1, I2, I3)") {
  Shop shop;
  Administrator administrator(shop.store);
  for (const std::string target : {"erp", "crm"})
    shop.central.faults(target, R"({"delay_ms":30,"reply_lost_after_commit":2})");
  const auto day =
      make_trading_day({.seed = 11, .documents = 4'000, .tills = 4, .day = day_of("2026-11-20")});
  const auto expected = expected_of(day);
  std::vector<std::unique_ptr<Till>> tills;
  for (const auto& till : day) tills.push_back(std::make_unique<Till>(shop.store, bodies_of(till), 5));
  constexpr std::size_t kReloads = 8;
  std::atomic<std::size_t> reloads{0};
  // The tills go on as the reloads do, so that each reload meets posts and deliveries.
  for (auto& till : tills) {
    till->set_gate([&](std::size_t at) {
      while (reloads < kReloads && at > 1'000 * (reloads + 1) / kReloads) sleep_briefly();
    });
  }
  std::atomic<bool> complete{false};
  std::thread posting([&] { complete = post_at_once(tills); });
  const std::string numbered = fmt::format("http://127.0.0.1:{}", shop.central.port());
  const std::string named = fmt::format("http://localhost:{}", shop.central.port());  // the same ledger
  std::size_t taken = 0;
  for (std::size_t i = 0; i < kReloads; ++i) {
    eventually([&] { return shop.store.head() > static_cast<std::int64_t>(300 * i); }, 30s);
    const std::string pace = fmt::format("concurrency = {}\nbatch_max = {}\n", 4 + i, 1 + i % 3);
    administrator.write({{numbered, i % 2 == 0 ? named : numbered}, {kConcurrency, pace}},
                        i % 3 == 0 ? "[log]\nlevel = \"debug\"\n" : "");
    if (administrator.reload()) ++taken;
    reloads = i + 1;
  }
  posting.join();
  CHECK(taken == kReloads);
  REQUIRE(complete);
  for (const auto& till : tills) {
    CHECK(till->retries() == 0);  // no connection ended, no post was refused
    for (const auto& answer : till->answers()) CHECK(answer.status == 201);
  }
  for (const std::string target : {"erp", "crm"}) shop.central.faults(target, "{}");
  REQUIRE(shop.store.drain(120) == 0);
  for (const std::string target : {"erp", "crm"}) check_ledger(shop.central, target, expected);
  check_balanced(shop.store.settled_report("2026-11-20", "2026-11-20"), expected, {"erp", "crm"});
  CHECK(shop.store.log().find("settings.loaded changed=\"log.level, targets.crm.base_url, "
                              "targets.crm.concurrency, targets.erp.base_url") != std::string::npos);
  CHECK(shop.store.stop() == 0);
  CHECK(shop.store.command({"journal", "verify"}).status == 0);
}

TEST_CASE("reload: a file with a mistake is refused and told, and what ran goes on") {
  Shop shop;
  Administrator administrator(shop.store);
  CHECK(!refused(shop.store));
  CHECK(settings_of(shop.store).find("last_refusal")->is_null());
  const std::string loaded_at(settings_of(shop.store).text_of("loaded_at"));
  administrator.write({{kConcurrency, "concurency = 4\n"}});
  CHECK(!administrator.reload());
  CHECK(refused(shop.store));
  CHECK(settings_of(shop.store).text_of("loaded_at") == loaded_at);
  const std::string detail(settings_of(shop.store).find("last_refusal")->text_of("detail"));
  CHECK_MESSAGE(detail.find("tillsync.toml:") != std::string::npos, detail);
  CHECK_MESSAGE(detail.find("concurency") != std::string::npos, detail);
  CHECK(metric_is(shop.store, "tillsync_settings_refused 1"));
  CHECK(shop.store.command({"status"}).status == 2);  // the command line reads the same file
  REQUIRE(shop.store.post(simple_sale("A1", "SKU"))->status == 201);
  CHECK(shop.settles("A1", "delivered"));

  administrator.write({{kConcurrency, "concurrency = 4\n"}});
  CHECK(administrator.reload());
  CHECK(!refused(shop.store));
  CHECK(settings_of(shop.store).text_of("loaded_at") > loaded_at);
  CHECK(settings_of(shop.store).find("last_refusal")->text_of("detail") == detail);
  CHECK(metric_is(shop.store, "tillsync_settings_refused 0"));
  REQUIRE(shop.store.post(simple_sale("A2", "SKU"))->status == 201);
  CHECK(shop.settles("A2", "delivered"));
}

TEST_CASE("reload: what only a restart can change is named, and nothing else of the file is taken") {
  Shop shop;
  Administrator administrator(shop.store);
  administrator.write({{"disk_reserve_mib = 1", "disk_reserve_mib = 2"},
                       {"\"till.sock\"", "\"other.sock\""},
                       {fmt::format("http://127.0.0.1:{}", shop.central.port()), "http://127.0.0.1:9"}});
  CHECK(!administrator.reload());
  const std::string detail(settings_of(shop.store).find("last_refusal")->text_of("detail"));
  CHECK_MESSAGE(
      detail.starts_with("journal.disk_reserve_mib, till.unix_socket can only change with a restart"),
      detail);
  const auto status = shop.store.command({"status"});
  CHECK(status.status == 0);
  CHECK_MESSAGE(status.output.find("SETTINGS REFUSED, the old ones stay") != std::string::npos,
                status.output);
  REQUIRE(shop.store.post(simple_sale("A1", "SKU"))->status == 201);
  CHECK(shop.settles("A1", "delivered"));  // by the old address
}

TEST_CASE("reload: a target comes, goes and comes again; what it is owed waits for it (I2)") {
  Shop shop({.targets = {"erp"}});
  Administrator administrator(shop.store);
  REQUIRE(shop.store.post(simple_sale("A1", "SKU"))->status == 201);
  CHECK(shop.settles("A1", "delivered"));
  const std::string crm_table = fmt::format(
      "[targets.crm]\nbase_url = \"http://127.0.0.1:{}/crm\"\nbackoff_min_s = 0.05\nbackoff_max_s = 0.5\n",
      shop.central.port());
  administrator.write({}, crm_table);
  REQUIRE(administrator.reload());
  CHECK(shop.store.status().find("targets")->find("crm") != nullptr);
  REQUIRE(shop.store.post(simple_sale("A2", "SKU"))->status == 201);
  CHECK(shop.settles("A2", "delivered"));
  CHECK(shop.central.ledger("crm").integer_of("documents") == 1);  // A1 was before its time

  shop.central.faults("crm", R"({"outage":"refuse503"})");
  REQUIRE(shop.store.post(simple_sale("A3", "SKU"))->status == 201);
  administrator.write({});
  REQUIRE(administrator.reload());
  const auto status = shop.store.status();
  const auto* crm = status.find("targets")->find("crm");
  REQUIRE(crm != nullptr);
  CHECK(crm->text_of("state") == "unconfigured");
  CHECK(crm->integer_of("owed") == 1);
  REQUIRE(shop.store.post(simple_sale("A4", "SKU"))->status == 201);
  CHECK(shop.settles("A4", "delivered"));
  CHECK(shop.store.status_of("A3") == "journaled");

  shop.central.faults("crm", "{}");
  administrator.write({}, crm_table + "[routes]\nsale = [\"erp\"]\n");
  REQUIRE(administrator.reload());
  CHECK(shop.settles("A3", "delivered"));
  REQUIRE(shop.store.post(simple_sale("A5", "SKU"))->status == 201);
  CHECK(shop.settles("A5", "delivered"));
  CHECK(shop.central.ledger("crm").integer_of("documents") == 2);  // A2 and A3
  CHECK(shop.central.ledger("erp").integer_of("documents") == 5);
}

TEST_CASE("reload: a pause outlives it, and a decision made meanwhile comes into force") {
  Shop shop({.targets = {"erp"}});
  REQUIRE(shop.store.ops("POST", "/v1/targets/erp/pause")->status == 200);
  REQUIRE(shop.store.post(simple_sale("A1", "SKU"))->status == 201);
  Administrator(shop.store).write({{kConcurrency, "concurrency = 3\n"}});
  shop.store.daemon().signal(SIGHUP);
  shop.store.daemon().signal(SIGHUP);
  // Answered while the deliveries are taken down and built again, or just before or after.
  for (int i = 0; i < 20; ++i) {
    REQUIRE(shop.store.ops("POST", "/v1/targets/erp/resume")->status == 200);
    REQUIRE(shop.store.ops("POST", "/v1/targets/erp/pause")->status == 200);
  }
  REQUIRE(eventually([&] {
    return shop.store.log().find("settings.loaded changed=targets.erp.concurrency") != std::string::npos;
  }));
  CHECK(shop.store.status().find("targets")->find("erp")->text_of("state") == "paused");
  REQUIRE(shop.store.ops("POST", "/v1/targets/erp/resume")->status == 200);
  CHECK(shop.settles("A1", "delivered"));
  CHECK(shop.central.ledger("erp").integer_of("effects") == 1);
}

TEST_CASE("reload: a secret that changed in its file is used at once, and the log is opened anew") {
  Shop shop({.targets = {"erp"}});
  const std::string token = shop.store.file("token");
  std::ofstream(token) << "first\n";
  Administrator(shop.store)
      .write({{kConcurrency, kConcurrency + "token = \"file:token\"\n"}}, "[log]\nfile = \"tillsync.log\"\n");
  shop.store.daemon().signal(SIGHUP);
  const auto logged = [&](const std::string& text) {
    return eventually(
        [&] { return file_text(shop.store.file("tillsync.log")).find(text) != std::string::npos; });
  };
  REQUIRE(logged("settings.loaded changed=\"log.file, targets.erp.token\""));
  shop.central.faults("erp", R"({"accept_token":"second"})");
  std::ofstream(token) << "second\n";
  std::filesystem::rename(shop.store.file("tillsync.log"), shop.store.file("tillsync.log.moved"));
  shop.store.daemon().signal(SIGHUP);
  REQUIRE(logged("settings.loaded changed=targets.erp.token"));
  REQUIRE(shop.store.post(simple_sale("A1", "SKU"))->status == 201);
  CHECK(shop.settles("A1", "delivered"));
  CHECK(shop.store.document("A1").find("deliveries")->as_array()->at(0).integer_of("attempts") == 1);
  // Nothing changed: deliveries are left alone.
  shop.store.daemon().signal(SIGHUP);
  REQUIRE(logged("settings.loaded changed=\"\""));
  CHECK(shop.store.stop() == 0);
}
