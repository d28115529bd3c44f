// One SKU's level from what both sides did, whatever the order in which it reached the books.
#include "reconcile/conflicts/stock.h"

#include <rapidcheck.h>

#include "tests/unit/reconcile/store.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

Decimal number(const std::string& text) {
  return *Decimal::parse(text, 3);
}

StoreMove moved(std::int64_t sequence, const std::string& delta, bool at_central = true) {
  StoreMove move;
  move.document = Sequence{sequence};
  move.document_id = "D" + std::to_string(sequence);
  move.business_day = day(kDay);
  move.delta = number(delta);
  move.at_central = at_central;
  move.occurred_at = UtcTime(std::chrono::seconds(sequence));
  return move;
}

StoreMove counted(std::int64_t sequence, const std::string& level, bool at_central = true) {
  auto move = moved(sequence, "0", at_central);
  move.counted = number(level);
  return move;
}

CentralMove central(const std::string& id, const std::string& delta, std::int64_t at) {
  return {id, number(delta), UtcTime(std::chrono::seconds(at))};
}

StockCase stock(const std::string& known, const std::string& now, std::vector<StoreMove> moves) {
  return {"S1", "erp", number(known), number(now), "v2", std::move(moves), std::nullopt};
}

const ConflictPolicies& policies() {
  static const ConflictPolicies kDefaults{ConflictSettings{}};
  return kDefaults;
}

}  // namespace

TEST_CASE("stock: what the store alone did is no conflict, delivered or not") {
  auto what = stock("10", "7", {moved(1, "-3"), moved(2, "-2", false)});
  auto review = review_stock(what, policies());
  CHECK(review.level == number("5"));
  CHECK(review.central_moved.is_zero());
  CHECK(review.found.empty());
  // And neither is what central alone did.
  CHECK(review_stock(stock("10", "3", {}), policies()).found.empty());
}

TEST_CASE("stock: both sides' movements count, and the conflict tells both") {
  const auto review = review_stock(stock("10", "12", {moved(1, "-3"), moved(2, "-2", false)}), policies());
  CHECK(review.level == number("10"));
  CHECK(review.central_moved == number("5"));
  REQUIRE(review.found.size() == 1);
  const auto& fact = review.found[0];
  CHECK(fact.kind == "stock-moved");
  CHECK(fact.decision == "flagged");
  CHECK(!fact.is_open());
  CHECK(fact.document == Sequence{2});
  CHECK(fact.store.text_of("level") == "10");
  CHECK(fact.central.text_of("moved") == "5");
}

TEST_CASE("stock: the last piece sold here and promised elsewhere is an exception for a person") {
  const auto review = review_stock(stock("1", "-1", {moved(1, "-1")}), policies());
  REQUIRE(review.found.size() == 1);
  CHECK(review.found[0].kind == "stock-oversold");
  CHECK(review.found[0].is_open());
  CHECK(review.level == number("-1"));
  // Where the store alone sold more than there was, central promised nothing.
  CHECK(review_stock(stock("1", "-1", {moved(1, "-2")}), policies()).found.empty());
}

TEST_CASE("stock: a count stands; central's movements count before or after it, as they happened") {
  auto what = stock("10", "6", {moved(1, "-2"), counted(5, "7"), moved(8, "-1")});
  what.central_moves = {central("WEB-1", "-1", 3), central("WEB-2", "-4", 6)};
  const auto review = review_stock(what, policies());
  CHECK(review.level == number("2"));  // 7 counted, 1 sold here after it, 4 went by the web after it
  REQUIRE(review.found.size() == 1);
  CHECK(review.found[0].kind == "stock-count-rebased");
  CHECK(review.found[0].decision == "rebase");
  CHECK(review.found[0].document == Sequence{5});
}

TEST_CASE("stock: where central does not tell when it moved, a person says what a count has in it") {
  const auto review = review_stock(stock("10", "4", {counted(5, "7"), moved(8, "-1")}), policies());
  CHECK(!review.order_known);
  REQUIRE(review.found.size() == 1);
  CHECK(review.found[0].is_open());
  CHECK(review.found[0].choices == std::vector<std::string>{"store", "central"});
  ConflictSettings settings;
  settings.stock_count = "central";
  const ConflictPolicies central_wins(settings);
  const auto decided = review_stock(stock("10", "4", {counted(5, "7"), moved(8, "-1")}), central_wins);
  CHECK(decided.level == number("4"));
  CHECK(decided.found[0].decision == "central");
  settings.stock_count = "store";
  const ConflictPolicies store_wins(settings);
  CHECK(review_stock(stock("10", "4", {counted(5, "7"), moved(8, "-1")}), store_wins).level == number("6"));
}

namespace {

/// A shelf, the store's documents on their way to central, and central's book. The shelf is the truth.
struct Shelf {
  Decimal shelf, book;
  std::vector<StoreMove> moves;
  std::vector<CentralMove> central_moves;
  std::size_t delivered = 0;
  bool counts = false;

  void deliver(std::size_t up_to) {
    for (; delivered < std::min(up_to, moves.size()); ++delivered) {
      auto& move = moves[delivered];
      move.at_central = true;
      book = move.counted ? *move.counted : book + move.delta;
    }
  }
};

Shelf random_shelf() {
  Shelf shelf;
  shelf.shelf = shelf.book = Decimal::from_integer(*rc::gen::inRange(0, 50));
  const auto events = *rc::gen::inRange(1, 25);
  for (int at = 1; at <= events; ++at) {
    const auto what = *rc::gen::inRange(0, 6);
    const auto delta = Decimal::from_integer(*rc::gen::inRange(-5, 6));
    if (what <= 2) {
      shelf.moves.push_back(moved(at, delta.text(), false));
      shelf.shelf += delta;
    } else if (what == 3) {
      shelf.moves.push_back(counted(at, shelf.shelf.text(), false));
      shelf.counts = true;
    } else if (what == 4) {
      shelf.central_moves.push_back(central("C" + std::to_string(at), delta.text(), at));
      shelf.shelf += delta;
      shelf.book += delta;
    } else {
      shelf.deliver(static_cast<std::size_t>(*rc::gen::inRange(0, 25)));
    }
  }
  return shelf;
}

}  // namespace

TEST_CASE(
    "stock: whatever the order in which both sides' movements meet, the level is what is on the shelf") {
  CHECK(rc::check("the level is the shelf's", [] {
    auto shelf = random_shelf();
    if (shelf.moves.empty()) return;
    const auto known = [&] {
      // What central's book was before any of it: the sums are conserved.
      auto level = shelf.shelf;
      if (shelf.counts)
        return Decimal::from_integer(*rc::gen::inRange(0, 50));  // a count makes it immaterial
      for (const auto& move : shelf.moves) level -= move.delta;
      for (const auto& move : shelf.central_moves) level -= move.delta;
      return level;
    }();
    StockCase what{"S1", "erp", known, shelf.book, "v", shelf.moves, shelf.central_moves};
    const auto review = review_stock(what, policies());
    RC_ASSERT(review.level == shelf.shelf);
    // What the books will say once all is delivered: another level than the shelf's is told, and only that.
    shelf.deliver(shelf.moves.size());
    if (shelf.counts) RC_ASSERT(review.found.empty() == (shelf.book == shelf.shelf));
    // Delivered later, it is the same.
    StockCase later{"S1", "erp", known, shelf.book, "v", shelf.moves, shelf.central_moves};
    RC_ASSERT(review_stock(later, policies()).level == shelf.shelf);
    if (shelf.counts) return;
    auto levels_alone = what;
    levels_alone.central_moves.reset();
    RC_ASSERT(review_stock(levels_alone, policies()).level == shelf.shelf);
  }));
}

TEST_CASE("stock: central's own movements are read, those known before left out") {
  const auto now = *json::parse(
      R"({"movements":[{"id":"A","quantity_delta":"-1","at":"2026-11-23T10:00:00Z"},{"id":"B","quantity_delta":"2.5","at":"2026-11-23T11:00:00+01:00"}]})");
  const auto before =
      *json::parse(R"({"movements":[{"id":"A","quantity_delta":"-1","at":"2026-11-23T10:00:00Z"}]})");
  const auto moves = central_moves_of(now, before);
  REQUIRE(moves.has_value());
  REQUIRE(moves->size() == 1);
  CHECK(moves->front().delta == number("2.5"));
  CHECK(format_utc(moves->front().at) == "2026-11-23T10:00:00.000Z");
  CHECK(!central_moves_of(*json::parse("{}"), before).has_value());
  CHECK(!central_moves_of(*json::parse(R"({"movements":[{"id":"C","quantity_delta":2,"at":"x"}]})"), before)
             .has_value());
}
