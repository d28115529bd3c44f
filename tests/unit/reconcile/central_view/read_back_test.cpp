#include "reconcile/central_view/read_back.h"

#include "reconcile/central_view/reference.h"
#include "reconcile/matching/difference.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/reconcile/store.h"

namespace tillsync {
namespace {

using namespace testing;

struct World {
  TempDir dir;
  std::unique_ptr<CentralView> view = *CentralView::open(dir.path().string(), CentralView::Mode::kReadWrite);
  ManualClock clock;
  FakeJournal journal;
  FakeCentral central;
  std::atomic<bool> stop{false};

  Result<ReadBackMark> read(ReadBackLimits limits = {}) {
    ReadBack read_back(*view, store(), clock, limits);
    return read_back.run(central, journal, "erp", day(kDay), Sequence{1},
                         {stop, clock.steady + std::chrono::seconds(10)});
  }
  SeenRow row(const std::string& reference) {
    return (*view->find("erp", day(kDay), reference, "erp", 1)).value();
  }
};

TEST_CASE("read back: all pages are read, and the mark says at which head and when") {
  World world;
  for (int i = 0; i < 20; ++i) {
    auto& entry = world.journal.add(sale("D" + std::to_string(i)));
    world.central.rows.push_back(honest_row(entry.document.stored.document, "erp"));
  }
  const auto mark = world.read();
  REQUIRE(mark);
  CHECK(mark->rows == 20);
  CHECK(**world.view->mark("erp", day(kDay)) == *mark);
  CHECK(mark->read_back_at == world.clock.utc);
}

TEST_CASE(
    "read back: a document that is the same in the contract's sense has the journal's digest, however it is "
    "written") {
  World world;
  const Document document = sale("D1", "2.50", R"(,"extensions":{"b":1.50,"a":[]},"terminal_sequence":3)");
  world.journal.add(document);
  CentralRow row = honest_row(document, "erp");
  SUBCASE("byte for byte") {}
  SUBCASE("other decimals") {
    set_at(row.document, "/lines/0/unit_price", "2.5");
  }
  SUBCASE("a number for a decimal") {
    set_at(row.document, "/lines/0/unit_price", json::Number{"2.5"});
  }
  SUBCASE("members in another order") {
    auto value = json::parse(row.document);
    std::reverse(value->as_object()->begin(), value->as_object()->end());
    row.document = json::dump(*value);
  }
  SUBCASE("with blanks between") {
    row.document.insert(1, "\n  ");
  }
  SUBCASE("another offset of the same text form") {
    set_at(row.document, "/occurred_at", kDay + "T12:00:00+00:00");
  }
  world.central.rows.push_back(row);
  REQUIRE(world.read());
  CHECK(world.row("0417/D1").digest == content_digest(document));
  CHECK(world.row("0417/D1").same_as == Sequence{1});
  CHECK(world.row("0417/D1").differences.empty());
}

TEST_CASE("read back: a document that differs is kept as its differing members") {
  World world;
  const Document document = sale("D1");
  world.journal.add(document);
  world.central.rows.push_back(honest_row(document, "erp"));
  set_at(world.central.rows[0].document, "/lines/0/unit_price", "2.60");
  REQUIRE(world.read());
  CHECK(world.row("0417/D1").digest != content_digest(document));
  CHECK_FALSE(world.row("0417/D1").same_as);
  const Differences differences = decode_differences(world.row("0417/D1").differences);
  REQUIRE(differences.list.size() == 1);
  CHECK(differences.list[0] == Difference{"/lines/0/unit_price", "2.50", "2.60"});
}

TEST_CASE("read back: a card number in central's document does not enter the store (I9)") {
  World world;
  const Document document = sale("D1");
  world.journal.add(document);
  world.central.rows.push_back(honest_row(document, "erp"));
  set_at(world.central.rows[0].document, "/operator", "4111111111111111");
  REQUIRE(world.read());
  CHECK(world.row("0417/D1").differences.find("/operator") != std::string::npos);
  CHECK(world.row("0417/D1").differences.find("4111") == std::string::npos);
}

TEST_CASE("read back: rows of other stores, malformed references and rows without a document are kept") {
  World world;
  for (const char* reference : {"0418/A", "", "0417/", "0417/bad id", "0417/ok"}) {
    CentralRow row;
    row.reference = reference;
    row.step = "erp";
    world.central.rows.push_back(row);
  }
  CHECK(world.read()->rows == 5);
  CHECK(!world.row("0417/ok").digest);
}

TEST_CASE("read back: what breaks off keeps the old view (I8)") {
  World world;
  world.central.page_rows = 2;
  for (int i = 0; i < 6; ++i) {
    world.central.rows.push_back(honest_row(sale("D" + std::to_string(i)), "erp"));
  }
  REQUIRE(world.read());
  const ReadBackMark before = **world.view->mark("erp", day(kDay));
  std::string code;
  SUBCASE("a cursor that comes again") {
    world.central.loops = true;
    code = "read-back-loops";
    CHECK(world.read().error().code == code);
  }
  SUBCASE("too many rows") {
    code = "read-back-too-long";
    CHECK(world.read({.rows_max = 5}).error().code == code);
  }
  SUBCASE("too many pages") {
    code = "read-back-too-long";
    CHECK(world.read({.pages_max = 2}).error().code == code);
  }
  SUBCASE("a stop") {
    world.central.before_page = [&](std::size_t page) {
      world.stop = page == 1;
      return ok();
    };
    CHECK(world.read().error().code == "read-back-stopped");
  }
  SUBCASE("the deadline") {
    world.central.before_page = [&](std::size_t) {
      world.clock.steady += std::chrono::seconds(6);
      return ok();
    };
    CHECK(world.read().error().kind == ErrorKind::kTimeout);
  }
  SUBCASE("an error of the target") {
    world.central.before_page = [](std::size_t page) -> Result<void> {
      if (page == 0) return ok();
      return Error{ErrorKind::kUnavailable, "down", "central went away"};
    };
    CHECK(world.read().error().code == "down");
  }
  CHECK(**world.view->mark("erp", day(kDay)) == before);
  CHECK(world.row("0417/D5").reference == "0417/D5");
}

TEST_CASE("reference: only this store's well-formed references name a document") {
  CHECK(document_id_of("0417/A.b:c-1", "0417") == "A.b:c-1");
  CHECK(document_id_of(document_reference("a/b", "X"), "a/b") == "X");
  for (const char* bad : {"0417", "0417/", "04170/A", "0418/A", "0417/a/b", "0417/a b", ""}) {
    CHECK_FALSE(document_id_of(bad, "0417"));
  }
}

}  // namespace
}  // namespace tillsync
