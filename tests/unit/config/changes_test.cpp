#include "config/changes.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "config/first_settings.h"
#include "config/keys.h"

using namespace tillsync;

namespace {

const std::string kStore = "[store]\nid = \"0417\"\ncurrency = \"GBP\"\n";
const std::string kErp = "[targets.erp]\nbase_url = \"https://erp.example.com\"\n";

Settings settings(const std::string& text) {
  auto loaded = parse_settings(text, "/etc/tillsync/tillsync.toml");
  for (const auto& mistake : loaded.mistakes) FAIL_CHECK(mistake.text());
  return std::move(loaded.settings);
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("changed settings: none where only words and order differ") {
  CHECK(changed_settings(settings(kStore + kErp), settings("# words\n" + kErp + kStore)).empty());
  CHECK(changed_settings(settings(kStore + kErp), settings(kStore + kErp + "timeout_s = 10.0\n")).empty());
}

TEST_CASE("changed settings: each key by its name, tables that come or go by theirs") {
  const Settings before = settings(kStore + kErp + "token = \"env:A\"\n[log]\nlevel = \"info\"\n");
  CHECK(changed_settings(before, settings(kStore + "day_starts_at = \"05:00\"\n" + kErp +
                                          "token = \"env:B\"\nrate_per_s = 2\n[log]\nlevel = \"debug\"\n")) ==
        Names{"store.day_starts_at", "log.level", "targets.erp.token", "targets.erp.rate_per_s"});
  const auto gone = changed_settings(before, settings(kStore));
  CHECK(std::count(gone.begin(), gone.end(), "targets.erp") == 1);
  CHECK(std::count(gone.begin(), gone.end(), "routes.sale") == 1);
  const auto auth = settings(kStore + kErp +
                             "[targets.erp.auth]\nkind = \"basic\"\nuser = \"u\"\n"
                             "password = \"env:P\"\n");
  CHECK(changed_settings(before, auth) == Names{"targets.erp.token", "targets.erp.auth.kind",
                                                "targets.erp.auth.user", "targets.erp.auth.password"});
}

TEST_CASE("changed settings: every key that there is shows when its value differs") {
  // Whatever is added to the tables of keys is compared by them; what is no key has to be named here.
  Settings changed;
  changed.ops.client_certificates["a"] = "read";
  changed.conflicts.customer_fields["email"] = "ask";
  changed.intakes["tills"];
  changed.targets["erp"];
  changed.routes["sale"];
  CHECK(changed_settings(Settings{}, changed) == Names{"ops.client_certificates", "conflicts.customer_fields",
                                                       "intake.tills", "targets.erp", "routes.sale"});
  Settings before, after;
  before.targets["erp"];
  after.targets["erp"].parameters = "{}";
  after.targets["erp"].connector_file = "/elsewhere.toml";
  CHECK(changed_settings(before, after) == Names{"targets.erp.connector", "targets.erp.parameters"});
}

TEST_CASE("first settings: nothing in them is another store's, and check says what to write") {
  const std::string text = first_settings();
  const auto loaded = parse_settings(text, "/etc/tillsync/tillsync.toml");
  REQUIRE(loaded.mistakes.size() == 2);
  CHECK(loaded.mistakes[0].detail.find("[store] id is missing") != std::string::npos);
  CHECK(loaded.mistakes[1].detail.find("[store] currency is missing") != std::string::npos);
  const auto section = text.find("[store]\n");
  REQUIRE(section != std::string::npos);
  std::string written = text;
  written.insert(section + 8, "id = \"0099\"\ncurrency = \"EUR\"\n");
  const Settings first = settings(written);
  CHECK(first.targets.empty());
  CHECK(changed_settings(first, settings("[store]\nid = \"0099\"\ncurrency = \"EUR\"\n")).empty());
}
