// Reports as head office gets them: signed, summed, and as a page that a browser shows.
#include <filesystem>
#include <fstream>

#include "tests/e2e/shop.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr const char* kDay = "2026-11-23";
constexpr const char* kBrowser = "/usr/bin/chromium";

std::string trade(const std::string& id, const std::string& type, const std::string& price,
                  const std::string& tender, int number) {
  return fmt::format(
      R"({{"id":"{}","type":"{}","terminal":"T1","terminal_sequence":{},"occurred_at":"2026-11-23T10:00:00Z",)"
      R"("lines":[{{"sku":"A","quantity":1,"unit_price":"{}","taxes":[{{"code":"V20","amount":"0.40"}}]}}],)"
      R"("tenders":[{{"type":"{}","amount":"{}"}}]}})",
      id, type, number, price, tender, price);
}

std::string till_close(const std::string& cash, int documents) {
  return fmt::format(
      R"({{"id":"Z1","type":"till_close","terminal":"T1","terminal_sequence":9,)"
      R"("occurred_at":"2026-11-23T18:00:00Z","documents":{},"tenders":[{{"type":"cash","amount":"{}"}}]}})",
      documents, cash);
}

/// Two sales, one return and a close that agrees; numbers 5 to 8 are not there.
void trade_a_day(Store& store) {
  REQUIRE(store.post(trade("S1", "sale", "2.40", "cash", 1))->status == 201);
  REQUIRE(store.post(trade("S2", "sale", "12.00", "card", 2))->status == 201);
  REQUIRE(store.post(trade("S3", "sale", "7.00", "cash", 3))->status == 201);
  REQUIRE(store.post(trade("R1", "return", "2.40", "cash", 4))->status == 201);
  REQUIRE(store.post(till_close("7.00", 4))->status == 201);
}

RunResult report(const Store& store, const std::string& format) {
  return store.command({"report", "reconciliation", "--day", kDay, "--format", format});
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// What the browser says, run on a page of this machine with nothing else to load.
RunResult browse(const TempDir& dir, std::vector<std::string> more, const std::string& page) {
  ProcessOptions options;
  options.argv = {kBrowser,        "--headless",        "--no-sandbox",
                  "--disable-gpu", "--hide-scrollbars", "--user-data-dir=" + dir.file("profile")};
  options.argv.insert(options.argv.end(), more.begin(), more.end());
  options.argv.push_back("file://" + page);
  options.env = {{"HOME", dir.path().string()}};
  return run_program(options, std::chrono::seconds(120));
}

bool has_browser() {
  if (std::filesystem::exists(kBrowser)) return true;
  const char* ci = std::getenv("CI");
  REQUIRE_MESSAGE((ci == nullptr || std::string_view(ci) != "true"),
                  "no chromium: install_dependencies.sh test");
  MESSAGE("no chromium on this machine; nothing is tried");
  return false;
}

}  // namespace

TEST_CASE("report: signed by the store's own key in every form, and verified without the store") {
  Shop shop;
  Store& store = shop.store;
  trade_a_day(store);
  REQUIRE(store.drain(30) == 0);
  const auto shown = store.command({"report", "key"});
  REQUIRE(shown.status == 0);
  const std::string key = shown.output.substr(0, 64);
  REQUIRE(shown.output.size() == 65);
  namespace fs = std::filesystem;
  CHECK((fs::status(store.journal_folder() + "/report.key").permissions() & fs::perms::all) ==
        (fs::perms::owner_read | fs::perms::owner_write));
  const TempDir dir;
  write_file(dir.file("store.pub"), store.command({"report", "key", "--pem"}).output);
  REQUIRE(eventually([&] { return report(store, "json").status == 0; }, std::chrono::seconds(30)));
  for (const std::string format : {"json", "html", "csv"}) {
    CAPTURE(format);
    const auto made = report(store, format);
    CHECK(made.status == 0);
    const std::string file = dir.file("report." + format);
    write_file(file, made.output);
    const auto verify = [&](const std::string& by) {
      return run_program({.argv = {TILLSYNC_PROGRAM, "report", "verify", file, "--key", by}},
                         std::chrono::seconds(30));
    };
    const auto verified = verify(key);
    CHECK_MESSAGE(verified.status == 0, verified.errors);
    for (const char* part : {"store    0417", "period   2026-11-23", "verdict  balanced", key.c_str()})
      CHECK(holds(verified.output, part));
    CHECK(verify(dir.file("store.pub")).status == 0);
    const auto foreign = verify(std::string(64, '3'));
    CHECK(foreign.status == 1);
    CHECK(holds(foreign.errors, "another key"));
    std::string forged = made.output;
    forged.replace(forged.find("12.00"), 5, "12.01");
    write_file(file, forged);
    const auto refused = verify(key);
    CHECK(refused.status == 1);
    CHECK_MESSAGE(holds(refused.errors, "not what was signed"), refused.errors);
  }
  // The key outlives the process.
  CHECK(store.stop() == 0);
  store.start();
  CHECK(store.command({"report", "key"}).output == shown.output);
}

TEST_CASE("report: totals by till, tender and tax, the close, the gap, and the trial balance") {
  Shop shop;
  Store& store = shop.store;
  trade_a_day(store);
  REQUIRE(store.drain(30) == 0);
  REQUIRE(eventually([&] { return report(store, "json").status == 0; }, std::chrono::seconds(30)));
  const auto made = parsed(report(store, "json").output);
  const auto* sums = made.find("sums");
  REQUIRE(sums != nullptr);
  CHECK(json::dump(*sums->find("totals")) ==
        R"({"GBP":{"sales_count":3,"sales":"21.40","returns_count":1,"returns":"2.40","net":"19.00"}})");
  CHECK(
      json::dump(sums->find("tenders")->as_array()->at(1)) ==
      R"({"tender":"cash","currency":"GBP","sales_count":2,"sales":"9.40","returns_count":1,"returns":"2.40","net":"7.00"})");
  CHECK(sums->find("taxes")->as_array()->at(0).text_of("tax") == "0.80");
  const auto table = report(store, "table");
  for (const char* part : {"cash", "V20", "Z1", "after=4  before=9"})
    CHECK_MESSAGE(holds(table.output, part), part);
  const auto csv = report(store, "csv");
  for (const char* part : {"sequence_gap,,T1", "till_close,,T1,Z1", "sum_tender,,,,,,,net,,cash,,,,GBP,7.00"})
    CHECK_MESSAGE(holds(csv.output, part), part);

  const auto balance = store.command({"report", "trial-balance", "--day", kDay});
  CHECK_MESSAGE(balance.status == 0, balance.errors);
  CHECK(holds(balance.output, "BALANCED"));
  const auto books = parsed(store.command({"report", "trial-balance", "--day", kDay, "--json"}).output);
  const auto* gbp = books.find("currencies")->find("GBP");
  CHECK(gbp->text_of("debit") == "23.80");  // 21.40 taken; 2.00 of goods and 0.40 of tax given back
  CHECK(gbp->text_of("credit") == "23.80");
  CHECK(books.find("targets")->find("erp")->find("central")->text_of("GBP") == "19.00");
  CHECK(store.command({"report", "trial-balance", "--day", kDay, "--format", "csv"})
            .output.starts_with("record,"));
  shop.central.faults("erp", R"({"read_back_lie":{"total":{"S2":"12.01"}}})");
  REQUIRE(store.post(trade("S4", "sale", "1.00", "cash", 10))->status == 201);
  REQUIRE(store.drain(30) == 0);
  CHECK(eventually(
      [&] {
        const auto differs = store.command({"report", "trial-balance", "--day", kDay});
        return differs.status == 1 && holds(differs.output, "-0.01 GBP");
      },
      std::chrono::seconds(30)));
}

TEST_CASE("metrics: how the service objectives stand, met and missed") {
  Shop shop({.more_settings = "[slo]\nsale_to_erp_p95_s = 600\noldest_sale_s = 0.001\n"});
  Store& store = shop.store;
  const auto shows = [&](const std::string& line) {
    return eventually([&] { return holds(store.ops("GET", "/metrics")->body, line); },
                      std::chrono::seconds(20));
  };
  CHECK(shows("tillsync_slo_met{target=\"erp\",objective=\"oldest_sale\"} 1\n"));
  CHECK(shows("tillsync_slo_aim{target=\"erp\",objective=\"sale_to_erp_p95\"} 600\n"));
  CHECK(shows("# TYPE tillsync_sale_delivery_seconds histogram\n"));
}

TEST_CASE("report: the page as a browser shows it, on a day with a finding of every kind") {
  if (!has_browser()) return;
  Shop shop;
  Store& store = shop.store;
  shop.central.faults("erp", R"({"poison":["Q1"],"read_back_lie":{"missing":["S1"],"doubled":["R1"],)"
                             R"("total":{"S2":"12.01"}}})");
  trade_a_day(store);
  REQUIRE(store.post(trade("Q1", "sale", "5.00", "cash", 10))->status == 201);
  REQUIRE(shop.settles("Q1", "quarantined"));
  REQUIRE(
      store.ops("POST", "/v1/targets/crm/pause", R"({"reason":"stock-taking","by":"Ann"})", kJson)->status ==
      200);
  REQUIRE(store.post(trade("P1", "sale", "3.00", "cash", 11))->status == 201);
  REQUIRE(eventually([&] { return holds(report(store, "json").output, "\"missing\":[{"); },
                     std::chrono::seconds(30)));
  const TempDir dir;
  const auto made = report(store, "html");
  CHECK(made.status == 1);
  const char* kept = std::getenv("TILLSYNC_KEEP_PAGES");  // a folder: for people to look at
  const std::string page = (kept != nullptr ? std::string(kept) : dir.path().string()) + "/bad-day.html";
  write_file(page, made.output);
  for (const char* part : {"src=", "href=", "url(", "@import"}) CHECK_FALSE(holds(made.output, part));
  const auto dom = browse(dir, {"--dump-dom"}, page);
  REQUIRE_MESSAGE(dom.status == 0, dom.errors);
  for (const char* part :
       {"<b>Not balanced</b>", "Missing at central (1)", "Unexpected at central (1)", "Different (1)",
        "Quarantined: a person is needed (1)", "Pending: not delivered yet (1)", "stock-taking", "V20",
        "<td class=\"n\">29.40 GBP</td>", "Trial balance", "Signed with the store"})
    CHECK_MESSAGE(holds(dom.output, part), part);
  const std::string picture = page.substr(0, page.rfind('/')) + "/bad-day.png";
  const auto shot = browse(dir, {"--window-size=1000,2600", "--screenshot=" + picture}, page);
  CHECK(shot.status == 0);
  // PNG packs white paper to a few kilobytes; what is written on it shows in the size.
  CHECK(file_text(picture).size() > 60'000);
}
