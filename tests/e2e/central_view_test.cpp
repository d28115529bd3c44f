// What central knows, kept in the store: after an outage, after a crash, and beside a central that is wrong.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "reconcile/central_facts/central_facts.h"
#include "tests/e2e/store.h"
#include "tests/support/central_process.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;

namespace {

StoreOptions options() {
  StoreOptions options;
  options.central_view = "fetch_every_s = 900\n";
  options.routes = "sale = [\"erp\"]\ncustomer_update = [\"crm\"]\n";
  return options;
}

/// Does not run until it is started.
struct Viewed {
  TempDir dir;
  CentralProcess central{CENTRAL_PROGRAM, dir.path().string()};
  Store store{with_central()};

  StoreOptions with_central() const {
    StoreOptions with = options();
    with.central = fmt::format("http://127.0.0.1:{}", central.port());
    return with;
  }

  std::string value(FactKind kind, const std::string& key) {
    auto facts = CentralFacts::open(store.journal_folder(), CentralFacts::Mode::kReadOnly);
    REQUIRE(facts.has_value());
    auto fact = (*facts)->current(kind, key);
    REQUIRE(fact.has_value());
    return *fact ? (*fact)->value : "-";
  }
  bool becomes(FactKind kind, const std::string& key, const std::string& value_then) {
    return eventually([&] { return value(kind, key) == value_then; }, 20s);
  }
  std::int64_t rows(const char* kind) {
    const auto status = store.status();
    const auto* view = status.find("central_view");
    REQUIRE(view);
    return view->find("kinds")->find(kind)->integer_of("rows");
  }
  void sell(const std::string& id) {
    const auto answer = store.post(simple_sale(id, "A1", R"(,"customer":"42")"));
    REQUIRE(answer);
    REQUIRE(answer->status == 201);
  }
};

std::string prices(int count) {
  std::string facts;
  for (int i = 0; i < count; ++i) {
    facts += fmt::format(R"({}{{"path":"/prices/P{}","value":{{"sku":"P{}","price":"1.{:02}"}}}})",
                         facts.empty() ? "" : ",", i, i, i % 100);
  }
  return "[" + facts + "]";
}

}  // namespace

TEST_CASE("central view: what central changed during an outage is known after it, and since which record") {
  Viewed shop;
  shop.central.facts("erp", R"([{"path":"/prices/A1","value":{"sku":"A1","price":"2.50"}},
      {"path":"/stock/A1?store=0417","value":{"sku":"A1","store":"0417","quantity":"12"}},
      {"path":"/stock/A1?store=0999","value":{"sku":"A1","store":"0999","quantity":"99"}}])");
  shop.central.facts("crm", R"([{"path":"/customers/42","value":{"id":"42","email":"ann@example.com"}}])");
  shop.store.start();
  shop.sell("before");
  CHECK(shop.becomes(FactKind::kPrice, "A1", R"({"sku":"A1","price":"2.50"})"));
  CHECK(shop.becomes(FactKind::kStock, "A1", R"({"sku":"A1","store":"0417","quantity":"12"})"));
  CHECK(shop.becomes(FactKind::kCustomer, "42", R"({"id":"42","email":"ann@example.com"})"));
  CHECK(shop.becomes(FactKind::kRefundPolicy, "", R"({"days":30,"receipt_required":true})"));
  REQUIRE(eventually([&] { return shop.store.status_of("before") == "delivered"; }));

  for (const char* target : {"erp", "crm"}) shop.central.faults(target, R"({"outage":true})");
  shop.sell("during");
  const std::int64_t head = shop.store.head();
  REQUIRE(eventually([&] {
    return shop.store.document("during").find("deliveries")->as_array()->front().integer_of("attempts") > 0;
  }));
  shop.central.facts("erp", R"([{"path":"/prices/A1","value":{"sku":"A1","price":"3.00"}},
      {"path":"/stock/A1?store=0417","value":null}])");
  shop.central.facts("crm", R"([{"path":"/customers/42","value":{"id":"42","email":"lee@example.com"}}])");
  CHECK(shop.value(FactKind::kPrice, "A1") == R"({"sku":"A1","price":"2.50"})");
  for (const char* target : {"erp", "crm"}) shop.central.faults(target, "{}");

  CHECK(shop.becomes(FactKind::kPrice, "A1", R"({"sku":"A1","price":"3.00"})"));
  CHECK(shop.becomes(FactKind::kStock, "A1", ""));
  CHECK(shop.becomes(FactKind::kCustomer, "42", R"({"id":"42","email":"lee@example.com"})"));
  auto facts = *CentralFacts::open(shop.store.journal_folder(), CentralFacts::Mode::kReadOnly);
  const auto price = *facts->current(FactKind::kPrice, "A1");
  REQUIRE(price);
  CHECK(price->source == "erp");
  CHECK(price->known_from.value >= head);
  CHECK((*facts->as_of(FactKind::kPrice, "A1", Sequence{head}))->value == R"({"sku":"A1","price":"2.50"})");
  CHECK(facts->customers_with("LEE@example.com", "", "")->size() == 1);
  CHECK(eventually([&] { return shop.rows("price") == 1 && shop.rows("customer") == 1; }));
  const auto metrics = shop.store.ops("GET", "/metrics");
  REQUIRE(metrics);
  CHECK(metrics->body.find("tillsync_central_view_rows{kind=\"price\"} 1") != std::string::npos);
  CHECK(metrics->body.find("tillsync_central_view_age_seconds{kind=\"price\"}") != std::string::npos);
}

TEST_CASE("central view: a daemon killed in the middle of the feed goes on there") {
  Viewed shop;
  Store& store = shop.store;
  CentralProcess& central = shop.central;
  constexpr int kPrices = 300;
  central.facts("erp", prices(kPrices));
  central.faults("erp", R"({"changes":{"page":5},"delay_ms":20})");
  const auto held = [&] {
    auto facts = CentralFacts::open(store.journal_folder(), CentralFacts::Mode::kReadOnly);
    return facts ? (*facts)->counts()->at(2).rows : 0;
  };
  for (const int enough : {60, 160}) {
    store.start();
    REQUIRE(eventually([&] { return held() >= enough; }, 30s));
    store.kill();
    CHECK(held() < kPrices);
  }
  central.faults("erp", R"({"changes":{"page":5}})");
  store.start();
  REQUIRE(eventually([&] { return held() == kPrices; }, 30s));
  // A page that was on its way when it was killed is asked for again, and the end of the feed is asked for.
  CHECK(central.counters("erp").integer_of("changes") <= kPrices / 5 + 2 + 2);
}

TEST_CASE("central view: a central that is wrong is told of in the status, and believed once it is right") {
  Viewed shop;
  shop.central.facts("erp", prices(12));
  std::string wrong;
  SUBCASE("a page that repeats") {
    wrong = "repeats";
  }
  SUBCASE("a cursor that goes back") {
    wrong = "goes-back";
  }
  SUBCASE("a cursor that stands") {
    wrong = "stands";
  }
  SUBCASE("a cursor that is not its own") {
    wrong = "cursor-unknown";
  }
  shop.central.faults("erp", fmt::format(R"({{"changes":{{"page":5,"wrong":"{}"}}}})", wrong));
  shop.store.start();
  const auto trouble = [&] {
    const auto status = shop.store.status();
    const json::Value* told = status.find("central_view")->find("targets")->find("erp")->find("trouble");
    return std::string(told->text_of("code"));
  };
  CHECK(
      eventually([&] { return trouble() == (wrong == "cursor-unknown" ? "facts-cursor" : "facts-loops"); }));
  shop.central.faults("erp", R"({"changes":{"page":5}})");
  shop.store.stop();
  shop.store.start();
  for (int i = 0; i < 12; ++i)
    CHECK(shop.becomes(FactKind::kPrice, fmt::format("P{}", i),
                       fmt::format(R"({{"sku":"P{}","price":"1.{:02}"}})", i, i)));
  CHECK(eventually([&] { return trouble().empty(); }));
}
