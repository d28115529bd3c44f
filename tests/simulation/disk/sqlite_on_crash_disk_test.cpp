// SQLite itself on the crash disk: it keeps its word there, and where its word is weaker, or the disk lies,
// the disk finds it out.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "platform/base/random.h"
#include "platform/sqlite/database.h"
#include "tests/simulation/disk/crash_disk.h"

namespace tillsync::sim {
namespace {

constexpr const char* kPath = "/sim/table.db";
using Rows = std::map<std::int64_t, std::string>;

struct Findings {
  int losses = 0;   // acknowledged transactions that a crash took
  int damages = 0;  // databases that are no longer whole, or hold what nobody wrote
  int crashes = 0;
  int transactions = 0;
};

/// Random transactions against a table and a map, with power losses and kills in between.
class Ordeal {
 public:
  Ordeal(std::uint64_t seed, const std::string& synchronous, bool lying_syncs)
      : disk_(seed), random_(seed * 31), synchronous_(synchronous) {
    disk_.lying_syncs = lying_syncs;
    open();
  }

  Findings run(int count) {
    for (int i = 0; i < count; ++i) {
      disk_.crash_at_change(1 + random_.below(random_.below(2) == 0 ? 12 : 300));
      while (!disk_.crashed()) transact();
      reader_.reset();
      writer_.reset();
      const bool killed = random_.below(4) == 0;
      killed ? disk_.kill() : disk_.power_loss();
      ++findings_.crashes;
      open();
      compare();
      // SQLite recovers what a killed process wrote, but does not sync it: a power loss may still take it.
      if (!killed) allowed_ = {now_};
    }
    return findings_;
  }

 private:
  void open() {
    for (int attempt = 0; attempt < 2; ++attempt) {
      auto opened = sqlite::Database::open(kPath, sqlite::OpenMode::kReadWriteCreate, disk_.vfs());
      // EXTRA until it is a WAL database: or the folder may bring back the rollback journal of its creation.
      const std::string pragmas =
          "PRAGMA synchronous = EXTRA; PRAGMA journal_mode = WAL; PRAGMA synchronous = " + synchronous_ +
          "; CREATE TABLE IF NOT EXISTS t(k INTEGER PRIMARY KEY, v TEXT)";
      if (opened && opened->execute(pragmas.c_str()) && whole(*opened)) {
        writer_.emplace(std::move(*opened));
        return;
      }
      // Beyond repair: a new one, so that the run goes on.
      ++findings_.damages;
      opened = Error{};
      for (const auto& path : disk_.names()) remove(path);
      allowed_ = {Rows{}};
    }
    FAIL("the disk does not even hold a new database");
  }

  void remove(const std::string& path) {
    auto* vfs = sqlite3_vfs_find(disk_.vfs().c_str());
    REQUIRE(vfs->xDelete(vfs, path.c_str(), 1) == SQLITE_OK);
  }

  static bool whole(sqlite::Database& database) {
    auto answer = database.query_text("PRAGMA integrity_check");
    return answer && *answer == "ok";
  }

  void transact() {
    ++findings_.transactions;
    bool good = writer_->execute("BEGIN IMMEDIATE").has_value();
    const auto changes = 1 + random_.below(4);
    for (std::uint64_t i = 0; i < changes; ++i) {
      const auto key = static_cast<std::int64_t>(random_.below(200));
      const auto value = std::string(random_.below(900), static_cast<char>('a' + random_.below(26)));
      now_[key] = value;
      const auto sql = "INSERT OR REPLACE INTO t VALUES(" + std::to_string(key) + ", '" + value + "')";
      good = good && writer_->execute(sql.c_str());
    }
    good = good && writer_->execute("COMMIT");
    if (!good) {  // the power has gone; what became of it is open
      allowed_.push_back(now_);
      return;
    }
    allowed_ = {now_};
    if (random_.below(20) == 0) {
      (void)writer_
          ->execute(random_.below(2) == 0 ? "PRAGMA wal_checkpoint" : "PRAGMA wal_checkpoint(TRUNCATE)")
          .has_value();
    }
    if (random_.below(10) == 0) look();
  }

  // A reader of its own, as a report has it; sometimes it stays over several commits.
  void look() {
    if (!reader_) {
      auto opened = sqlite::Database::open(kPath, sqlite::OpenMode::kReadOnly, disk_.vfs());
      if (!opened) return;
      reader_.emplace(std::move(*opened));
    }
    const auto count = reader_->query_integer("SELECT count(*) FROM t");
    if (count) CHECK(count->value_or(-1) == static_cast<std::int64_t>(now_.size()));
    if (random_.below(2) == 0) reader_.reset();
  }

  void compare() {
    Rows found;
    auto select = writer_->prepare("SELECT k, v FROM t");
    REQUIRE(select.has_value());
    for (auto row = select->step(); row && *row; row = select->step()) {
      found[select->integer(0)] = select->text(1);
    }
    if (std::find(allowed_.begin(), allowed_.end(), found) == allowed_.end()) ++findings_.losses;
    now_ = found;
  }

  CrashDisk disk_;
  SeededRandom random_;
  const std::string synchronous_;
  std::optional<sqlite::Database> writer_;
  std::optional<sqlite::Database> reader_;
  Rows now_;
  std::vector<Rows> allowed_{Rows{}};  // what a crash may leave
  Findings findings_;
};

Findings ordeal(const std::string& synchronous, bool lying_syncs, int seeds, int crashes) {
  Findings all;
  for (int seed = 1; seed <= seeds; ++seed) {
    const auto one = Ordeal(static_cast<std::uint64_t>(seed), synchronous, lying_syncs).run(crashes);
    all.losses += one.losses;
    all.damages += one.damages;
    all.crashes += one.crashes;
    all.transactions += one.transactions;
  }
  const std::string what = synchronous + (lying_syncs ? ", lying syncs" : "");
  MESSAGE(what << ": " << all.transactions << " transactions, " << all.crashes << " crashes, " << all.losses
               << " losses, " << all.damages << " damages");
  return all;
}

TEST_CASE("disk: SQLite in WAL mode with full syncs loses nothing and stays whole") {
  const auto found = ordeal("FULL", false, 40, 50);
  CHECK(found.transactions > 10'000);
  CHECK(found.losses == 0);
  CHECK(found.damages == 0);
}

TEST_CASE("disk: SQLite with normal syncs stays whole, and loses what it does not promise to keep") {
  const auto found = ordeal("NORMAL", false, 20, 50);
  CHECK(found.losses > 0);
  CHECK(found.damages == 0);
}

TEST_CASE("disk: syncs that lie are found out") {
  const auto found = ordeal("FULL", true, 20, 50);
  CHECK(found.losses > 0);
  CHECK(found.damages > 0);
}

TEST_CASE("disk: the same seed brings the same run") {
  const auto bytes_after = [](std::uint64_t seed) {
    CrashDisk disk(seed);
    {
      auto database = sqlite::Database::open(kPath, sqlite::OpenMode::kReadWriteCreate, disk.vfs());
      REQUIRE(database.has_value());
      REQUIRE(database->execute("PRAGMA journal_mode = WAL; CREATE TABLE t(v)").has_value());
      disk.crash_at_change(20);
      while (!disk.crashed()) {
        (void)database->execute("INSERT INTO t VALUES(randomblob(3000))").has_value();
      }
    }
    disk.power_loss();
    std::string all;
    for (const auto& path : disk.names()) all += path + disk.content(path).value();
    return all;
  };
  CHECK(bytes_after(7) == bytes_after(7));
  CHECK(bytes_after(7) != bytes_after(8));
}

}  // namespace
}  // namespace tillsync::sim
