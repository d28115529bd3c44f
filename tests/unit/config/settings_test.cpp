#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "config/settings.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;
using namespace std::chrono_literals;

namespace {

LoadedSettings parse(const std::string& text) {
  return parse_settings(text, "/etc/tillsync/tillsync.toml");
}

const std::string kStore = "[store]\nid = \"0417\"\ncurrency = \"GBP\"\n";

Settings good(const std::string& text) {
  LoadedSettings loaded = parse(text);
  for (const auto& mistake : loaded.mistakes) FAIL_CHECK(mistake.text());
  return loaded.settings;
}

}  // namespace

TEST_CASE("settings: the smallest file gives the contract's defaults") {
  const Settings s = good(kStore);
  CHECK(s.store.id == "0417");
  CHECK(s.store.time_zone == "UTC");
  CHECK(s.store.day_starts_at == 240min);
  CHECK(s.journal.path == "/var/lib/tillsync");
  CHECK(s.journal.disk_reserve_mib == 64);
  CHECK(s.till.unix_socket == "/run/tillsync/till.sock");
  CHECK(s.till.tcp == "127.0.0.1:7411");
  CHECK(s.ops.tcp == "127.0.0.1:7412");
  CHECK(s.reconcile.read_back_every == 900s);
  CHECK(s.targets.empty());
}

TEST_CASE("settings: every setting that a file names arrives") {
  const Settings s = good(R"([store]
id = "A.b-1"
time_zone = "Europe/London"
currency = "EUR"
day_starts_at = "23:59"
[journal]
path = "/srv/till"
disk_reserve_mib = 0
retention_trading_days = 30
[till]
unix_socket = ""
tcp = "[::1]:8000"
[ops]
tcp = "localhost:9"
[reconcile]
read_back_every_s = 1.5
[slo]
sale_to_erp_p95_s = 0.5
oldest_sale_s = 900
refund_p95_s = 86400
customer_accuracy_percent = 99
[log]
file = "/var/log/tillsync.log"
format = "json"
level = "debug"
rotate_mib = 1
rotate_keep = 100
[targets.erp]
connector = "rest"
base_url = "http://127.0.0.1:8069/x"
token = "env:ERP"
timeout_s = 0.25
concurrency = 256
batch_max = 1000
backoff_min_s = 0.01
backoff_max_s = 86400
rate_per_s = 2.5
burst_requests = 190
burst_window_s = 0.5
day_requests = 250000
day_kept_back_percent = 0
ca_file = "/etc/ca.pem"
proxy = "http://proxy:3128"
)");
  CHECK(s.store.id == "A.b-1");
  CHECK(s.store.time_zone == "Europe/London");
  CHECK(s.store.day_starts_at == 23h + 59min);
  CHECK(s.journal.path == "/srv/till");
  CHECK(s.journal.disk_reserve_mib == 0);
  CHECK(s.journal.retention_trading_days == 30);
  CHECK(s.till.unix_socket.empty());
  CHECK(s.till.tcp == "[::1]:8000");
  CHECK(s.ops.tcp == "localhost:9");
  CHECK(s.reconcile.read_back_every == 1500ms);
  CHECK(s.slo.sale_to_erp_p95 == 500ms);
  CHECK(s.slo.oldest_sale == 900s);
  CHECK(s.slo.refund_p95 == 24h);
  CHECK(s.slo.customer_accuracy_percent == 99);
  CHECK(s.log.file == "/var/log/tillsync.log");
  CHECK(s.log.format == "json");
  CHECK(s.log.level == "debug");
  CHECK(s.log.rotate_mib == 1);
  CHECK(s.log.rotate_keep == 100);
  const TargetSettings& erp = s.targets.at("erp");
  CHECK(erp.connector == "rest");
  CHECK(erp.connector_file.empty());
  CHECK(erp.base_url == "http://127.0.0.1:8069/x");
  CHECK(erp.token.text == "env:ERP");
  CHECK(erp.timeout == 250ms);
  CHECK(erp.concurrency == 256);
  CHECK(erp.batch_max == 1000);
  CHECK(erp.backoff_min == 10ms);
  CHECK(erp.backoff_max == 24h);
  CHECK(erp.rate_per_s == 2.5);
  CHECK(erp.burst_requests == 190);
  CHECK(erp.burst_window == 500ms);
  CHECK(erp.day_requests == 250'000);
  CHECK(erp.day_kept_back_percent == 0);
  CHECK(erp.ca_file == "/etc/ca.pem");
  CHECK(erp.proxy == "http://proxy:3128");
}

TEST_CASE("settings: paths are meant from the settings file's folder") {
  const Settings s = good(kStore +
                          "[journal]\npath = \"data\"\n[till]\nunix_socket = \"./run/till.sock\"\n"
                          "[targets.erp]\nbase_url = \"https://e\"\ntoken = \"file:erp.token\"\n");
  CHECK(s.journal.path == "/etc/tillsync/data");
  CHECK(s.till.unix_socket == "/etc/tillsync/run/till.sock");
  CHECK(s.targets.at("erp").token.text == "file:/etc/tillsync/erp.token");
}

TEST_CASE("settings: with TLS listeners may be reached from beyond this machine") {
  const Settings s = good(kStore + R"([till]
tcp = "0.0.0.0:7411"
tls_certificate = "till.pem"
tls_key = "file:till.key"
[ops]
tcp = "[::]:7412"
tls_certificate = "/srv/ops.pem"
tls_key = "env:OPS_KEY"
client_ca_file = "clients.pem"
[ops.client_certificates]
"ho.example" = "operate"
eyes = "read"
)");
  CHECK(s.till.tls());
  CHECK(s.till.tls_certificate == "/etc/tillsync/till.pem");
  CHECK(s.till.tls_key.text == "file:/etc/tillsync/till.key");
  CHECK(s.till.tls_key.several_lines);
  CHECK(s.ops.tls_certificate == "/srv/ops.pem");
  CHECK(s.ops.tls_key.text == "env:OPS_KEY");
  CHECK(s.ops.client_ca_file == "/etc/tillsync/clients.pem");
  CHECK(s.ops.client_certificates ==
        std::map<std::string, std::string>{{"eyes", "read"}, {"ho.example", "operate"}});
  CHECK(!good(kStore).till.tls());
}

TEST_CASE("settings: each kind of authentication takes its own keys") {
  const Settings s = good(kStore + R"(
[targets.a]
base_url = "https://a"
auth = {kind = "basic", user = "u", password = "env:P"}
[targets.b]
base_url = "https://b"
auth = {kind = "api_key", key = "file:/k", header = "X-Key"}
[targets.c]
base_url = "https://c"
[targets.c.auth]
kind = "oauth2"
token_url = "https://login/token"
client_id = "id"
client_secret = "env:S"
scope = "write"
)");
  CHECK(s.targets.at("a").auth.user == "u");
  CHECK(s.targets.at("a").auth.password.text == "env:P");
  CHECK(s.targets.at("b").auth.key.text == "file:/k");
  CHECK(s.targets.at("b").auth.header == "X-Key");
  CHECK(s.targets.at("c").auth.token_url == "https://login/token");
  CHECK(s.targets.at("c").auth.client_secret.text == "env:S");
  CHECK(s.targets.at("c").auth.scope == "write");
}

TEST_CASE("routes: without the table every type goes to every target, in the order of names") {
  const Settings s =
      good(kStore + "[targets.erp]\nbase_url = \"https://e\"\n[targets.crm]\nbase_url = \"https://c\"\n");
  CHECK(s.routes.size() == 7);
  const std::vector<RouteStep> both = {{"crm", "crm", {}}, {"erp", "erp", {}}};
  CHECK(s.routes.at("sale") == both);
  CHECK(s.routes.at("till_close") == both);
}

TEST_CASE("routes: short and long forms, and a type that is not named goes nowhere") {
  const Settings s = good(kStore + R"([targets.erp]
base_url = "https://e"
[targets.crm]
base_url = "https://c"
[routes]
sale = ["erp", "crm"]
return = [{step = "check", target = "erp"}, {target = "crm", needs = ["check"]}]
stock_count = []
)");
  CHECK(s.routes.at("sale") == std::vector<RouteStep>{{"erp", "erp", {}}, {"crm", "crm", {}}});
  CHECK(s.routes.at("return") == std::vector<RouteStep>{{"check", "erp", {}}, {"crm", "crm", {"check"}}});
  CHECK(s.routes.at("stock_count").empty());
  CHECK(s.routes.count("till_close") == 0);
}

TEST_CASE("settings: a file that is not there is one mistake that names it") {
  const LoadedSettings loaded = load_settings("/nonexistent/tillsync.toml");
  REQUIRE(loaded.mistakes.size() == 1);
  CHECK(loaded.mistakes[0].line == 0);
  CHECK(loaded.mistakes[0].text().find("/nonexistent/tillsync.toml: ") == 0);
  CHECK(loaded.mistakes[0].detail.find("--config") != std::string::npos);
}

TEST_CASE("settings: a folder in the place of the file is a mistake, no crash") {
  CHECK(load_settings(std::filesystem::temp_directory_path().string()).mistakes.size() == 1);
}

TEST_CASE("settings: a connector is a file beside the settings, by its name or by a path") {
  testing::TempDir dir;
  const std::string settings = dir.file("tillsync.toml");
  std::filesystem::create_directories(dir.file("connectors"));
  for (const char* file : {"connectors/acme.toml", "own.toml"})
    std::ofstream(dir.file(file)) << "format = 1\n";
  const auto found = [&](const std::string& connector) {
    const auto loaded = parse_settings(
        kStore + "[targets.erp]\nbase_url = \"https://e\"\nconnector = \"" + connector + "\"\n", settings);
    REQUIRE(loaded.mistakes.empty());
    return loaded.settings.targets.at("erp").connector_file;
  };
  CHECK(found("acme") == dir.file("connectors/acme.toml"));
  CHECK(found("own.toml") == dir.file("own.toml"));
  CHECK(found("./connectors/acme.toml") == dir.file("connectors/acme.toml"));
  CHECK(found(dir.file("own.toml")) == dir.file("own.toml"));
  CHECK(found("rest").empty());
}

TEST_CASE("settings: what a target tells its connector is kept as JSON, exactly") {
  const Settings s = good(kStore + R"([targets.erp]
base_url = "https://e"
[targets.erp.auth]
kind = "session"
user = "store"
password = "file:/etc/tillsync/erp.password"
[targets.erp.parameters]
company = 1
party = "WALK-IN"
open = true
warehouses = [5, 6]
currencies = {GBP = 2}
)");
  const TargetSettings& erp = s.targets.at("erp");
  CHECK(erp.parameters ==
        R"({"company":1,"party":"WALK-IN","open":true,"warehouses":[5,6],"currencies":{"GBP":2}})");
  CHECK(erp.auth.kind == "session");
  CHECK(erp.auth.user == "store");
}
