// What central refuses for good: it stands alone in quarantine until a person decides, and holds up only what
// depends on it.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

#include "tests/e2e/shop.h"
#include "tests/e2e/trading.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr const char* kDay = "2026-11-20";

/// The effects' own documents, as central holds them.
json::Value at_central(Shop& shop, const std::string& target, const std::string& id) {
  const auto answer = raw_exchange(shop.central.port(), "GET",
                                   "/" + target + "/documents?reference=0417%2F" + id + "&step=" + target);
  REQUIRE(answer);
  const auto rows = parsed(answer->body);
  REQUIRE(rows.find("documents")->as_array()->size() == 1);
  return *rows.find("documents")->as_array()->front().find("document");
}

/// The decisions and refusals in a document's story.
std::vector<json::Value> story_of(Store& store, const std::string& id) {
  const auto run = store.command({"explain", id, "--json"});
  REQUIRE(run.status == 0);
  return *parsed(run.output).find("events")->as_array();
}

const json::Value* find_event(const std::vector<json::Value>& story, std::string_view member,
                              std::string_view value) {
  for (const auto& event : story) {
    if (event.text_of(member) == value) return &event;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("poison: one sale among 10,000 holds up what depends on it and nothing else, until it is retried") {
  Shop shop;
  Store& store = shop.store;
  shop.central.faults("erp", R"({"poison":["POISON-SALE"]})");
  auto day = make_trading_day({.seed = 11, .documents = 9'996, .tills = 8, .day = day_of(kDay)});
  const DayDocument own[] = {
      {"POISON-SALE", "sale", Decimal::parse("2.50", 2).value(), simple_sale("POISON-SALE", "ONLY-HERE")},
      {"ITS-RETURN", "return", Decimal::parse("1.25", 2).value(),
       R"({"id":"ITS-RETURN","type":"return","terminal":"T1","occurred_at":"2026-11-20T11:00:00Z",)"
       R"("lines":[{"sku":"OTHER","quantity":"1","unit_price":"1.25"}],"original":{"id":"POISON-SALE"}})"},
      {"ITS-COUNT",
       "stock_count",
       {},
       R"({"id":"ITS-COUNT","type":"stock_count","terminal":"T1","occurred_at":"2026-11-20T12:00:00Z",)"
       R"("lines":[{"sku":"ONLY-HERE","counted":"3"}]})"},
      {"BEHIND-COUNT",
       "stock_adjustment",
       {},
       R"({"id":"BEHIND-COUNT","type":"stock_adjustment","terminal":"T1","occurred_at":"2026-11-20T13:00:00Z",)"
       R"("lines":[{"sku":"ONLY-HERE","quantity_delta":"-1"}]})"},
  };
  day[0].insert(day[0].begin() + 100, std::begin(own), std::end(own));
  const auto expected = expected_of(day);
  REQUIRE(expected.documents == 10'000);
  std::vector<std::unique_ptr<Till>> tills;
  for (const auto& till : day) tills.push_back(std::make_unique<Till>(store, bodies_of(till), 200));
  REQUIRE(post_at_once(tills));

  const auto begun = std::chrono::steady_clock::now();
  const auto drained = store.command({"drain", "--timeout", "200"});
  CHECK(drained.status == 1);
  CHECK(drained.errors.find("quarantine") != std::string::npos);
  CHECK(seconds_since(begun) < 150);  // it does not sit the time out
  const auto status = store.status();
  CHECK(status.integer_of("quarantined") == 1);
  CHECK(status.integer_of("blocked") == 3);
  CHECK(status.integer_of("backlog") == 3);  // the quarantined one is counted apart
  CHECK(status.find("documents")->integer_of("delivered") == 9'996);
  CHECK(shop.central.ledger("erp").integer_of("effects") == 9'996);
  CHECK(shop.central.ledger("crm").integer_of("effects") ==
        10'000);  // one target's refusal is not the other's
  CHECK(store.status_of("POISON-SALE") == "quarantined");
  for (const char* id : {"ITS-RETURN", "ITS-COUNT", "BEHIND-COUNT"})
    CHECK(store.status_of(id) == "journaled");

  const auto balance = store.report(kDay, kDay);
  CHECK(balance.exit_status == 1);
  const auto* erp = balance.report.find("targets")->find("erp");
  CHECK(erp->find("quarantined")->as_array()->size() == 1);
  CHECK(erp->find("pending")->as_array()->size() == 3);
  CHECK(erp->find("missing")->as_array()->empty());

  const auto entry = shop.quarantined();
  CHECK(entry.text_of("document") == "POISON-SALE");
  CHECK(entry.text_of("target") == "erp");
  CHECK(entry.find("answer")->integer_of("status") == 422);
  CHECK(entry.find("answer")->text_of("body").find("names a SKU that central does not know") !=
        std::string_view::npos);
  const std::string delivery(entry.text_of("delivery"));

  // Retried while the cause is still there: back it comes, with one attempt more.
  CHECK(store.command({"quarantine", "retry", delivery, "--reason", "too early", "--by", "Ann"}).status == 0);
  CHECK(eventually([&] {
    const auto list = parsed(store.command({"quarantine", "list", "--json"}).output);
    const auto& entries = *list.find("quarantine")->as_array();
    return entries.size() == 1 && entries.front().integer_of("attempts") == 2;
  }));
  shop.central.faults("erp", "{}");
  CHECK(store.command({"quarantine", "retry", delivery, "--reason", "SKU was added", "--by", "Ann"}).status ==
        0);
  CHECK(store.drain(60) == 0);
  for (const char* target : {"erp", "crm"}) check_ledger(shop.central, target, expected);
  check_balanced(store.settled_report(kDay, kDay), expected, {"erp", "crm"});
  CHECK(store.command({"quarantine", "retry", delivery, "--reason", "again", "--by", "Ann"}).status == 1);
}

TEST_CASE("poison: discarded with a reason, the document stays in the journal and the report balances") {
  Shop shop;
  Store& store = shop.store;
  shop.central.faults("erp", R"({"poison":["BAD"]})");
  CHECK(store.post(simple_sale("BAD"))->status == 201);
  CHECK(store.post(simple_sale("GOOD"))->status == 201);
  CHECK(shop.settles("BAD", "quarantined"));
  const std::string delivery(shop.quarantined().text_of("delivery"));
  CHECK(store.command({"quarantine", "discard", delivery, "--reason", "", "--by", "Ann"}).status == 2);
  CHECK(store.command({"quarantine", "discard", "999:erp", "--reason", "none", "--by", "Ann"}).status == 1);
  CHECK(store.command({"quarantine", "discard", delivery, "--reason", "booked by hand", "--by", "Ann"})
            .status == 0);
  CHECK(store.drain(20) == 0);
  CHECK(store.status_of("BAD") == "discarded");
  CHECK(store.status_of("GOOD") == "delivered");
  CHECK(shop.central.ledger("erp").integer_of("effects") == 1);
  const auto balance = store.settled_report(kDay, kDay, std::chrono::seconds(20));
  CHECK(balance.exit_status == 0);
  const auto story = story_of(store, "BAD");
  const auto* decision = find_event(story, "decision", "discard");
  REQUIRE(decision != nullptr);
  CHECK(decision->text_of("by") == "Ann");
  CHECK(decision->text_of("reason") == "booked by hand");
}

TEST_CASE("poison: amended, central gets the amended content, and the journal keeps both and who did it") {
  Shop shop;
  Store& store = shop.store;
  shop.central.faults("erp", R"({"poison_skus":["WRONG"]})");
  CHECK(store.post(simple_sale("S-1", "WRONG"))->status == 201);
  CHECK(shop.settles("S-1", "quarantined"));
  const std::string delivery(shop.quarantined().text_of("delivery"));
  const auto amend = [&](const std::string& body) {
    std::ofstream(store.file("fixed.json")) << body;
    return store.command({"quarantine", "amend", delivery, "--document", store.file("fixed.json"), "--reason",
                          "wrong SKU", "--by", "Ann"});
  };
  CHECK(amend(simple_sale("S-2", "RIGHT")).status == 1);  // another document is no amendment
  CHECK(amend(R"({"id":"S-1"})").status == 1);
  CHECK(store.status_of("S-1") == "quarantined");
  const auto amended = amend(simple_sale("S-1", "RIGHT"));
  CHECK_MESSAGE(amended.status == 0, amended.errors);
  CHECK(store.drain(20) == 0);
  CHECK(store.status_of("S-1") == "delivered");

  const auto sku_at = [&](const char* target) {
    const auto document = at_central(shop, target, "S-1");
    return std::string(document.find("lines")->as_array()->front().text_of("sku"));
  };
  CHECK(sku_at("erp") == "RIGHT");
  CHECK(sku_at("crm") == "WRONG");  // it was delivered there before, and nobody amended that
  const auto balance = store.settled_report(kDay, kDay, std::chrono::seconds(20));
  CHECK_MESSAGE(balance.exit_status == 0, json::dump(balance.report));

  const auto story = story_of(store, "S-1");
  const auto* received = find_event(story, "event", "journaled");
  const auto* decision = find_event(story, "decision", "amend");
  REQUIRE((received != nullptr && decision != nullptr));
  const auto sku_of = [](const json::Value* document) {
    return std::string(document->find("lines")->as_array()->front().text_of("sku"));
  };
  CHECK(sku_of(received->find("document")) == "WRONG");
  CHECK(sku_of(decision->find("amended")) == "RIGHT");
  CHECK(decision->text_of("by") == "Ann");
  // The till that posts the original again still gets its own answer.
  CHECK(store.post(simple_sale("S-1", "WRONG"))->status == 200);
  CHECK(store.post(simple_sale("S-1", "RIGHT"))->status == 422);
}

TEST_CASE("explain: received, every attempt with the target's words, each decision and the end of it") {
  Shop shop;
  Store& store = shop.store;
  shop.central.faults("erp", R"({"poison":["X-1"]})");
  const auto answer = store.post(
      simple_sale("X-1"), std::string(kJson) + "X-Correlation-ID: basket-9\r\nIdempotency-Key: k-1\r\n");
  REQUIRE(answer->status == 201);
  CHECK(shop.settles("X-1", "quarantined"));
  shop.central.faults("erp", R"({"outage":"refuse503","retry_after_s":0})");
  const std::string delivery(shop.quarantined().text_of("delivery"));
  CHECK(
      store.command({"quarantine", "retry", delivery, "--reason", "master data sent", "--by", "Bo"}).status ==
      0);
  // It is looked up before it is sent again; that look-up failed, and is part of the story.
  CHECK(eventually([&] { return find_event(story_of(store, "X-1"), "event", "look_up") != nullptr; }));
  shop.central.faults("erp", "{}");
  CHECK(store.drain(20) == 0);

  const auto story = story_of(store, "X-1");
  const auto* received = find_event(story, "event", "journaled");
  REQUIRE(received != nullptr);
  CHECK(received == &story.front());
  CHECK(received->text_of("correlation_id") == "basket-9");
  CHECK(received->text_of("idempotency_key") == "k-1");
  const auto* rejected = find_event(story, "outcome", "rejected");
  REQUIRE(rejected != nullptr);
  CHECK(rejected->text_of("target") == "erp");
  CHECK(rejected->integer_of("http_status") == 422);
  CHECK(rejected->text_of("answer").find("X-1 names a SKU") != std::string_view::npos);
  const auto* decision = find_event(story, "decision", "retry");
  REQUIRE(decision != nullptr);
  CHECK(decision->text_of("by") == "Bo");
  CHECK(decision->text_of("reason") == "master data sent");
  CHECK(decision->integer_of("sequence") > rejected->integer_of("sequence"));
  int delivered = 0;
  for (const auto& event : story) {
    if (event.text_of("outcome") != "delivered") continue;
    ++delivered;
    CHECK(!event.text_of("central_reference").empty());
  }
  CHECK(delivered == 2);

  CHECK(store.command({"explain", "NOBODY"}).status == 1);
  CHECK(store.stop() == 0);
  const auto told = store.command({"explain", "X-1"});  // the daemon is not needed for it
  CHECK(told.status == 0);
  for (const char* part : {"journaled", "rejected", "retry", "Bo", "master data sent", "delivered"})
    CHECK(told.output.find(part) != std::string::npos);
}
