// What the fault points have found, each by itself.
#include <doctest/doctest.h>

#include "platform/sqlite/settle_log.h"
#include "tests/simulation/fault_points/script.h"

namespace tillsync::sim {
namespace {

const std::string kDatabase = std::string(kFolder) + "/journal.db";
const std::string kLog = kDatabase + "-wal";

Result<PostAnswer> post(Shop& shop, const std::string& id) {
  PostAnswer answer;
  auto done = shop.transact([&](Journal& journal) -> Result<void> {
    auto appended = journal.append(test::sale_post(id));
    if (!appended) return appended.error();
    answer = *appended;
    return ok();
  });
  if (!done) return done.error();
  return answer;
}

bool has(Shop& shop, const std::string& id) {
  auto reader = JournalReader::open(kFolder, shop.disk.vfs());
  REQUIRE(reader.has_value());
  auto found = (*reader)->find(id);
  REQUIRE(found.has_value());
  return found->has_value();
}

void restart(Shop& shop) {
  REQUIRE(shop.open().has_value());
  CHECK(check_whole(shop) == "");
}

TEST_CASE("journal: what a new journal acknowledged survives a power loss that undoes unsynced removals") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Shop shop(seed);
    REQUIRE(shop.open().has_value());
    REQUIRE(post(shop, "A").has_value());
    shop.disk.power_loss();
    restart(shop);
    CHECK(has(shop, "A"));
  }
}

TEST_CASE("journal: what is acknowledged after a failed sync does not stand behind a hole") {
  for (std::uint64_t seed = 1; seed <= 90; ++seed) {
    Shop shop(seed);
    REQUIRE(shop.open().has_value());
    REQUIRE(post(shop, "A").has_value());
    // The sync of B fails; then those of closing, which cannot tidy up; then those of opening again.
    for (std::uint64_t i = 0; i < 1 + seed % 3; ++i) shop.disk.fail_next(DiskFault::kSyncError, "-wal");
    CHECK_FALSE(post(shop, "B").has_value());
    bool acknowledged = false;
    for (int i = 0; i < 3 && !acknowledged; ++i) acknowledged = post(shop, "C").has_value();
    REQUIRE(acknowledged);
    CHECK(shop.disk.unsettled_sectors(kLog) == 0);
    shop.disk.power_loss();
    restart(shop);
    CHECK(has(shop, "A"));
    CHECK(has(shop, "C"));
  }
}

TEST_CASE("journal: what a killed process left is durable before it is acknowledged as known") {
  int replayed = 0;
  for (std::uint64_t at = 1; at <= 40; ++at) {
    Shop shop(at);
    REQUIRE(shop.open().has_value());
    shop.disk.crash_at_change(at);
    const bool acknowledged = post(shop, "A").has_value();
    if (acknowledged) break;
    shop.disk.kill();
    restart(shop);
    const auto answer = post(shop, "A");
    REQUIRE(answer.has_value());
    if (answer->kind == PostAnswer::Kind::kReplayed) ++replayed;
    shop.disk.power_loss();
    restart(shop);
    CHECK(has(shop, "A"));
  }
  CHECK(replayed > 0);
}

TEST_CASE(
    "journal: where it cannot read what it must know after a failed commit, it is not used half-known") {
  bool came = true;
  int points = 0;
  for (std::uint64_t at = 1; came; ++at) {
    Shop shop(at);
    REQUIRE(shop.open().has_value());
    REQUIRE(
        shop.transact([](Journal& journal) { return journal.set_routes(test::both_targets()); }).has_value());
    REQUIRE(post(shop, "A").has_value());
    // The commit of B fails; so does one call of those that open the journal anew.
    REQUIRE(shop.journal->begin().has_value());
    REQUIRE(shop.journal->append(test::sale_post("B")).has_value());
    shop.disk.fail_next(DiskFault::kSyncError, "-wal");
    shop.disk.fail_call(at, false);
    CHECK_FALSE(shop.journal->commit().has_value());
    came = shop.disk.failed();
    shop.disk.fail_call(0, false);
    auto answer = post(shop, "C");
    for (int i = 0; i < 3 && !answer; ++i) answer = post(shop, "C");
    REQUIRE(answer.has_value());
    CHECK(answer->status == DocumentStatus::kJournaled);  // and not "delivered", since it goes nowhere
    CHECK(shop.journal->routes() == test::both_targets());
    CHECK(check_whole(shop) == "");
    auto reader = JournalReader::open(kFolder, shop.disk.vfs());
    REQUIRE(reader.has_value());
    CHECK((*reader)->deliveries(answer->sequence)->size() == 2);
    points += came ? 1 : 0;
  }
  CHECK(points > 20);
}

TEST_CASE("journal: it stays closed while its log cannot be made durable, and opens when it can") {
  Shop shop(1);
  REQUIRE(shop.open().has_value());
  REQUIRE(post(shop, "A").has_value());
  shop.disk.kill();
  shop.journal.reset();
  shop.disk.fail_next(DiskFault::kSyncError, "-wal");
  auto opened = shop.open();
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == "storage-io");
  restart(shop);
  CHECK(has(shop, "A"));
}

TEST_CASE("sqlite: a settled log reads as before, and a power loss takes nothing of it") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Shop shop(seed);
    REQUIRE(shop.open().has_value());
    // A commit whose sync fails, and a process that dies of it.
    shop.disk.fail_next(DiskFault::kSyncError, "-wal");
    REQUIRE(shop.journal->begin().has_value());
    REQUIRE(shop.journal->append(test::sale_post("A")).has_value());
    auto sole = sqlite::Database::open(kDatabase, sqlite::OpenMode::kReadOnly, shop.disk.vfs());
    REQUIRE(sole.has_value());
    REQUIRE(
        sole->query_integer("SELECT count(*) FROM record").has_value());  // keeps the log from being removed
    shop.disk.fail_next(DiskFault::kSyncError, "-wal");                   // settling fails too
    CHECK_FALSE(shop.journal->commit().has_value());
    shop.disk.kill();
    const auto before = shop.disk.content(kLog).value();
    REQUIRE(before.size() > 0);
    CHECK(shop.disk.unsettled_sectors(kLog) > 0);
    CHECK(sqlite::settle_log(kDatabase, shop.disk.vfs()).has_value());
    CHECK(shop.disk.content(kLog) == before);
    CHECK(shop.disk.unsettled_sectors(kLog) == 0);
    shop.disk.power_loss();
    CHECK(shop.disk.content(kLog) == before);
  }
}

TEST_CASE("sqlite: settling a log that is not there, on a disk that knows none, does nothing and fails not") {
  Shop shop(1);
  CHECK(sqlite::settle_log("/nowhere/journal.db", shop.disk.vfs()).has_value());
  CHECK(shop.disk.names().empty());
  CHECK(sqlite::settle_log("/journal.db", "no such vfs").error().kind == ErrorKind::kStorage);
}

}  // namespace
}  // namespace tillsync::sim
