#include "reconcile/central_facts/facts_sync.h"

#include "tests/unit/reconcile/central_facts/facts_world.h"

namespace tillsync {
namespace {

using namespace testing;
using Kind = FactKind;

std::string code_of(const FactsRound& round) {
  return round.broken ? round.broken->code : "";
}

TEST_CASE_FIXTURE(FactsWorld,
                  "sync: the feed is followed to where it stands still, wanted or not, with values") {
  for (const char* sku : {"A", "B", "C", "D", "E", "F", "G"})
    central.set(Kind::kPrice, sku, R"("price":"1")");
  central.set(Kind::kCustomer, "7", R"("email":"a@b.example")");
  central.set(Kind::kPrice, "B", R"("price":"2")");
  central.remove(Kind::kPrice, "C");
  const FactsRound first = round();
  CHECK(first.caught_up);
  CHECK_FALSE(first.broken);
  CHECK(value(Kind::kPrice, "A") == R"({"sku":"A","price":"1"})");
  CHECK(value(Kind::kPrice, "B") == R"({"sku":"B","price":"2"})");
  CHECK(value(Kind::kPrice, "C").empty());
  CHECK(value(Kind::kCustomer, "7") == R"({"id":"7","email":"a@b.example"})");
  CHECK((*facts->feed("erp")).caught_up_from == Sequence{10});
  // Nothing new: one question for the feed, one for the policy that no feed names.
  CHECK(round().requests == 2);
  central.set(Kind::kPrice, "G", R"("price":"9")");
  head = Sequence{20};
  const FactsRound news = round();
  CHECK(news.changed == 1);
  CHECK((*facts->current(Kind::kPrice, "G"))->known_from == Sequence{20});
}

TEST_CASE_FIXTURE(FactsWorld,
                  "sync: rows without a value are fetched where the store wants them or has them") {
  central.gives_values = false;
  for (const char* sku : {"A", "B", "C"}) central.set(Kind::kPrice, sku, R"("price":"1")");
  want(WantedKind::kSku, "A");
  round();
  CHECK(value(Kind::kPrice, "A") == R"({"sku":"A","price":"1"})");
  CHECK(value(Kind::kPrice, "B") == "-");
  central.set(Kind::kPrice, "A", R"("price":"2")");
  central.set(Kind::kPrice, "B", R"("price":"2")");
  round();
  CHECK(value(Kind::kPrice, "A") == R"({"sku":"A","price":"2"})");
  CHECK(value(Kind::kPrice, "B") == "-");
  want(WantedKind::kSku, "B");
  round();
  CHECK(value(Kind::kPrice, "B") == R"({"sku":"B","price":"2"})");
}

TEST_CASE_FIXTURE(FactsWorld, "sync: without a feed what is wanted is asked for in turn, by its entity tag") {
  central.serves_changes = false;
  limits.turn_max = 3;
  for (const char* sku : {"A", "B", "C", "D"}) {
    central.set(Kind::kStock, sku, R"("quantity":"1")");
    want(WantedKind::kSku, sku);
  }
  kinds = {Kind::kStock};
  CHECK(round().changed == 4);
  for (const char* sku : {"A", "B", "C", "D"}) central.set(Kind::kStock, sku, R"("quantity":"2")");
  CHECK(round().changed == 3);
  const FactsRound second = round();
  CHECK(second.changed == 1);
  CHECK(second.confirmed == 2);
  for (const char* sku : {"A", "B", "C", "D"})
    CHECK(value(Kind::kStock, sku).find("\"2\"") != std::string::npos);
  // News are what changed and what came to be wanted: without a feed, the latter alone.
  central.set(Kind::kStock, "E", R"("quantity":"5")");
  want(WantedKind::kSku, "E");
  central.fetched.clear();
  CHECK(round(FactsSync::Depth::kNews).changed == 1);
  CHECK(central.fetched == std::vector<FactsCentral::Key>{{Kind::kStock, "E"}});
}

TEST_CASE_FIXTURE(FactsWorld, "sync: stock that a feed never names is asked for in turn beside it") {
  central.set(Kind::kPrice, "A", R"("price":"1")");
  central.set(Kind::kStock, "A", R"("quantity":"1")");
  central.log.pop_back();
  want(WantedKind::kSku, "A");
  round();
  central.set(Kind::kStock, "A", R"("quantity":"2")");
  central.log.pop_back();
  round();
  CHECK(value(Kind::kStock, "A") == R"({"sku":"A","quantity":"2"})");
}

TEST_CASE_FIXTURE(FactsWorld,
                  "sync: a target that serves nothing costs one question a round, and none for news") {
  central.serves_changes = central.serves_rows = false;
  want(WantedKind::kSku, "A");
  want(WantedKind::kSku, "B");
  want(WantedKind::kCustomer, "7");
  CHECK(round().requests == 5);  // the feed, and one row of each kind
  for (int i = 0; i < 10; ++i) {
    const FactsRound one = round();
    CHECK(one.requests == 1);
    CHECK(one.nothing_served());
    CHECK_FALSE(one.broken);
  }
  CHECK(round(FactsSync::Depth::kNews).requests == 0);
  CHECK(value(Kind::kPrice, "A") == "-");
  // The day it serves rows is noticed, and all is as if it always had.
  central.serves_rows = true;
  for (const char* sku : {"A", "B"}) central.set(Kind::kPrice, sku, R"("price":"1")");
  for (int i = 0; i < 10; ++i) round();
  CHECK(value(Kind::kPrice, "A") == R"({"sku":"A","price":"1"})");
  CHECK(value(Kind::kPrice, "B") == R"({"sku":"B","price":"1"})");
  CHECK(value(Kind::kCustomer, "7") == "-");
}

TEST_CASE_FIXTURE(FactsWorld, "sync: where it broke off, at any page or row, the next round goes on") {
  for (int i = 0; i < 12; ++i) {
    const std::string sku = "S" + std::to_string(i);
    central.set(Kind::kPrice, sku, R"("price":"1")");
    if (i % 2 == 0) want(WantedKind::kSku, sku);
  }
  std::size_t answers = 0;
  central.lie_in_feed = [&](const std::string&) -> std::optional<Result<ChangesPage>> {
    if (answers++ % 2 == 0) return std::nullopt;
    return Result<ChangesPage>(unreachable());
  };
  for (int i = 0; i < 12; ++i) {
    round();
    restart();
  }
  CHECK_FALSE(round().broken);
  for (int i = 0; i < 12; ++i) CHECK(value(Kind::kPrice, "S" + std::to_string(i)).size() > 2);
  // All that was asked for, asked for once: pages are not read again.
  CHECK(answers <= 4 + 4 + 20);
}

TEST_CASE_FIXTURE(FactsWorld,
                  "sync: a cursor that comes again, stands with rows or was never given ends the round") {
  for (const char* sku : {"A", "B", "C", "D", "E", "F", "G"})
    central.set(Kind::kPrice, sku, R"("price":"1")");
  std::string expected = "facts-loops";
  SUBCASE("goes back") {
    central.lie_in_feed = [&](const std::string& cursor) -> std::optional<Result<ChangesPage>> {
      auto page = central.honest_changes(cursor);
      if (cursor == "6") page->cursor = "3";
      return page;
    };
  }
  SUBCASE("stands") {
    central.lie_in_feed = [&](const std::string& cursor) -> std::optional<Result<ChangesPage>> {
      auto page = central.honest_changes(cursor);
      page->cursor = cursor.empty() ? "0" : cursor;
      return page;
    };
  }
  SUBCASE("the same page for ever") {
    central.lie_in_feed = [&](const std::string& cursor) -> std::optional<Result<ChangesPage>> {
      auto page = central.honest_changes("");
      page->cursor = std::to_string(std::stoul("0" + cursor) + 1);
      return page;
    };
  }
  SUBCASE("new pages for ever") {
    limits.pages_max = 40;
    expected = "facts-too-long";
    central.lie_in_feed = [&, n = 0](const std::string&) mutable -> std::optional<Result<ChangesPage>> {
      auto page = central.honest_changes("");
      page->cursor = "x" + std::to_string(++n);
      page->changes.front().value = R"({"price":")" + std::to_string(n) + "\"}";
      return page;
    };
  }
  SUBCASE("no cursor is its own") {
    expected = "facts-cursor";
    central.lie_in_feed = [](const std::string&) -> std::optional<Result<ChangesPage>> {
      ChangesPage page;
      page.answer = ChangesPage::Answer::kCursorUnknown;
      return page;
    };
  }
  for (int i = 0; i < 3; ++i) {
    const FactsRound wrong = round();
    CHECK(code_of(wrong) == expected);
    CHECK(wrong.requests <= limits.pages_max);
    CHECK_FALSE(wrong.caught_up);
  }
  central.lie_in_feed = nullptr;
  const FactsRound right = round();
  CHECK(right.caught_up);
  for (const char* sku : {"A", "B", "C", "D", "E", "F", "G"})
    CHECK(value(Kind::kPrice, sku) == "{\"sku\":\"" + std::string(sku) + "\",\"price\":\"1\"}");
}

TEST_CASE_FIXTURE(FactsWorld, "sync: a cursor that central forgot begins the feed anew, once a round") {
  for (const char* sku : {"A", "B", "C", "D"}) central.set(Kind::kPrice, sku, R"("price":"1")");
  want(WantedKind::kSku, "A");
  round();
  // Restored from a backup: fewer changes, other rows; "A" is not in it.
  central.log.clear();
  central.rows.clear();
  central.set(Kind::kPrice, "B", R"("price":"5")");
  const FactsRound anew = round();
  CHECK(anew.restarted);
  CHECK(anew.caught_up);
  CHECK(value(Kind::kPrice, "B") == R"({"sku":"B","price":"5"})");
  CHECK(value(Kind::kPrice, "A").empty());
}

TEST_CASE_FIXTURE(FactsWorld,
                  "sync: a row that cannot be kept leaves the others, and is asked for until it can") {
  want(WantedKind::kSku, "A");
  want(WantedKind::kSku, "B");
  central.set(Kind::kPrice, "A", R"("price":"1")");
  round();
  central.set(Kind::kPrice, "A", R"("price":"2")");
  central.set(Kind::kPrice, "B", R"("price":"2")");
  const std::string good = central.rows[{Kind::kPrice, "A"}].value;
  std::string code;
  std::string& bad = central.rows[{Kind::kPrice, "A"}].value;
  SUBCASE("no object") {
    bad = "[1]", code = "facts-shape";
  }
  SUBCASE("no JSON") {
    bad = "{", code = "facts-shape";
  }
  SUBCASE("of another row") {
    bad = R"({"sku":"B"})", code = "facts-wrong-row";
  }
  SUBCASE("too large") {
    bad = "{\"x\":\"" + std::string(70'000, 'x') + "\"}", code = "facts-too-large";
  }
  SUBCASE("with a card number") {
    bad = R"({"note":"4111 1111 1111 1111"})", code = "facts-card-number";
  }
  for (int i = 0; i < 3; ++i) {
    const FactsRound wrong = round();
    REQUIRE(wrong.first_unusable);
    CHECK(wrong.first_unusable->code == code);
    CHECK(value(Kind::kPrice, "A") == R"({"sku":"A","price":"1"})");
    CHECK(value(Kind::kPrice, "B") == R"({"sku":"B","price":"2"})");
  }
  bad = good;
  CHECK_FALSE(round().first_unusable);
  CHECK(value(Kind::kPrice, "A") == R"({"sku":"A","price":"2"})");
}

TEST_CASE_FIXTURE(FactsWorld, "sync: a central whose every row is unusable is left alone after a few") {
  central.serves_changes = false;
  kinds = {Kind::kPrice};
  central.set(Kind::kPrice, "S0", R"("price":"1")");
  for (int i = 0; i < 40; ++i) want(WantedKind::kSku, "S" + std::to_string(i));
  round();
  for (int i = 40; i < 80; ++i) want(WantedKind::kSku, "S" + std::to_string(i));
  central.lie_in_fetch = [](FactKind, const std::string&) -> std::optional<Result<FetchedFact>> {
    return Result<FetchedFact>(Error{ErrorKind::kInvalid, "fetch", "500"});
  };
  const FactsRound wrong = round();
  CHECK(code_of(wrong) == "facts-unusable");
  CHECK(wrong.requests == 1 + limits.unusable_max + 1);
}

TEST_CASE_FIXTURE(FactsWorld,
                  "sync: lists are read where a target has no feed, and one without an end is left") {
  central.serves_changes = false;
  central.serves_lists = true;
  limits.list_pages_max = 2;
  for (int i = 0; i < 8; ++i) central.set(Kind::kCustomer, std::to_string(i), R"("email":"a@b.example")");
  round();
  CHECK(value(Kind::kCustomer, "5").size() > 2);
  CHECK(value(Kind::kCustomer, "6") == "-");
  round();
  CHECK(value(Kind::kCustomer, "7").size() > 2);
  central.lies_in_list = true;
  limits.list_pages_max = 1000;
  const FactsRound wrong = round();
  CHECK(wrong.requests < 20);
  REQUIRE(wrong.first_unusable);
  CHECK(wrong.first_unusable->code == "facts-loops");
}

TEST_CASE_FIXTURE(FactsWorld, "sync: a stop and a deadline end it between two questions") {
  central.set(Kind::kPrice, "A", R"("price":"1")");
  SUBCASE("stop") {
    stop = true;
    CHECK(code_of(round()) == "facts-stopped");
  }
  SUBCASE("deadline") {
    central.lie_in_feed = [&](const std::string&) -> std::optional<Result<ChangesPage>> {
      clock.steady += std::chrono::seconds(61);
      return std::nullopt;
    };
    CHECK(code_of(round()) == "facts-timeout");
    CHECK(value(Kind::kPrice, "A").size() > 2);
  }
  CHECK(central.requests <= 1);
}

TEST_CASE_FIXTURE(FactsWorld,
                  "sync: a kind that another target tells from now on is forgotten, and read anew") {
  central.set(Kind::kPrice, "A", R"("price":"1")");
  central.set(Kind::kCustomer, "7", R"("email":"a@b.example")");
  round();
  kinds = {Kind::kCustomer};
  FactsCentral crm;
  crm.set(Kind::kPrice, "B", R"("price":"3")");
  FactsSync sync({*facts, "0417", clock, [this] { return Result<Sequence>(head); }});
  REQUIRE(sync.round(crm, "crm", {Kind::kPrice}, {stop, clock.steady + std::chrono::seconds(60)}));
  CHECK(value(Kind::kPrice, "A") == "-");
  CHECK(value(Kind::kPrice, "B") == R"({"sku":"B","price":"3"})");
  round();
  CHECK(value(Kind::kCustomer, "7").size() > 2);
  kinds = {Kind::kCustomer, Kind::kPrice};
  round();
  CHECK(value(Kind::kPrice, "A") == R"({"sku":"A","price":"1"})");
  CHECK(value(Kind::kPrice, "B") == "-");
}

}  // namespace
}  // namespace tillsync
