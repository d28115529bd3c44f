#include "platform/sqlite/database.h"

#include <doctest/doctest.h>

#include "tests/support/temp_dir.h"

using namespace tillsync;
using namespace tillsync::sqlite;
using tillsync::testing::TempDir;

TEST_CASE("sqlite: a broken constraint, a missing table and a missing file each have their own code") {
  const TempDir dir;
  auto database = Database::open(dir.path().string() + "/a.db", OpenMode::kReadWriteCreate);
  REQUIRE(database.has_value());
  REQUIRE(database->execute("CREATE TABLE t(a TEXT PRIMARY KEY) WITHOUT ROWID").has_value());
  auto insert = database->prepare("INSERT INTO t VALUES(?)");
  REQUIRE(insert.has_value());
  CHECK(insert->bind(1, std::string_view("x")).run().has_value());
  auto again = insert->bind(1, std::string_view("x")).run();
  REQUIRE(!again.has_value());
  CHECK(again.error().code == "constraint");
  CHECK(insert->bind(1, std::string_view("y")).run().has_value());  // the statement is fit for use again
  CHECK(database->prepare("SELECT * FROM missing").error().code == "sqlite");
  CHECK(Database::open(dir.path().string() + "/none.db", OpenMode::kReadOnly).error().code == "storage-io");
}

TEST_CASE("sqlite: empty texts and blobs are stored as such, not as NULL") {
  const TempDir dir;
  auto database = Database::open(dir.path().string() + "/a.db", OpenMode::kReadWriteCreate);
  REQUIRE(database.has_value());
  REQUIRE(database->execute("CREATE TABLE t(a, b)").has_value());
  auto insert = database->prepare("INSERT INTO t VALUES(?, ?)");
  REQUIRE(insert->bind(1, std::string_view()).bind_blob(2, std::string_view()).run().has_value());
  CHECK(*database->query_integer("SELECT a IS NOT NULL AND b IS NOT NULL FROM t") == 1);
}

TEST_CASE("sqlite: a transaction that is not committed leaves nothing") {
  const TempDir dir;
  auto database = Database::open(dir.path().string() + "/a.db", OpenMode::kReadWriteCreate);
  REQUIRE(database->execute("CREATE TABLE t(a)").has_value());
  {
    auto transaction = Transaction::begin(*database);
    REQUIRE(transaction.has_value());
    REQUIRE(database->execute("INSERT INTO t VALUES(1)").has_value());
  }
  CHECK(*database->query_integer("SELECT count(*) FROM t") == 0);
  auto transaction = Transaction::begin(*database);
  REQUIRE(database->execute("INSERT INTO t VALUES(1)").has_value());
  REQUIRE(transaction->commit().has_value());
  CHECK(*database->query_integer("SELECT count(*) FROM t") == 1);
}

TEST_CASE(
    "sqlite: the write-ahead log grows until a checkpoint empties it, and never checkpoints by itself") {
  const TempDir dir;
  auto database = Database::open(dir.path().string() + "/a.db", OpenMode::kReadWriteCreate);
  REQUIRE(database->execute("PRAGMA journal_mode = WAL; CREATE TABLE t(a)").has_value());
  for (int i = 0; i < 1'500; ++i)
    REQUIRE(database->execute("INSERT INTO t VALUES(randomblob(4000))").has_value());
  CHECK(database->wal_pages() > 1'500);
  REQUIRE(database->execute("PRAGMA wal_checkpoint(PASSIVE); INSERT INTO t VALUES(1)").has_value());
  CHECK(database->wal_pages() < 10);
}
