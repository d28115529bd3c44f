// A day on which the store and central do not agree, each kind of conflict twenty times by script on top of
// real sales: all found, no false one, decided as the policies say, resolved by a person, and nothing lost.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <set>

#include "platform/sqlite/database.h"
#include "tests/e2e/shop.h"
#include "tests/e2e/trading.h"
#include "tests/support/real_data.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr int kEach = 20;
const std::string kDay = "2010-12-02";
const std::string kLateDay = "2011-02-10";

const char* kPolicies = R"(
[reconcile]
read_back_every_s = 1
[conflicts]
return_unknown_sale = "hold"
return_already_refunded = "reject"
return_over_quantity = "hold"
return_outside_policy = "flag"
return_price_differs = "hold"
customers = "store"
[conflicts.customer_fields]
city = "central"
nickname = "newest"
phone = "ask"
)";
const char* kRoutes = R"(sale = ["erp"]
return = ["erp"]
stock_adjustment = ["erp"]
stock_count = ["erp"]
customer_update = ["crm"]
)";

/// A sale whose first line's article is on it once.
struct Sold {
  std::string id, sku, unit_price;
  std::int64_t quantity = 0;
  std::string body;
};

std::string made_sale(int i) {
  return fmt::format(
      R"({{"id":"M-{0}","type":"sale","terminal":"T1","occurred_at":"{1}T09:00:00Z","lines":[{{"sku":"R{0}","quantity":3,"unit_price":"4.25"}}]}})",
      i, kDay);
}

/// Real ones of one business day where the machine has them, else made ones.
std::vector<Sold> sales(std::size_t wanted) {
  std::vector<std::string> bodies;
  if (const auto documents = test::real_documents()) {
    for (const auto& document : *documents) {
      if (document.type == "sale") bodies.push_back(document.body);
    }
  } else {
    const char* ci = std::getenv("CI");
    REQUIRE_MESSAGE((ci == nullptr || std::string_view(ci) != "true"), "the real data is not here");
    for (int i = 0; i < 400; ++i) bodies.push_back(made_sale(i));
  }
  std::vector<Sold> found;
  std::set<std::string> skus;
  for (const auto& body : bodies) {
    if (found.size() == wanted) break;
    const auto sale = parsed(body);
    const auto& lines = *sale.find("lines")->as_array();
    const auto& line = lines.front();
    const std::string sku(line.text_of("sku"));
    const auto quantity = line.find("quantity")->as_number() != nullptr
                              ? line.integer_of("quantity")
                              : std::atoll(std::string(line.text_of("quantity")).c_str());
    const auto same = [&](const json::Value& other) { return other.text_of("sku") == sku; };
    const bool plain = std::string(sale.text_of("occurred_at")).substr(0, 10) <= kDay && quantity >= 2 &&
                       std::count_if(lines.begin(), lines.end(), same) == 1 &&
                       line.find("discounts") == nullptr && line.find("amount") == nullptr;
    if (!plain || !skus.insert(sku).second) continue;
    found.push_back(
        {std::string(sale.text_of("id")), sku, std::string(line.text_of("unit_price")), quantity, body});
  }
  return found;
}

class Script {
 public:
  Script()
      : shop_({.targets = {"erp", "crm"},
               .routes = kRoutes,
               .central_view = "fetch_every_s = 1\n",
               .more_settings = kPolicies}) {}

  void before_the_outage();
  void outage();
  void reconnect();
  std::vector<json::Value> conflicts(const std::string& kind) const;
  std::map<std::string, int> kinds() const;

  Shop shop_;

 private:
  void post(std::vector<std::string> bodies) {
    Till till(shop_.store, std::move(bodies), 50);
    REQUIRE(till.post_all());
    for (const auto& answer : till.answers()) REQUIRE_MESSAGE(answer.status == 201, answer.id);
  }
  std::string document(const std::string& id, const std::string& type, const std::string& members,
                       const std::string& day = kDay, const std::string& time = "10:00:00") const {
    return fmt::format(R"({{"id":"{}","type":"{}","terminal":"T9","occurred_at":"{}T{}Z",{}}})", id, type,
                       day, time, members);
  }
  std::string line(const std::string& sku, std::int64_t quantity, const std::string& price) const {
    return fmt::format(R"("lines":[{{"sku":"{}","quantity":{},"unit_price":"{}"}}])", sku, quantity, price);
  }
  std::string original(const std::string& id, const std::string& store = "0417") const {
    return fmt::format(R"(,"original":{{"id":"{}","store":"{}"}})", id, store);
  }
  void customers(const std::string& field, const std::string& value, bool clash_too);
  void stock_moves(const std::string& json) {
    const auto done = raw_exchange(shop_.central.port(), "POST", "/control/erp/stock", json);
    REQUIRE((done && done->status == 200));
  }
  void wait_for(const std::string& file, const std::string& query, std::int64_t wanted) const;

  std::vector<Sold> sold_;
};

/// Every conflict of the period, from the report.
std::vector<json::Value> Script::conflicts(const std::string& kind) const {
  std::vector<json::Value> found;
  const auto balance = shop_.store.report("2010-12-01", "2011-03-01");
  for (const auto& conflict : *balance.report.find("conflicts")->as_array()) {
    if (kind.empty() || conflict.text_of("kind") == kind) found.push_back(conflict);
  }
  return found;
}

std::map<std::string, int> Script::kinds() const {
  std::map<std::string, int> counts;
  for (const auto& conflict : conflicts("")) ++counts[std::string(conflict.text_of("kind"))];
  return counts;
}

/// A query's number in one of the files beside the journal is what is wanted, before the patience is up.
void Script::wait_for(const std::string& file, const std::string& query, std::int64_t wanted) const {
  CAPTURE(query);
  REQUIRE(eventually(
      [&] {
        auto database =
            sqlite::Database::open(shop_.store.journal_folder() + "/" + file, sqlite::OpenMode::kReadOnly);
        const auto number =
            database ? database->query_integer(query) : Result<std::optional<std::int64_t>>(std::nullopt);
        return number && *number == wanted;
      },
      std::chrono::seconds(60)));
}

void Script::before_the_outage() {
  auto& central = shop_.central;
  sold_ = sales(100);
  REQUIRE(sold_.size() == 100);
  std::string facts = R"([{"path":"/refund-policy","value":{"days":30,"receipt_required":false}})",
              people = "[";
  std::string stock = "[";
  std::vector<std::string> first;
  for (int i = 0; i < kEach; ++i) {
    facts += fmt::format(
        R"(,{{"path":"/prices/PR{0}","value":{{"sku":"PR{0}","price":"10.00","currency":"GBP"}}}})", i);
    for (const auto* field : {"email", "city", "nickname", "phone", "marketing_consent", "quiet"}) {
      const std::string number = fmt::format("{}{}", field, i);
      people += fmt::format(
          R"({}{{"path":"/customers/{}","value":{{"id":"{}","email":"{}@x.example","city":"Hull","nickname":"old","phone":"0100{:05}","marketing_consent":null}}}})",
          people.size() > 1 ? "," : "", number, number, number, i);
    }
    people += fmt::format(
        R"(,{{"path":"/customers/twin{0}","value":{{"id":"twin{0}","email":"twin{0}@x.example"}}}})", i);
    for (const auto& [sku, level] : {std::pair("MV", 10), std::pair("OS", 2), std::pair("CT", 12)}) {
      stock += fmt::format(
          R"({}{{"sku":"{}{}","store":"0417","id":"GR-{}{}","quantity_delta":"{}","at":"{}T06:00:00Z"}})",
          stock.size() > 1 ? "," : "", sku, i, sku, i, level, kDay);
      first.push_back(document(fmt::format("F-{}{}", sku, i), "sale",
                               line(fmt::format("{}{}", sku, i), 1, "1.00"), kDay, "08:00:00"));
    }
  }
  central.facts("erp", facts + "]");
  central.facts("crm", people + "]");
  stock_moves(stock + "]");
  for (const auto& sale : sold_) first.push_back(sale.body);
  post(first);
  REQUIRE(shop_.store.drain(60) == 0);
  // The store knows central's prices and customers, and its levels with what was sold until now.
  wait_for("facts.db", "SELECT count(*) FROM fact WHERE kind = 3 AND key LIKE 'PR%'", kEach);
  wait_for("facts.db", "SELECT count(*) FROM fact WHERE kind = 1 AND value <> ''", 7 * kEach);
  wait_for("trade.db",
           "SELECT count(*) FROM base WHERE sku NOT IN (SELECT sku FROM moved) AND substr(sku, 1, 2) IN "
           "('MV', 'OS', 'CT')",
           3 * kEach);
  // Another store gives money back for all of what twenty of the sales sold.
  for (int i = 0; i < kEach; ++i) {
    const auto& sale = sold_[static_cast<std::size_t>(i)];
    const auto body = fmt::format(
        R"({{"reference":"0098/E-{0}","step":"erp","store":"0098","sequence":7{0},"document":{1}}})", i,
        document(fmt::format("E-{}", i), "return",
                 line(sale.sku, sale.quantity, sale.unit_price) + original(sale.id) +
                     fmt::format(R"(,"business_day":"{}","currency":"GBP")", kDay)));
    const auto booked =
        raw_exchange(central.port(), "POST", "/erp/documents", body,
                     fmt::format("Content-Type: application/json\r\nIdempotency-Key: 0098/E-{}:erp\r\n", i));
    REQUIRE_MESSAGE((booked && booked->status == 201), (booked ? booked->body : "no answer"));
  }
}

void Script::customers(const std::string& field, const std::string& value, bool clash_too) {
  std::vector<std::string> bodies;
  std::string people = "[";
  for (int i = 0; i < kEach; ++i) {
    const std::string number = fmt::format("{}{}", field, i);
    const bool consent = field == "marketing_consent";
    const std::string quoted = consent ? "true" : fmt::format("\"{}{}\"", value, i);
    const std::string base = consent || field == "quiet" ? "null"
                             : field == "email"          ? fmt::format("\"{}@x.example\"", number)
                             : field == "phone"          ? fmt::format("\"0100{:05}\"", i)
                             : field == "city"           ? "\"Hull\""
                                                         : "\"old\"";
    bodies.push_back(
        document(fmt::format("U-{}", number), "customer_update",
                 fmt::format(R"("customer":"{0}","changes":{{"{1}":{2},"note":"n{3}"}},"base":{{"{1}":{4}}})",
                             number, field, quoted, i, base)));
    people += fmt::format(R"({}{{"path":"/customers/{}","value":{{"id":"{}","{}":{}}}}})", i > 0 ? "," : "",
                          number, number, field, consent ? "false" : fmt::format("\"central{}\"", i));
  }
  post(bodies);
  if (clash_too) shop_.central.facts("crm", people + "]");
}

void Script::outage() {
  auto& central = shop_.central;
  for (const auto* target : {"erp", "crm"}) central.faults(target, R"({"outage":true})");
  std::vector<std::string> bodies;
  std::string prices = "[", stock = "[";
  for (int i = 0; i < kEach; ++i) {
    const auto part = [&](int group) -> const Sold& {
      return sold_[static_cast<std::size_t>(group * kEach + i)];
    };
    const auto back = [&](const char* name, const Sold& sale, std::int64_t quantity, const std::string& price,
                          const std::string& day) {
      bodies.push_back(document(fmt::format("{}-{}", name, i), "return",
                                line(sale.sku, quantity, price) + original(sale.id), day));
    };
    // Sold at the old price after, and before, the new one was in force.
    bodies.push_back(
        document(fmt::format("P-{}", i), "sale", line(fmt::format("PR{}", i), 2, "10.00"), kDay, "10:30:00"));
    bodies.push_back(
        document(fmt::format("Q-{}", i), "sale", line(fmt::format("PR{}", i), 2, "10.00"), kDay, "08:30:00"));
    prices += fmt::format(
        R"({}{{"path":"/prices/PR{}","value":{{"sku":"PR{}","price":"11.50","currency":"GBP","valid_from":"{}T09:30:00Z"}}}})",
        i > 0 ? "," : "", i, i, kDay);
    back("AR", part(0), part(0).quantity, part(0).unit_price, kDay);      // refunded elsewhere
    back("OQ", part(1), part(1).quantity + 1, part(1).unit_price, kDay);  // more than was sold
    back("OP", part(2), 1, part(2).unit_price, kLateDay);                 // too late
    back("PD", part(3), 1, "0.01", kDay);                                 // another price
    back("OK", part(4), 1, part(4).unit_price, kDay);                     // as it should be
    bodies.push_back(document(fmt::format("US-{}", i), "return",
                              line("ZZ", 1, "1.00") + original(fmt::format("NOWHERE-{}", i), "0099")));
    // Levels that both sides moved.
    bodies.push_back(document(fmt::format("MV-{}", i), "sale", line(fmt::format("MV{}", i), 2, "1.00")));
    bodies.push_back(document(fmt::format("OS-{}", i), "sale", line(fmt::format("OS{}", i), 1, "1.00")));
    bodies.push_back(document(fmt::format("CA-{}", i), "sale", line(fmt::format("CT{}", i), 1, "1.00")));
    bodies.push_back(document(fmt::format("CC-{}", i), "stock_count",
                              fmt::format(R"("lines":[{{"sku":"CT{}","counted":"10"}}])", i), kDay,
                              "11:00:00"));
    bodies.push_back(
        document(fmt::format("CB-{}", i), "sale", line(fmt::format("CT{}", i), 1, "1.00"), kDay, "11:30:00"));
    for (const auto& [sku, delta, at] :
         {std::tuple("MV", "5", "10:10"), std::tuple("OS", "-1", "10:10"), std::tuple("CT", "-2", "11:10")}) {
      stock += fmt::format(
          R"({}{{"sku":"{}{}","store":"0417","id":"WEB-{}{}","quantity_delta":"{}","at":"{}T{}:00Z"}})",
          stock.size() > 1 ? "," : "", sku, i, sku, i, delta, kDay, at);
    }
  }
  post(bodies);
  customers("email", "till", true);
  customers("city", "York", true);
  customers("nickname", "new", true);
  customers("phone", "0200", true);
  customers("marketing_consent", "", true);
  customers("quiet", "word", false);
  std::vector<std::string> twins;
  for (int i = 0; i < kEach; ++i) {
    twins.push_back(
        document(fmt::format("D-{}", i), "customer_update",
                 fmt::format(R"("customer":"single{0}","changes":{{"email":"twin{0}@x.example"}})", i)));
  }
  post(twins);
  central.facts("erp", prices + "]");
  stock_moves(stock + "]");
}

void Script::reconnect() {
  for (const auto* target : {"erp", "crm"}) shop_.central.faults(target, "{}");
  // Nothing is on its way any more; what waits for a person is in quarantine.
  REQUIRE(eventually([&] { return shop_.store.status().integer_of("backlog", -1) == 0; },
                     std::chrono::seconds(60)));
}

std::string customer_at(CentralProcess& central, const std::string& number, const std::string& field) {
  const auto answer = raw_exchange(central.port(), "GET", "/crm/customers/" + number, "");
  REQUIRE((answer && answer->status == 200));
  const auto customer = parsed(answer->body);
  const auto* value = customer.find(field);
  if (value == nullptr) return "";
  return value->as_string() != nullptr ? *value->as_string() : json::dump(*value);
}

}  // namespace

TEST_CASE(
    "conflicts: a day with every kind twenty times: all found, none false, decided as the policies say") {
  Script script;
  auto& store = script.shop_.store;
  script.before_the_outage();
  CHECK(script.kinds().empty());
  script.outage();
  script.reconnect();

  const std::map<std::string, int> expected = {
      {"return-unknown-sale", kEach},   {"return-already-refunded", kEach}, {"return-over-quantity", kEach},
      {"return-outside-policy", kEach}, {"return-price-differs", kEach},    {"price-changed", kEach},
      {"stock-moved", kEach},           {"stock-oversold", kEach},          {"stock-count-rebased", kEach},
      {"customer-field", 4 * kEach},    {"customer-consent", kEach},        {"customer-duplicate", kEach}};
  std::map<std::string, int> found;
  CHECK_MESSAGE(eventually([&] { return (found = script.kinds()) == expected; }, std::chrono::seconds(60)),
                store.log().substr(store.log().size() > 3000 ? store.log().size() - 3000 : 0));
  for (const auto& item : expected) {
    const auto& kind = item.first;
    const auto& count = item.second;
    CAPTURE(kind);
    CHECK(found[kind] == count);
  }
  CHECK(found == expected);
  const std::map<std::string, std::string> decisions = {
      {"return-unknown-sale", "open"},   {"return-already-refunded", "rejected"},
      {"return-over-quantity", "open"},  {"return-outside-policy", "flagged"},
      {"return-price-differs", "open"},  {"price-changed", "flagged"},
      {"stock-moved", "flagged"},        {"stock-oversold", "open"},
      {"stock-count-rebased", "rebase"}, {"customer-consent", "central"},
      {"customer-duplicate", "open"}};
  const std::map<std::string, std::string> fields = {
      {"email", "store"}, {"city", "central"}, {"nickname", "central"}, {"phone", "open"}};
  for (const auto& conflict : script.conflicts("")) {
    const std::string kind(conflict.text_of("kind"));
    CAPTURE(json::dump(conflict));
    if (kind == "customer-field") {
      CHECK(conflict.text_of("decision") == fields.at(std::string(conflict.text_of("subject"))));
    } else {
      CHECK(conflict.text_of("decision") == decisions.at(kind));
    }
    CHECK(!conflict.text_of("policy").empty());
  }
  for (const auto& conflict : script.conflicts("price-changed"))
    CHECK(conflict.find("store")->text_of("variance") == "-3.00");
  for (const auto& conflict : script.conflicts("stock-moved"))
    CHECK(conflict.find("store")->text_of("level") == "12");
  for (const auto& conflict : script.conflicts("stock-oversold"))
    CHECK(conflict.find("store")->text_of("level") == "-1");
  for (const auto& conflict : script.conflicts("stock-count-rebased"))
    CHECK(conflict.find("store")->text_of("level") == "7");

  // What policies decided is what central has.
  auto& central = script.shop_.central;
  for (int i = 0; i < kEach; ++i) {
    CHECK(customer_at(central, fmt::format("email{}", i), "email") == fmt::format("till{}", i));
    CHECK(customer_at(central, fmt::format("city{}", i), "city") == fmt::format("central{}", i));
    CHECK(customer_at(central, fmt::format("nickname{}", i), "nickname") == fmt::format("central{}", i));
    CHECK(customer_at(central, fmt::format("phone{}", i), "phone") == fmt::format("central{}", i));
    CHECK(customer_at(central, fmt::format("marketing_consent{}", i), "marketing_consent") == "false");
    CHECK(customer_at(central, fmt::format("quiet{}", i), "quiet") == fmt::format("word{}", i));
    // Fields beside the clash are delivered all the same, once nobody is asked.
    CHECK(customer_at(central, fmt::format("city{}", i), "note") == fmt::format("n{}", i));
    CHECK(customer_at(central, fmt::format("phone{}", i), "note").empty());
    CHECK(store.status_of(fmt::format("AR-{}", i)) == "quarantined");
    CHECK(store.status_of(fmt::format("OQ-{}", i)) == "quarantined");
    CHECK(store.status_of(fmt::format("OP-{}", i)) == "delivered");
    CHECK(store.status_of(fmt::format("OK-{}", i)) == "delivered");
  }

  // A person decides, in bulk by kind; what waited is sent under its own identity, or given up.
  const auto resolve = [&](const std::string& kind, const std::string& choice) {
    const auto run = store.command({"conflicts", "resolve", "--kind", kind, "--choice", choice, "--reason",
                                    "as the script says", "--by", "Ann"});
    CHECK_MESSAGE(run.status == 0, run.errors);
  };
  resolve("return-over-quantity", "approve");
  resolve("return-price-differs", "approve");
  resolve("return-unknown-sale", "reject");
  resolve("customer-field", "store");
  resolve("customer-duplicate", "separate");
  const auto retried = store.command({"quarantine", "retry", "--matching", "rejected by policy", "--reason",
                                      "the other store made a mistake", "--by", "Ann"});
  CHECK_MESSAGE(retried.status == 0, retried.errors);
  CHECK(store.drain(60) == 0);
  for (int i = 0; i < kEach; ++i) {
    for (const auto* sent : {"OQ", "PD", "AR"})
      CHECK(store.status_of(fmt::format("{}-{}", sent, i)) == "delivered");
    CHECK(store.status_of(fmt::format("US-{}", i)) == "discarded");
    CHECK(customer_at(central, fmt::format("phone{}", i), "phone") == fmt::format("0200{}", i));
    CHECK(customer_at(central, fmt::format("phone{}", i), "note") == fmt::format("n{}", i));
  }
  CHECK(central.ledger("erp").find("doubles")->as_array()->empty());
  CHECK(central.ledger("crm").find("doubles")->as_array()->empty());
  const auto story = store.command({"explain", "OQ-0"}).output;
  CHECK(story.find("return-over-quantity") != std::string::npos);
  CHECK(story.find("Ann") != std::string::npos);
  const auto twice = store.command(
      {"conflicts", "resolve", std::string(script.conflicts("return-over-quantity").front().text_of("id")),
       "--choice", "reject", "--reason", "too late", "--by", "Bob"});
  CHECK(twice.status == 1);
  CHECK(twice.errors.find("decided already") != std::string::npos);

  // The same document at central with other content, and documents that the store never wrote.
  std::string lies;
  for (int i = 0; i < kEach; ++i) lies += fmt::format(R"({}"Q-{}":"21.00")", i > 0 ? "," : "", i);
  central.faults("erp", fmt::format(R"({{"read_back_lie":{{"total":{{{}}}}}}})", lies));
  for (int i = 0; i < kEach; ++i) {
    const auto body = fmt::format(
        R"({{"reference":"0417/GHOST-{0}","step":"erp","store":"0417","sequence":9{0},"document":{{"id":"GHOST-{0}","type":"sale","terminal":"T1","occurred_at":"{1}T12:00:00Z","business_day":"{1}","currency":"GBP","lines":[{{"sku":"A","quantity":"1","unit_price":"1.00"}}]}}}})",
        i, kDay);
    const auto booked =
        raw_exchange(central.port(), "POST", "/erp/documents", body,
                     fmt::format("Content-Type: application/json\r\nIdempotency-Key: GHOST-{}\r\n", i));
    REQUIRE_MESSAGE((booked && booked->status == 201), (booked ? booked->body : "no answer"));
  }
  CHECK(store.post(simple_sale("LAST", "A1", fmt::format(R"(,"business_day":"{}")", kDay)))->status == 201);
  CHECK_MESSAGE(eventually(
                    [&] {
                      found = script.kinds();
                      return found["identity-content"] == kEach && found["identity-foreign"] == kEach;
                    },
                    std::chrono::seconds(60)),
                found["identity-content"], " ", found["identity-foreign"]);
  const auto balance = store.report(kDay, kDay);
  CHECK(balance.exit_status == 1);
  const auto* erp = balance.report.find("targets")->find("erp");
  CHECK(erp->find("unexpected")->as_array()->size() == kEach);
  CHECK(erp->find("different")->as_array()->size() == kEach);
  CHECK(store.stop() == 0);
  CHECK(store.command({"journal", "verify"}).status == 0);
}
