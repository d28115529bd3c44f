// Whole days: posted while central is away, delivered when it comes, and proven.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>

#include "tests/e2e/trading.h"
#include "tests/support/real_data.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

const std::vector<std::string> kTargets{"erp", "crm"};

std::string base_of(const CentralProcess& central) {
  return fmt::format("http://127.0.0.1:{}", central.port());
}

}  // namespace

TEST_CASE("a trading day: posted by eight tills with central down, delivered once each, balanced") {
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Store store({.central = base_of(central)});
  central.kill();
  store.start();

  const auto day = make_trading_day({.seed = 7, .documents = 5'000, .tills = 8, .day = day_of("2026-11-20")});
  const auto expected = expected_of(day);
  REQUIRE(expected.documents == 5'000);
  std::vector<std::unique_ptr<Till>> tills;
  for (const auto& till : day) tills.push_back(std::make_unique<Till>(store, bodies_of(till), 100));
  REQUIRE(post_at_once(tills));
  for (const auto& till : tills) {
    for (const auto& answer : till->answers()) CHECK(answer.status == 201);
  }
  CHECK(store.status().integer_of("backlog") == 5'000);
  CHECK(store.command({"drain", "--timeout", "0"}).status == 1);
  CHECK(store.report("2026-11-20", "2026-11-20").exit_status == 1);  // all of it pending

  central.start();
  CHECK(store.drain(120) == 0);
  for (const auto& target : kTargets) check_ledger(central, target, expected);
  const auto balance = store.report("2026-11-20", "2026-11-20");
  check_balanced(balance, expected, kTargets);

  const auto* journal = balance.report.find("journal");
  CHECK(journal->find("documents")->find("sale")->find("total")->text_of("GBP") == expected.sales.text(2));
  CHECK(journal->find("documents")->find("return")->find("total")->text_of("GBP") ==
        expected.returns.text(2));
  CHECK(journal->find("documents")->as_object()->size() == 7);
  CHECK(journal->find("sequence_gaps")->as_array()->empty());
  const auto& closes = *journal->find("till_closes")->as_array();
  CHECK(closes.size() == 8);
  for (const auto& close : closes) CHECK(close.find("difference")->as_array()->empty());

  // A return never reaches a target before the sale that it names: both are till's documents in order.
  for (const auto& target : kTargets) {
    std::map<std::string, std::int64_t> place;
    const auto effects = central.effects(target);
    for (const auto& effect : *effects.find("effects")->as_array())
      place[std::string(effect.text_of("reference"))] = effect.integer_of("id");
    int returns = 0;
    for (const auto& till : day) {
      for (const auto& document : till) {
        if (document.type != "return") continue;
        ++returns;
        const auto body = parsed(document.body);
        const std::string sale(body.find("original")->text_of("id"));
        CHECK(place.at("0417/" + sale) < place.at("0417/" + document.id));
      }
    }
    CHECK(returns > 100);
  }
  CHECK(store.stop() == 0);
}

TEST_CASE(
    "real data: 18,130 documents over an outage and lost replies, one effect each, to the last decimal") {
  const auto documents = test::real_documents();
  if (!documents) {
    const char* ci = std::getenv("CI");
    REQUIRE_MESSAGE((ci == nullptr || std::string_view(ci) != "true"), "the real data is not here");
    MESSAGE("the real data is not on this machine (TILLSYNC_REAL_DATA); nothing is tried");
    return;
  }
  REQUIRE(documents->size() == 18'130);
  const TempDir dir;
  CentralProcess central(CENTRAL_PROGRAM, dir.path().string());
  Store store({.central = base_of(central)});
  central.kill();
  store.start();

  const auto posting = std::chrono::steady_clock::now();
  constexpr std::size_t kTills = 8;
  std::vector<std::vector<std::string>> parts(kTills), types(kTills);
  for (const auto& document : *documents) {
    const std::string terminal(parsed(document.body).text_of("terminal"));
    const std::size_t till = static_cast<std::size_t>(terminal.back() - '1');
    parts[till].push_back(document.body);
    types[till].push_back(document.type);
  }
  std::vector<std::unique_ptr<Till>> tills;
  for (const auto& part : parts) tills.push_back(std::make_unique<Till>(store, part, 250));
  const auto split = seconds_since(posting);
  REQUIRE(post_at_once(tills));
  const double posted_s = seconds_since(posting) - split;

  Expected expected;
  int refused = 0;
  for (std::size_t i = 0; i < kTills; ++i) {
    for (std::size_t n = 0; n < types[i].size(); ++n) {
      const auto& answer = tills[i]->answers()[n];
      if (types[i][n] == "account_adjustment") {
        CHECK(answer.status == 422);
        const std::string id(parsed(parts[i][n]).text_of("id"));
        CHECK(store.get("/v1/documents/" + id)->status == 404);
        ++refused;
        continue;
      }
      REQUIRE(answer.status == 201);
      expected.add(answer.id, "", {});
    }
  }
  expected.sales = Decimal::parse("7089379.962", 4).value();
  expected.returns = Decimal::parse("553950.73", 4).value();
  CHECK(refused == 3);
  CHECK(expected.documents == 18'127);
  CHECK(store.status().integer_of("backlog") == 18'127);

  central.start();
  for (const auto& target : kTargets) {
    central.faults(target,
                   R"({"reply_lost_after_commit":"5","status_503":"2","retry_after_s":0,"seed":4242})");
  }
  const auto replay = std::chrono::steady_clock::now();
  CHECK(store.drain(240) == 0);
  const double replayed_s = seconds_since(replay);
  for (const auto& target : kTargets) {
    const auto counters = central.counters(target);
    CHECK(counters.integer_of("reply_lost_after_commit") > 500);
    CHECK(counters.integer_of("status_503") > 200);
    check_ledger(central, target, expected);
    central.faults(target, "{}");
  }
  const auto proving = std::chrono::steady_clock::now();
  check_balanced(store.settled_report("2010-12-01", "2011-12-31"), expected, kTargets);
  MESSAGE(
      fmt::format("posted in {:.1f} s ({:.0f} documents/s), replayed to two targets in {:.1f} s ({:.0f} "
                  "documents/s), reported in {:.1f} s",
                  posted_s, 18'130 / posted_s, replayed_s, 18'127 / replayed_s, seconds_since(proving)));
  CHECK(store.command({"journal", "verify"}).status == 0);
}
