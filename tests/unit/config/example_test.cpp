#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "config/keys.h"
#include "config/settings.h"

using namespace tillsync;

namespace {

std::filesystem::path example_file() {
  return std::filesystem::path(TILLSYNC_SOURCE_DIR) / "config/tillsync.example.toml";
}

std::string example() {
  std::ifstream in(example_file());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Takes the # away from every line that is a setting or a section; comments of words have a blank behind
// theirs.
std::string switched_on(const std::string& text) {
  return std::regex_replace(text, std::regex("(^|\n)#(?=[a-z_\\[])"), "$1");
}

void expect_no_mistakes(const LoadedSettings& loaded) {
  for (const auto& mistake : loaded.mistakes) FAIL_CHECK(mistake.text());
}

}  // namespace

TEST_CASE("example settings: the file loads as it is") {
  const LoadedSettings loaded = load_settings(example_file().string());
  expect_no_mistakes(loaded);
  CHECK(loaded.settings.store.id == "0417");
  CHECK(loaded.settings.targets.size() == 2);
}

TEST_CASE("example settings: what is commented out is valid and shows the defaults") {
  const LoadedSettings loaded = parse_settings(switched_on(example()), "/etc/tillsync/tillsync.toml");
  expect_no_mistakes(loaded);
  const Settings& s = loaded.settings;
  const Settings defaults;
  CHECK(s.targets.size() == 8);
  CHECK(s.store.day_starts_at == defaults.store.day_starts_at);
  CHECK(s.journal.path == defaults.journal.path);
  CHECK(s.journal.disk_reserve_mib == defaults.journal.disk_reserve_mib);
  CHECK(s.journal.retention_trading_days == defaults.journal.retention_trading_days);
  CHECK(s.till.unix_socket == defaults.till.unix_socket);
  CHECK(s.till.tcp == defaults.till.tcp);
  CHECK(s.ops.tcp == defaults.ops.tcp);
  CHECK(s.reconcile.read_back_every == defaults.reconcile.read_back_every);
  for (const auto& key : config::conflict_keys()) {
    CAPTURE(key.name);
    const auto member = std::get<std::string ConflictSettings::*>(key.member);
    CHECK(s.conflicts.*member == defaults.conflicts.*member);
  }
  CHECK(s.conflicts.customer_fields == std::map<std::string, std::string>{{"email", "ask"}});
  CHECK(s.slo.sale_to_erp_p95 == defaults.slo.sale_to_erp_p95);
  CHECK(s.slo.oldest_sale == defaults.slo.oldest_sale);
  CHECK(s.slo.refund_p95 == defaults.slo.refund_p95);
  CHECK(s.slo.customer_accuracy_percent == defaults.slo.customer_accuracy_percent);
  CHECK(s.central_view.fetch_every == defaults.central_view.fetch_every);
  // What the file shows of them is what leaving them out comes to.
  const CentralViewSettings left_out = load_settings(example_file().string()).settings.central_view;
  CHECK(s.central_view.customers == left_out.customers);
  CHECK(s.central_view.stock == left_out.stock);
  CHECK(s.central_view.prices == left_out.prices);
  CHECK(s.central_view.refund_policy == left_out.refund_policy);
  CHECK(s.log.file == defaults.log.file);
  CHECK(s.log.format == defaults.log.format);
  CHECK(s.log.level == defaults.log.level);
  CHECK(s.log.rotate_mib == defaults.log.rotate_mib);
  CHECK(s.log.rotate_keep == defaults.log.rotate_keep);
  const TargetSettings erp = s.targets.at("erp");
  const TargetSettings fresh;
  CHECK(erp.connector == fresh.connector);
  CHECK(erp.allow_plain_http == fresh.allow_plain_http);
  CHECK(erp.timeout == fresh.timeout);
  CHECK(erp.concurrency == fresh.concurrency);
  CHECK(erp.batch_max == fresh.batch_max);
  CHECK(erp.backoff_min == fresh.backoff_min);
  CHECK(erp.backoff_max == fresh.backoff_max);
  CHECK(erp.rate_per_s == fresh.rate_per_s);
  CHECK(erp.burst_requests == 0);
  CHECK(erp.burst_window == std::chrono::seconds(10));
  CHECK(erp.day_requests == 0);
  CHECK(erp.day_kept_back_percent == fresh.day_kept_back_percent);
  CHECK(erp.ca_file == fresh.ca_file);
  CHECK(erp.proxy == fresh.proxy);
  CHECK(s.targets.at("loyalty").auth.header == fresh.auth.header);
  CHECK(s.targets.at("sales").auth.algorithm == fresh.auth.algorithm);
  CHECK(s.targets.at("sales").auth.key_id == fresh.auth.key_id);
  CHECK(s.targets.at("sales").auth.private_key.several_lines);
}

TEST_CASE("example settings: every known key appears in the file") {
  const std::string text = example();
  for (const std::string& key : config::known_keys()) {
    CAPTURE(key);
    const std::string name = key.substr(key.rfind('.') + 1);
    CHECK(std::regex_search(text, std::regex("(^|\n|\\{|, )#?" + name + " = ")));
  }
}
