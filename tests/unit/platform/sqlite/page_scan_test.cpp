// Rows read without SQLite: everything that a sound database holds, and whatever a damaged one still does.
#include "platform/sqlite/page_scan.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <set>

#include "platform/sqlite/database.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;
using namespace tillsync::sqlite;
using tillsync::testing::TempDir;

namespace {

constexpr std::size_t kColumns = 4;
constexpr const char* kTable = "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c);";

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  REQUIRE(file.flush().good());
}

Database made(const std::string& path, const std::string& sql) {
  auto database = Database::open(path, OpenMode::kReadWriteCreate);
  REQUIRE(database.has_value());
  const auto done = database->execute(sql.c_str());
  REQUIRE_MESSAGE(done.has_value(), (done ? std::string() : done.error().detail));
  return std::move(*database);
}

/// A database in one file, closed.
std::string settled(const TempDir& dir, const std::string& sql) {
  const auto path = dir.file("settled.db");
  made(path, sql);
  return path;
}

/// As a killed process leaves it: the file and its log. `sql` runs with nothing ever taken from the log.
std::string left_behind(const TempDir& dir, const std::string& first, const std::string& sql) {
  const auto living = dir.file("living.db");
  auto database = made(living, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;" + first +
                                   "PRAGMA wal_checkpoint(TRUNCATE);");
  REQUIRE(database.execute(sql.c_str()).has_value());
  const auto left = dir.file("left.db");
  std::filesystem::copy_file(living, left);
  std::filesystem::copy_file(living + "-wal", left + "-wal");
  return left;
}

using Found = std::multimap<std::int64_t, std::vector<RawValue>>;

Found scanned(
    const std::string& path, std::size_t columns = kColumns,
    const std::function<bool(std::int64_t)>& wanted = [](std::int64_t) { return true; }) {
  Found found;
  const auto done =
      scan_leaf_rows(path, columns, wanted, [&](const RawRow& row) { found.emplace(row.rowid, row.values); });
  REQUIRE_MESSAGE(done.has_value(), (done ? std::string() : done.error().detail));
  return found;
}

std::set<std::int64_t> ids_of(const Found& found) {
  std::set<std::int64_t> ids;
  for (const auto& [id, values] : found) ids.insert(id);
  return ids;
}

/// What the rows of `id` have as text in `column`.
std::set<std::string> texts_of(const Found& found, std::int64_t id, std::size_t column) {
  std::set<std::string> texts;
  for (auto [at, end] = found.equal_range(id); at != end; ++at) texts.insert(at->second[column].bytes);
  return texts;
}

std::set<std::int64_t> numbers(std::int64_t from, std::int64_t to) {
  std::set<std::int64_t> all;
  for (auto number = from; number <= to; ++number) all.insert(all.end(), number);
  return all;
}

/// Rows `from` to `to`, each with `size` bytes of text of its own in c.
std::string rows(int from, int to, int size) {
  return "WITH RECURSIVE n(i) AS (SELECT " + std::to_string(from) +
         " UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(to) +
         ") INSERT INTO t SELECT i, i * 3, NULL, substr(replace(hex(zeroblob(" + std::to_string(size) +
         ")), '00', i || '/'), 1, " + std::to_string(size) + ") FROM n;";
}

std::string text_of_row(std::int64_t id, std::size_t size) {
  std::string text;
  while (text.size() < size) text += std::to_string(id) + "/";
  return text.substr(0, size);
}

std::size_t place_of(const std::string& bytes, const std::string& what) {
  const auto at = bytes.find(what);
  REQUIRE(at != std::string::npos);
  return at;
}

}  // namespace

TEST_CASE("page scan: every kind of value is read as it was written") {
  const TempDir dir;
  const auto path =
      settled(dir, std::string(kTable) +
                       "INSERT INTO t VALUES(1, NULL, 0, 1), (2, -1, 127, -128), (3, 32767, -32768, 8388607),"
                       "(4, -8388608, 2147483647, -2147483648), (5, 140737488355327, -140737488355328, 256),"
                       "(6, 9223372036854775807, -9223372036854775808, ''), (7, 'text', x'00ff', x''),"
                       "(-5, 'below zero', 2, 3), (9223372036854775807, 'last', 4, 5);");
  const auto found = scanned(path);
  CHECK(found.size() == 9);  // nothing twice where there is no log
  const auto integers = [&](std::int64_t id) {
    REQUIRE(found.count(id) == 1);
    std::vector<std::int64_t> values;
    for (const auto& value : found.find(id)->second) values.push_back(value.integer);
    return values;
  };
  using Values = std::vector<std::int64_t>;
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  CHECK(integers(1) == Values{0, 0, 0, 1});
  CHECK(integers(2) == Values{0, -1, 127, -128});
  CHECK(integers(3) == Values{0, 32'767, -32'768, 8'388'607});
  CHECK(integers(4) == Values{0, -8'388'608, 2'147'483'647, -2'147'483'648});
  CHECK(integers(5) == Values{0, 140'737'488'355'327, -140'737'488'355'328, 256});
  CHECK(integers(6) == Values{0, kMost, kLeast, 0});
  const auto& first = found.find(1)->second;
  CHECK(first[0].is_null);  // the rowid's own column
  CHECK(first[1].is_null);
  CHECK_FALSE(first[2].is_null);
  CHECK_FALSE(first[2].is_bytes);
  CHECK(found.find(6)->second[3].is_bytes);
  const auto& texts = found.find(7)->second;
  CHECK(texts[1].bytes == "text");
  CHECK(texts[2].bytes == std::string("\0\xff", 2));
  CHECK(texts[3].is_bytes);
  CHECK(texts[3].bytes.empty());
  CHECK(texts_of(found, -5, 1) == std::set<std::string>{"below zero"});
  CHECK(texts_of(found, kMost, 1) == std::set<std::string>{"last"});
}

TEST_CASE("page scan: payloads around the edge of a page and over many are whole, at every page size") {
  for (const int page : {512, 1024, 4096, 65'536}) {
    CAPTURE(page);
    const TempDir dir;
    std::string sql = "PRAGMA page_size = " + std::to_string(page) + ";" + kTable;
    std::vector<int> sizes;
    for (int around : {page / 8, page - 35, page, 2 * page, 5 * page})
      for (int more = -12; more <= 12; ++more) sizes.push_back(around + more);
    sizes.push_back(3'000'000);
    for (std::size_t i = 0; i < sizes.size(); ++i)
      sql += rows(static_cast<int>(i) + 1, static_cast<int>(i) + 1, sizes[i]);
    const auto found = scanned(settled(dir, sql));
    CHECK(found.size() == sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const auto id = static_cast<std::int64_t>(i) + 1;
      CAPTURE(sizes[i]);
      const bool whole =
          texts_of(found, id, 3) == std::set{text_of_row(id, static_cast<std::size_t>(sizes[i]))};
      CHECK(whole);
    }
  }
}

TEST_CASE("page scan: only rows of the asked width and of wanted rowids are visited, of whatever table") {
  const TempDir dir;
  const auto path = settled(dir, kTable + rows(1, 300, 60) +
                                     "CREATE TABLE narrow(id INTEGER PRIMARY KEY, a);"
                                     "INSERT INTO narrow VALUES(1, 'n'), (900, 'n');"
                                     "CREATE TABLE alike(a, b, c, d); INSERT INTO alike VALUES(1, 2, 3, 'x');"
                                     "CREATE INDEX i ON t(c);");
  const auto found = scanned(path, kColumns, [](std::int64_t id) { return id % 7 == 1; });
  std::set<std::int64_t> sevenths;
  for (std::int64_t id = 1; id <= 300; id += 7) sevenths.insert(id);
  CHECK(ids_of(found) == sevenths);
  CHECK(texts_of(found, 1, 3) == std::set<std::string>{text_of_row(1, 60), "x"});  // both tables' row 1
  CHECK(ids_of(scanned(path, 2)) == std::set<std::int64_t>{1, 900});
  CHECK(scanned(path, 3).empty());
}

TEST_CASE("page scan: without header, schema and inner pages all rows are still found") {
  const TempDir dir;
  const auto path = settled(dir, kTable + rows(1, 2'000, 90));
  auto bytes = bytes_of(path);
  int inner = 0;
  for (std::size_t at = 4096; at < bytes.size(); at += 4096) {
    if (bytes[at] != 0x05) continue;  // an inner page of a table
    bytes.replace(at, 4096, 4096, '\xa5');
    ++inner;
  }
  REQUIRE(inner >= 1);
  bytes.replace(0, 4096, 4096, '\0');
  write(path, bytes);
  const auto found = scanned(path);
  CHECK(ids_of(found) == numbers(1, 2'000));
  CHECK(texts_of(found, 1'234, 3) == std::set{text_of_row(1'234, 90)});
}

TEST_CASE("page scan: a damaged cell costs its own row, a damaged page its own rows") {
  const TempDir dir;
  const auto path = settled(dir, kTable + rows(1, 400, 60));
  const auto good = bytes_of(path);
  const auto text = place_of(good, text_of_row(200, 60));
  // In front of the text: sizes of payload and header, and the types of the values.
  const auto cell = text - 10;
  const auto found_with = [&](std::size_t at, const std::string& damage) {
    auto bytes = good;
    bytes.replace(at, damage.size(), damage);
    write(path, bytes);
    return ids_of(scanned(path));
  };
  auto others = numbers(1, 400);
  others.erase(200);
  auto found = found_with(cell, std::string(10, '\xff'));
  found.erase(200);
  CHECK(found == others);
  // A page that says it has more cells than it can hold is passed over; the neighbours are not.
  const auto page = text / 4096 * 4096;
  REQUIRE(good[page] == 0x0d);
  const auto left = found_with(page + 3, "\xff\xff");
  CHECK(left.size() < 400);
  CHECK(left.size() > 200);
  CHECK_FALSE(left.contains(200));
  // Wherever a byte goes wrong, the rows of other pages are there.
  for (std::size_t at = page; at < page + 4096; at += 3) {
    for (const char* damage : {"\xff", "\x80", "\x7f"}) {
      auto with = found_with(at, damage);
      for (const auto id : left) {
        if (!with.contains(id)) CHECK_MESSAGE(false, "row ", id, " lost by byte ", at - page);
      }
    }
  }
}

TEST_CASE("page scan: a chain of overflow pages that breaks, or turns back, costs its own row") {
  const TempDir dir;
  const auto path = settled(dir, kTable + rows(1, 3, 20'000) + rows(4, 4, 30));
  const auto good = bytes_of(path);
  std::vector<std::size_t> chain;  // the overflow pages of row 2
  for (std::size_t at = 4096; at < good.size(); at += 4096) {
    if (good[at] == 0 && good.substr(at + 4, 60).find("2/2/2/") != std::string::npos) chain.push_back(at);
  }
  REQUIRE(chain.size() >= 4);
  const auto with_next = [&](std::size_t page, const std::string& next) {
    auto bytes = good;
    bytes.replace(page, 4, next);
    write(path, bytes);
    return scanned(path);
  };
  REQUIRE(with_next(chain[0], good.substr(chain[0], 4)).size() == 4);
  const auto own = static_cast<unsigned>(chain[0] / 4096 + 1);
  const std::string itself{'\0', '\0', '\0', static_cast<char>(own)};
  for (const auto& next : {std::string(4, '\0'), std::string(4, '\xff'), std::string("\0\0\x40\0", 4)}) {
    const auto found = with_next(chain[0], next);
    CHECK(ids_of(found) == std::set<std::int64_t>{1, 3, 4});
    CHECK(texts_of(found, 3, 3) == std::set{text_of_row(3, 20'000)});
  }
  // One that turns back ends, with as many bytes as the row says it has.
  const auto turned = with_next(chain[0], itself);
  CHECK(texts_of(turned, 3, 3) == std::set{text_of_row(3, 20'000)});
  for (const auto& text : texts_of(turned, 2, 3)) CHECK(text.size() == 20'000);
}

TEST_CASE("page scan: what is only in the log is found, and what it replaces as well") {
  const TempDir dir;
  const auto path =
      left_behind(dir, kTable + rows(1, 100, 60) + rows(101, 101, 30'000),
                  rows(102, 400, 60) + "UPDATE t SET c = 'new' WHERE id = 7;" + rows(401, 401, 50'000) +
                      "UPDATE t SET c = 'first' WHERE id = 400; UPDATE t SET c = 'second' WHERE id = 400;");
  auto found = scanned(path);
  CHECK(ids_of(found) == numbers(1, 401));
  CHECK(texts_of(found, 7, 3) == std::set<std::string>{text_of_row(7, 60), "new"});
  CHECK(texts_of(found, 101, 3).contains(text_of_row(101, 30'000)));
  CHECK(texts_of(found, 401, 3) == std::set{text_of_row(401, 50'000)});
  CHECK(texts_of(found, 400, 3) == std::set<std::string>{text_of_row(400, 60), "first", "second"});
  // The database's own first page is of no use here, the log says how large a page is.
  auto bytes = bytes_of(path);
  write(path, std::string(4096, '\xee') + bytes.substr(4096));
  CHECK(ids_of(scanned(path)) == numbers(1, 401));
  // The last frame is cut, or torn: the page's frame before it counts, and has all but the last change.
  const auto log = bytes_of(path + "-wal");
  for (const auto& damaged :
       {log.substr(0, log.size() - 2'000), log.substr(0, log.size() - 4'096) + std::string(4'096, '\0')}) {
    write(path + "-wal", damaged);
    found = scanned(path);
    CHECK(ids_of(found) == numbers(1, 401));
    CHECK(texts_of(found, 400, 3) == std::set<std::string>{text_of_row(400, 60), "first"});
  }
  // A log that is none.
  write(path + "-wal", std::string(50'000, '\x37'));
  CHECK(ids_of(scanned(path)) == numbers(1, 101));
}

TEST_CASE("page scan: frames of an earlier run of the log are not taken for its own") {
  const TempDir dir;
  const auto living = dir.file("living.db");
  auto database =
      made(living, std::string("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;") + kTable);
  REQUIRE(database.execute(rows(1, 2'000, 90).c_str()).has_value());
  // The log begins anew from its front: its end still is of the earlier run.
  REQUIRE(database.execute("PRAGMA wal_checkpoint(RESTART); DELETE FROM t WHERE id = 2000;").has_value());
  const auto left = dir.file("left.db");
  std::filesystem::copy_file(living + "-wal", left + "-wal");
  REQUIRE(std::filesystem::file_size(left + "-wal") > 150'000);
  write(left, "");  // so that only the log has rows
  const auto ids = ids_of(scanned(left));
  CHECK_FALSE(ids.empty());
  CHECK(ids.size() < 200);
  CHECK_FALSE(ids.contains(1));
}

TEST_CASE("page scan: a file that is not there fails; one that is cut, empty or no database has no rows") {
  const TempDir dir;
  const auto nothing = [](const RawRow&) { FAIL("there is no row"); };
  const auto all = [](std::int64_t) { return true; };
  const auto missing = scan_leaf_rows(dir.file("missing.db"), kColumns, all, nothing);
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().kind == ErrorKind::kStorage);
  CHECK(missing.error().code == "storage-io");
  const auto path = dir.file("odd.db");
  for (const auto& bytes : {std::string(), std::string(50, 'x'), std::string(20'000, '\x0d'),
                            std::string(20'000, '\xff'), std::string("SQLite format 3\0\0\3", 18)}) {
    write(path, bytes);
    CHECK(scan_leaf_rows(path, kColumns, all, nothing).has_value());
  }
  const auto good = settled(dir, kTable + rows(1, 400, 60));
  const auto bytes = bytes_of(good);
  write(good, bytes.substr(0, bytes.size() - 100));
  const auto left = ids_of(scanned(good));
  CHECK(left.size() < 400);
  CHECK(left.size() > 200);
}
