#include "platform/sqlite/settle_log.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "platform/sqlite/database.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;
using namespace tillsync::sqlite;
using tillsync::testing::TempDir;

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A database as a killed process leaves it: with a log of several chunks and nobody in it.
std::string left_behind(const TempDir& dir) {
  const auto living = dir.file("living.db");
  auto database = Database::open(living, OpenMode::kReadWriteCreate);
  REQUIRE(database.has_value());
  REQUIRE(database->execute("PRAGMA journal_mode = WAL; CREATE TABLE t(v)").has_value());
  for (int i = 0; i < 200; ++i)
    REQUIRE(database->execute("INSERT INTO t VALUES(zeroblob(5000))").has_value());
  const auto left = dir.file("left.db");
  std::filesystem::copy_file(living, left);
  std::filesystem::copy_file(living + "-wal", left + "-wal");
  return left;
}

std::int64_t rows(const std::string& path) {
  auto database = Database::open(path, OpenMode::kReadWriteCreate);
  REQUIRE(database.has_value());
  return database->query_integer("SELECT count(*) FROM t").value().value_or(-1);
}

}  // namespace

TEST_CASE("sqlite: a log is settled in place, to the byte, by any path that leads to it") {
  const TempDir dir;
  const auto path = left_behind(dir);
  const auto before = bytes_of(path + "-wal");
  REQUIRE(before.size() > 1'000'000);
  const auto settled = settle_log(path);
  CHECK_MESSAGE(settled.has_value(), (settled ? std::string() : settled.error().detail));
  CHECK(bytes_of(path + "-wal") == before);
  const auto link = dir.file("link.db");
  std::filesystem::create_symlink(path, link);
  CHECK(settle_log(link).has_value());
  CHECK(bytes_of(path + "-wal") == before);
  CHECK_FALSE(std::filesystem::exists(link + "-wal"));
  CHECK(rows(path) == 200);
}

TEST_CASE("sqlite: where there is no log, settling makes none; where it cannot be opened, that is said") {
  const TempDir dir;
  CHECK(settle_log(dir.file("none.db")).has_value());
  CHECK(std::filesystem::is_empty(dir.path()));
  std::filesystem::create_directory(dir.file("odd.db-wal"));
  const auto settled = settle_log(dir.file("odd.db"));
  REQUIRE_FALSE(settled.has_value());
  CHECK(settled.error().code == "storage-io");
}
