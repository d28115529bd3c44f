// Conflicts beside the day of conflicts_day_test.cpp: policies that hold nothing up, a daemon that is killed,
// and the mistakes of a tired person.
#include <set>
#include <thread>

#include "tests/e2e/shop.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

const std::string kDay = "2026-11-20";

std::string document(const std::string& id, const std::string& type, const std::string& members) {
  return fmt::format(R"({{"id":"{}","type":"{}","terminal":"T1","occurred_at":"{}T10:00:00Z",{}}})", id, type,
                     kDay, members);
}

std::string line(const std::string& price, int quantity = 1) {
  return fmt::format(R"("lines":[{{"sku":"A1","quantity":{},"unit_price":"{}"}}])", quantity, price);
}

std::vector<json::Value> conflicts(const Store& store) {
  const auto list = parsed(store.command({"conflicts", "list", "--day", kDay, "--json"}).output);
  return *list.find("conflicts")->as_array();
}

std::string update(int i, const std::string& base) {
  return document(
      fmt::format("U{}", i), "customer_update",
      fmt::format(R"("customer":"C{}","changes":{{"city":"York"}},"base":{{"city":"{}"}})", i, base));
}

}  // namespace

TEST_CASE("conflicts: by default a return is sent as it is, and what is wrong with it is told") {
  Shop shop({.central_view = "fetch_every_s = 1\n"});
  auto& store = shop.store;
  CHECK(store.post(document("S1", "sale", line("5.00", 2)))->status == 201);
  CHECK(store.post(document("R1", "return", line("5.00", 3) + R"(,"original":{"id":"S1"})"))->status == 201);
  CHECK(store.post(document("R2", "return", line("5.00") + R"(,"original":{"id":"S9","store":"0099"})"))
            ->status == 201);
  CHECK(shop.settles("R1", "delivered"));
  CHECK(shop.settles("R2", "delivered"));
  std::set<std::string> kinds;
  CHECK(eventually(
      [&] {
        kinds.clear();
        for (const auto& conflict : conflicts(store)) {
          CHECK(conflict.text_of("decision") == "flagged");
          kinds.emplace(conflict.text_of("kind"));
        }
        return kinds == std::set<std::string>{"return-over-quantity", "return-unknown-sale"};
      },
      std::chrono::seconds(20)));
  CHECK(store.command({"conflicts", "list"}).output == "no conflict waits for a person\n");
}

TEST_CASE(
    "conflicts: killed again and again while updates wait for their review, each is told once and sent "
    "once") {
  Shop shop({.more_settings = "[conflicts]\ncustomers = \"central\"\n"});
  auto& [dir, central, store] = shop;
  constexpr int kUpdates = 60;
  std::string people = "[";
  for (int i = 0; i < kUpdates; ++i) {
    people += fmt::format(R"({}{{"path":"/customers/C{}","value":{{"id":"C{}","city":"{}"}}}})",
                          i > 0 ? "," : "", i, i, i % 2 == 0 ? "Leeds" : "Hull");
  }
  for (const auto* target : {"erp", "crm"}) {
    central.facts(target, people + "]");
    central.faults(target, R"({"delay_ms":30,"reply_lost_after_commit":20})");
  }
  std::vector<std::string> bodies;
  for (int i = 0; i < kUpdates; ++i) bodies.push_back(update(i, "Hull"));
  Till till(store, bodies, 20);
  REQUIRE(till.post_all());
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60 + 40 * round));  // somewhere in the middle of it
    store.kill();
    store.start();
  }
  for (const auto* target : {"erp", "crm"}) central.faults(target, "{}");
  REQUIRE(store.drain(60) == 0);
  // Of each customer that central had changed its word stands, at both targets; the update had nothing else.
  CHECK(conflicts(store).size() == kUpdates / 2);
  for (int i = 0; i < kUpdates; ++i)
    CHECK(store.status_of(fmt::format("U{}", i)) == (i % 2 == 0 ? "discarded" : "delivered"));
  for (const auto* target : {"erp", "crm"}) {
    CHECK(central.ledger(target).integer_of("effects") == kUpdates / 2);
    CHECK(central.ledger(target).find("doubles")->as_array()->empty());
  }
  CHECK(store.stop() == 0);
  CHECK(store.command({"journal", "verify"}).status == 0);
}

TEST_CASE(
    "conflicts: a store's own earlier change is no clash with its next, though the till gives no base") {
  Shop shop({.targets = {"crm"}, .more_settings = "[conflicts]\ncustomers = \"central\"\n"});
  auto& [dir, central, store] = shop;
  const auto agree = [&](int i, const char* word) {
    return store
        .post(document(fmt::format("U{}", i), "customer_update",
                       fmt::format(R"("customer":"C1","changes":{{"do_not_contact":{}}})", word)))
        ->status;
  };
  for (int i = 0; i < 6; ++i) {
    CHECK(agree(i, i % 2 == 0 ? "true" : "false") == 201);
    CHECK(shop.settles(fmt::format("U{}", i), "delivered"));
  }
  CHECK(conflicts(store).empty());
  // And central's own word in between is one.
  central.facts("crm", R"([{"path":"/customers/C1","value":{"id":"C1","do_not_contact":true}}])");
  CHECK(agree(6, "null") == 201);
  CHECK(shop.settles("U6", "discarded"));
  CHECK(conflicts(store).size() == 1);
}

TEST_CASE("conflicts: while central is away updates wait as one, not each with attempts of its own") {
  Shop shop({.targets = {"crm"}, .more_settings = "[conflicts]\ncustomers = \"central\"\n"});
  auto& [dir, central, store] = shop;
  central.kill();
  constexpr int kUpdates = 300;
  std::vector<std::string> bodies;
  for (int i = 0; i < kUpdates; ++i) bodies.push_back(update(i, "Hull"));
  Till till(store, bodies, 50);
  REQUIRE(till.post_all());
  const auto posted = store.head();
  CHECK(eventually([&] {
    const auto status = store.status();
    return status.find("targets")->find("crm")->text_of("state") == "down";
  }));
  std::this_thread::sleep_for(std::chrono::seconds(2));  // of an outage
  CHECK(store.head() - posted < kUpdates / 2);
  central.start();
  CHECK(store.drain(60) == 0);
}

TEST_CASE("conflicts: what a tired person types is told with the cure, and changes nothing") {
  Shop shop({.more_settings = "[conflicts]\ncustomers = \"ask\"\n"});
  auto& [dir, central, store] = shop;
  for (const auto* target : {"erp", "crm"})
    central.facts(target, R"([{"path":"/customers/C1","value":{"id":"C1","city":"Leeds"}}])");
  CHECK(store.post(update(1, "Hull"))->status == 201);
  CHECK(shop.settles("U1", "quarantined"));
  const auto open = parsed(store.command({"conflicts", "list", "--json"}).output);
  REQUIRE(open.find("conflicts")->as_array()->size() == 1);
  const std::string id(open.find("conflicts")->as_array()->front().text_of("id"));
  const auto list = store.command({"quarantine", "list", "--json"}).output;
  CHECK(list.find("tillsync conflicts list") != std::string::npos);
  const auto told = [&](std::vector<std::string> arguments, int status, const std::string& word) {
    const auto run = store.command(std::move(arguments));
    CAPTURE(run.errors);
    CHECK(run.status == status);
    CHECK(run.errors.find(word) != std::string::npos);
  };
  told({"conflicts", "resolve", id, "--choice", "both", "--reason", "r"}, 1, "store, central");
  told({"conflicts", "resolve", "999999", "--choice", "store", "--reason", "r"}, 1, "no conflict");
  told({"conflicts", "resolve", "x", "--choice", "store", "--reason", "r"}, 1, "no conflict");
  told({"conflicts", "resolve", "--choice", "store", "--reason", "r"}, 2, "tillsync conflicts list");
  told({"conflicts", "resolve", id, "--choice", "store", "--reason", ""}, 2, "--reason is empty");
  told({"conflicts", "list", "--day", "yesterday"}, 2, "YYYY-MM-DD");
  told({"quarantine", "retry", "--reason", "r"}, 2, "--matching");
  told({"quarantine", "show", "1:none"}, 1, "not quarantined");
  CHECK(shop.store.status_of("U1") == "quarantined");
  const auto shown = store.command({"conflicts", "show", id});
  CHECK(shown.status == 0);
  CHECK(shown.output.find("Leeds") != std::string::npos);
  // Retried without a choice it waits again, and nothing was sent.
  CHECK(store.command({"quarantine", "retry", "--all", "--reason", "r", "--by", "Ann"}).status == 0);
  CHECK(shop.settles("U1", "quarantined"));
  CHECK(central.ledger("crm").integer_of("effects") == 0);
  CHECK(store.command({"conflicts", "resolve", id, "--choice", "store", "--reason", "asked", "--by", "Ann"})
            .status == 0);
  CHECK(shop.settles("U1", "delivered"));
}
