#include "reconcile/central_view/central_view.h"

#include <fstream>

#include "platform/sqlite/database.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/reconcile/store.h"

namespace tillsync {
namespace {

using testing::day;
using testing::TempDir;
using Mode = CentralView::Mode;

SeenRow row(const std::string& reference, const std::string& step = "erp") {
  SeenRow out;
  out.reference = reference;
  out.step = step;
  out.central_reference = "C1";
  out.total = "2.50";
  out.currency = "GBP";
  out.recorded_at = "2026-11-23T12:00:01Z";
  out.type = "sale";
  out.digest = sha256(reference);
  out.same_as = Sequence{12};
  out.differences = "{}";
  return out;
}

std::vector<SeenRow> rows_of(CentralView& view, const std::string& target, const std::string& on) {
  std::vector<SeenRow> rows;
  REQUIRE(view.for_each_row(target, day(on), [&](const SeenRow& one) { rows.push_back(one); }));
  return rows;
}

void fill(CentralView& view, const std::string& target, const std::string& on,
          const std::vector<SeenRow>& rows, std::int64_t sequence = 5) {
  auto refill = view.refill(target, day(on));
  REQUIRE(refill);
  REQUIRE(refill->add(rows));
  REQUIRE(refill->commit(ReadBackMark{day(on), Sequence{sequence}, UtcTime(std::chrono::seconds(7)), 0}));
}

TEST_CASE("central view: rows come back as they were put in, in order, with their occurrence") {
  TempDir dir;
  auto view = *CentralView::open(dir.path().string(), Mode::kReadWrite);
  SeenRow bare;
  bare.reference = "0417/B";
  fill(*view, "erp", "2026-11-23", {row("0417/C"), row("0417/A"), bare, row("0417/C")});
  auto rows = rows_of(*view, "erp", "2026-11-23");
  REQUIRE(rows.size() == 4);
  CHECK(rows[0] == row("0417/A"));
  CHECK(rows[1] == bare);
  CHECK(rows[2] == row("0417/C"));
  SeenRow second = row("0417/C");
  second.occurrence = 2;
  CHECK(rows[3] == second);
  CHECK(**view->find("erp", day("2026-11-23"), "0417/C", "erp", 2) == second);
  CHECK(!*view->find("erp", day("2026-11-23"), "0417/C", "erp", 3));
  const ReadBackMark mark = **view->mark("erp", day("2026-11-23"));
  CHECK(mark == ReadBackMark{day("2026-11-23"), Sequence{5}, UtcTime(std::chrono::seconds(7)), 4});
}

TEST_CASE("central view: a day is replaced as a whole; other days and targets stay") {
  TempDir dir;
  auto view = *CentralView::open(dir.path().string(), Mode::kReadWrite);
  fill(*view, "erp", "2026-11-22", {row("0417/X")});
  fill(*view, "crm", "2026-11-23", {row("0417/Y")});
  fill(*view, "erp", "2026-11-23", {row("0417/A"), row("0417/B")});
  fill(*view, "erp", "2026-11-23", {row("0417/B")}, 9);
  CHECK(rows_of(*view, "erp", "2026-11-23").size() == 1);
  CHECK(rows_of(*view, "erp", "2026-11-22").size() == 1);
  CHECK(rows_of(*view, "crm", "2026-11-23").size() == 1);
  CHECK((*view->mark("erp", day("2026-11-23")))->journal_sequence == Sequence{9});
  CHECK(view->marks("erp", day("2026-11-01"), day("2026-11-30"))->size() == 2);
}

TEST_CASE("central view: a refill that breaks off leaves the old view standing, and nothing of itself") {
  TempDir dir;
  auto view = *CentralView::open(dir.path().string(), Mode::kReadWrite);
  fill(*view, "erp", "2026-11-23", {row("0417/A")});
  {
    auto refill = view->refill("erp", day("2026-11-23"));
    REQUIRE(refill->add({row("0417/B")}));
  }
  CHECK(rows_of(*view, "erp", "2026-11-23").at(0).reference == "0417/A");
  fill(*view, "erp", "2026-11-23", {row("0417/C")});
  REQUIRE(rows_of(*view, "erp", "2026-11-23").size() == 1);
  CHECK(rows_of(*view, "erp", "2026-11-23")[0].reference == "0417/C");
}

TEST_CASE("central view: it survives a restart; a reader sees what is committed and nothing else") {
  TempDir dir;
  {
    auto view = *CentralView::open(dir.path().string(), Mode::kReadWrite);
    fill(*view, "erp", "2026-11-23", {row("0417/A")});
    REQUIRE(view->set_watermark("erp", Sequence{4}));
  }
  auto writer = *CentralView::open(dir.path().string(), Mode::kReadWrite);
  auto reader = *CentralView::open(dir.path().string(), Mode::kReadOnly);
  CHECK(*reader->watermark("erp") == Sequence{4});
  CHECK(rows_of(*reader, "erp", "2026-11-23").size() == 1);
  auto refill = writer->refill("erp", day("2026-11-23"));
  REQUIRE(refill->add({row("0417/B"), row("0417/C")}));
  CHECK(rows_of(*reader, "erp", "2026-11-23").size() == 1);
  {
    auto snapshot = reader->snapshot();
    REQUIRE(snapshot);
    REQUIRE(refill->commit(ReadBackMark{day("2026-11-23"), Sequence{6}, {}, 0}));
    CHECK(rows_of(*reader, "erp", "2026-11-23").size() == 1);
  }
  CHECK(rows_of(*reader, "erp", "2026-11-23").size() == 2);
  CHECK_FALSE(reader->is_writable());
  CHECK(reader->set_watermark("erp", Sequence{1}).has_error());
  CHECK(reader->refill("erp", day("2026-11-23")).has_error());
}

TEST_CASE("central view: a reader of a folder without one sees an empty view and makes no file") {
  TempDir dir;
  auto view = *CentralView::open(dir.path().string(), Mode::kReadOnly);
  CHECK(rows_of(*view, "erp", "2026-11-23").empty());
  CHECK(!*view->mark("erp", day("2026-11-23")));
  CHECK(*view->watermark("erp") == Sequence{});
  CHECK(view->snapshot().has_value());
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("central view: a damaged file, and one of another version, are begun anew") {
  TempDir dir;
  SUBCASE("damaged") {
    std::ofstream(dir.file(CentralView::kFileName)) << std::string(8192, 'x');
  }
  SUBCASE("another version") {
    auto old = *sqlite::Database::open(dir.file(CentralView::kFileName), sqlite::OpenMode::kReadWriteCreate);
    REQUIRE(old.execute("CREATE TABLE central_row (a); PRAGMA user_version = 99"));
  }
  CHECK(CentralView::open(dir.path().string(), Mode::kReadOnly).has_value());
  auto view = CentralView::open(dir.path().string(), Mode::kReadWrite);
  REQUIRE(view);
  fill(**view, "erp", "2026-11-23", {row("0417/A")});
  CHECK(rows_of(**view, "erp", "2026-11-23").size() == 1);
}

TEST_CASE(
    "central view: a mark keeps which types the target could list; where it lists others, the day goes") {
  TempDir dir;
  const ListedTypes trades = std::set{DocumentType::kSale, DocumentType::kReturn};
  {
    auto view = *CentralView::open(dir.path().string(), Mode::kReadWrite);
    for (const auto& [target, listed] : {std::pair("erp", ListedTypes()), std::pair("crm", trades)}) {
      auto refill = view->refill(target, day("2026-11-23"));
      REQUIRE(refill->add({row("0417/A")}));
      REQUIRE(refill->commit(ReadBackMark{day("2026-11-23"), Sequence{6}, {}, 0, listed}));
      REQUIRE(view->set_watermark(target, Sequence{6}));
    }
  }
  auto view = *CentralView::open(dir.path().string(), Mode::kReadWrite);
  CHECK((*view->mark("crm", day("2026-11-23")))->listed == trades);
  CHECK_FALSE((*view->mark("erp", day("2026-11-23")))->listed);
  REQUIRE(view->forget_listed_otherwise("crm", trades));
  REQUIRE(view->forget_listed_otherwise("erp", std::nullopt));
  CHECK((*view->mark("crm", day("2026-11-23"))).has_value());
  CHECK((*view->mark("erp", day("2026-11-23"))).has_value());

  SUBCASE("one type less") {
    REQUIRE(view->forget_listed_otherwise("crm", std::set{DocumentType::kSale}));
  }
  SUBCASE("all of them") {
    REQUIRE(view->forget_listed_otherwise("crm", std::nullopt));
  }
  CHECK_FALSE((*view->mark("crm", day("2026-11-23"))).has_value());
  CHECK(rows_of(*view, "crm", "2026-11-23").empty());
  CHECK(*view->watermark("crm") == Sequence{});
  CHECK(rows_of(*view, "erp", "2026-11-23").size() == 1);
  CHECK(*view->watermark("erp") == Sequence{6});
}

TEST_CASE("central view: the write-ahead log does not grow with the read-backs (I8)") {
  TempDir dir;
  auto view = *CentralView::open(dir.path().string(), Mode::kReadWrite);
  std::vector<SeenRow> rows;
  for (int i = 0; i < 500; ++i) rows.push_back(row("0417/D" + std::to_string(i)));
  const auto log_bytes = [&] {
    return std::filesystem::file_size(dir.file(std::string(CentralView::kFileName) + "-wal"));
  };
  for (int i = 0; i < 3; ++i) fill(*view, "erp", "2026-11-23", rows);
  const auto before = log_bytes();
  for (int i = 0; i < 20; ++i) fill(*view, "erp", "2026-11-23", rows);
  CHECK(log_bytes() <= before);
}

TEST_CASE("central view: a target may list a document a thousand times, over many pages") {
  TempDir dir;
  auto view = *CentralView::open(dir.path().string(), Mode::kReadWrite);
  {
    auto refill = view->refill("erp", day("2026-11-23"));
    REQUIRE(refill);
    for (int page = 0; page < 10; ++page) REQUIRE(refill->add(std::vector<SeenRow>(100, row("0417/A"))));
    REQUIRE(refill->commit(ReadBackMark{day("2026-11-23"), Sequence{5}, {}, 0}));
  }
  const auto rows = rows_of(*view, "erp", "2026-11-23");
  REQUIRE(rows.size() == 1000);
  for (std::size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i].occurrence == static_cast<int>(i) + 1);
  CHECK((*view->mark("erp", day("2026-11-23")))->rows == 1000);
}

TEST_CASE("central view: days that the journal no longer has can be dropped") {
  TempDir dir;
  auto view = *CentralView::open(dir.path().string(), Mode::kReadWrite);
  fill(*view, "erp", "2026-11-22", {row("0417/A")});
  fill(*view, "erp", "2026-11-23", {row("0417/B")});
  REQUIRE(view->forget_before(day("2026-11-23")));
  CHECK(rows_of(*view, "erp", "2026-11-22").empty());
  CHECK(!*view->mark("erp", day("2026-11-22")));
  CHECK(rows_of(*view, "erp", "2026-11-23").size() == 1);
}

}  // namespace
}  // namespace tillsync
