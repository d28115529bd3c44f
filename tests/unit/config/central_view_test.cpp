#include <doctest/doctest.h>

#include "config/settings.h"

using namespace tillsync;
using namespace std::chrono_literals;

namespace {

LoadedSettings load(const std::string& more, const std::string& routes = "") {
  return parse_settings(
      "[store]\nid = \"0417\"\ncurrency = \"GBP\"\n[journal]\npath = \"/tmp/j\"\n"
      "[targets.erp]\nbase_url = \"https://erp.example.com\"\n[targets.crm]\nbase_url = "
      "\"https://crm.example.com\"\n"
      "[targets.folder]\nconnector = \"file\"\nbase_url = \"file:///srv/out\"\n" +
          routes + more,
      "/etc/tillsync/tillsync.toml");
}

const std::string kRoutes = "[routes]\nsale = [\"folder\", \"erp\", \"crm\"]\ncustomer_update = [\"crm\"]\n";

}  // namespace

TEST_CASE("central view settings: who is asked follows the routes, past targets that cannot be asked") {
  const LoadedSettings loaded = load("", kRoutes);
  for (const auto& mistake : loaded.mistakes) FAIL_CHECK(mistake.text());
  const CentralViewSettings& view = loaded.settings.central_view;
  CHECK(view.fetch_every == 900s);
  CHECK(view.customers == "crm");
  CHECK(view.stock == "erp");
  CHECK(view.prices == "erp");
  CHECK(view.refund_policy == "erp");
  const CentralViewSettings nobody = load("", "[routes]\n").settings.central_view;
  CHECK(nobody.customers.empty());
  CHECK(nobody.stock.empty());
}

TEST_CASE("central view settings: what the file says arrives, nobody among it") {
  const LoadedSettings loaded = load(
      "[central_view]\nfetch_every_s = 0\ncustomers = \"erp\"\nstock = \"\"\nprices = \"crm\"\n", kRoutes);
  for (const auto& mistake : loaded.mistakes) FAIL_CHECK(mistake.text());
  const CentralViewSettings& view = loaded.settings.central_view;
  CHECK(view.fetch_every == 0s);
  CHECK(view.customers == "erp");
  CHECK(view.stock.empty());
  CHECK(view.prices == "crm");
  CHECK(view.refund_policy == "erp");
}

TEST_CASE(
    "central view settings: a name that is nobody's, and one that takes files, are told with their line") {
  const std::string head = "[central_view]\n";
  const auto mistake = [&](const std::string& line) {
    const LoadedSettings loaded = load(head + line, kRoutes);
    REQUIRE(loaded.mistakes.size() == 1);
    CHECK(loaded.mistakes.front().line > 0);
    return loaded.mistakes.front().detail;
  };
  CHECK(
      mistake("stock = \"erb\"\n") ==
      "[central_view] stock names the target \"erb\", and there is no [targets.erb]; did you mean \"erp\"?");
  CHECK(mistake("prices = \"folder\"\n").find("takes files and cannot be asked") != std::string::npos);
  CHECK(mistake("customers = 7\n").find("[central_view] customers") != std::string::npos);
  CHECK(mistake("fetch_every_s = 86401\n").find("[central_view] fetch_every_s") != std::string::npos);
}
