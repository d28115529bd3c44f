#include "outbox/planner/planner.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

using namespace tillsync;

namespace {

Document trade(DocumentType type, const std::string& id, const std::vector<std::string>& skus) {
  Document document;
  document.id = id;
  document.type = type;
  Trade content;
  for (const std::string& sku : skus) content.lines.push_back({.sku = sku});
  document.content = std::move(content);
  return document;
}

Document return_of(const std::string& id, OriginalSale original) {
  Document document = trade(DocumentType::kReturn, id, {});
  std::get<Trade>(document.content).original = std::move(original);
  return document;
}

Document count_of(const std::vector<std::string>& skus) {
  Document document;
  document.id = "count-1";
  document.type = DocumentType::kStockCount;
  StockCount content;
  for (const std::string& sku : skus) content.lines.push_back({.sku = sku});
  document.content = std::move(content);
  return document;
}

bool conflict(const Document& a, const Document& b) {
  const auto mine = ordering_keys(a, "0417");
  const auto theirs = ordering_keys(b, "0417");
  return std::any_of(mine.begin(), mine.end(), [&](const OrderingKey& x) {
    return std::any_of(theirs.begin(), theirs.end(), [&](const OrderingKey& y) {
      return x.hash == y.hash && (x.use == KeyUse::kExclusive || y.use == KeyUse::kExclusive);
    });
  });
}

}  // namespace

TEST_CASE("planner: routes are those of the settings, by type, and a type without one goes nowhere") {
  Settings settings;
  settings.routes["sale"] = {{"check", "erp", {}}, {"post", "erp", {"check"}}, {"crm", "crm", {"post"}}};
  const Routes routes = routes_from(settings);
  CHECK(routes.plan(DocumentType::kSale) == settings.routes["sale"]);
  CHECK(routes.plan(DocumentType::kReturn).empty());
}

TEST_CASE("planner: sales never wait for each other, whatever they sell") {
  CHECK_FALSE(conflict(trade(DocumentType::kSale, "a", {"milk", "bag"}),
                       trade(DocumentType::kSale, "b", {"milk", "bag"})));
}

TEST_CASE("planner: a return waits for its sale, and not for another return of it (I4)") {
  const Document sale = trade(DocumentType::kSale, "s-1", {});
  CHECK(conflict(sale, return_of("r-1", {.id = "s-1"})));
  CHECK(conflict(sale, return_of("r-1", {.receipt = "s-1"})));
  CHECK(conflict(sale, return_of("r-1", {.id = "s-1", .store = "0417"})));
  CHECK_FALSE(conflict(sale, return_of("r-1", {.id = "s-1", .store = "0999"})));
  CHECK_FALSE(conflict(sale, return_of("r-1", {.id = "s-2"})));
  CHECK_FALSE(conflict(return_of("r-1", {.id = "s-1"}), return_of("r-2", {.id = "s-1"})));
}

TEST_CASE("planner: a count and every movement of its SKU keep their order; other SKUs are free (I4)") {
  CHECK(conflict(count_of({"milk"}), trade(DocumentType::kSale, "s", {"milk"})));
  CHECK(conflict(count_of({"milk"}), count_of({"bread", "milk"})));
  CHECK_FALSE(conflict(count_of({"milk"}), trade(DocumentType::kSale, "s", {"bread"})));
  Document adjustment;
  adjustment.type = DocumentType::kStockAdjustment;
  adjustment.content = StockAdjustment{{{.sku = "milk"}}, {}};
  Document transfer;
  transfer.type = DocumentType::kStockTransfer;
  transfer.content = StockTransfer{"in", "0001", {{.sku = "milk"}}};
  CHECK(conflict(count_of({"milk"}), adjustment));
  CHECK(conflict(count_of({"milk"}), transfer));
  CHECK_FALSE(conflict(adjustment, transfer));
}

TEST_CASE(
    "planner: one customer's changes keep their order, two customers' do not matter to each other (I4)") {
  const auto update = [](const std::string& customer) {
    Document document;
    document.type = DocumentType::kCustomerUpdate;
    document.customer = customer;
    document.content = CustomerUpdate{"{}", {}};
    return document;
  };
  CHECK(conflict(update("7"), update("7")));
  CHECK_FALSE(conflict(update("7"), update("8")));
}

TEST_CASE("planner: a SKU, a document and a customer of the same name are different things") {
  CHECK_FALSE(conflict(trade(DocumentType::kSale, "milk", {}), count_of({"milk"})));
}

TEST_CASE("planner: a return that names itself uses its key once, exclusively") {
  const auto keys = ordering_keys(return_of("r-1", {.id = "r-1", .receipt = "r-1"}), "0417");
  REQUIRE(keys.size() == 1);
  CHECK(keys[0].use == KeyUse::kExclusive);
}

TEST_CASE("planner: key hashes are FNV-1a 64 of the key's name, the same on every machine") {
  const auto keys = ordering_keys(trade(DocumentType::kSale, "A", {}), "0417");
  REQUIRE(keys.size() == 1);
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : std::string("document:A"))
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  CHECK(keys[0].hash == hash);
}

TEST_CASE("planner: keys are sorted and each is there once") {
  const bool held = rc::check([] {
    std::vector<std::string> skus;
    for (const int n : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 8)))
      skus.push_back(std::to_string(n));
    for (const Document& document : {trade(DocumentType::kReturn, "r", skus), count_of(skus)}) {
      const auto keys = ordering_keys(document, "0417");
      for (std::size_t i = 1; i < keys.size(); ++i) RC_ASSERT(keys[i - 1].hash < keys[i].hash);
    }
  });
  CHECK(held);
}
