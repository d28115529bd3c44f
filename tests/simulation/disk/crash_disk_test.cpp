#include "tests/simulation/disk/crash_disk.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <set>

namespace tillsync::sim {
namespace {

/// A file of the disk, as SQLite would use it.
class RawFile {
 public:
  RawFile(CrashDisk& disk, const std::string& path) : path_(path + std::string(2, '\0')) {
    auto* vfs = sqlite3_vfs_find(disk.vfs().c_str());
    REQUIRE(vfs != nullptr);
    storage_.resize(static_cast<std::size_t>(vfs->szOsFile));
    opened = vfs->xOpen(vfs, path_.c_str(), file(),
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB, nullptr);
  }
  ~RawFile() {
    if (file()->pMethods != nullptr) file()->pMethods->xClose(file());
  }
  int write(const std::string& bytes, sqlite3_int64 at) {
    return file()->pMethods->xWrite(file(), bytes.data(), static_cast<int>(bytes.size()), at);
  }
  int truncate(sqlite3_int64 size) { return file()->pMethods->xTruncate(file(), size); }
  int sync() { return file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL); }
  int read(std::string& into, sqlite3_int64 at) {
    return file()->pMethods->xRead(file(), into.data(), static_cast<int>(into.size()), at);
  }
  int lock(int level) { return file()->pMethods->xLock(file(), level); }
  int unlock(int level) { return file()->pMethods->xUnlock(file(), level); }

  int opened = SQLITE_OK;

 private:
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(storage_.data()); }
  const std::string path_;
  std::vector<char> storage_;
};

int remove_file(CrashDisk& disk, const char* path, bool sync_folder) {
  auto* vfs = sqlite3_vfs_find(disk.vfs().c_str());
  return vfs->xDelete(vfs, path, sync_folder ? 1 : 0);
}

std::string sectors(char fill, std::size_t count = 1) {
  return std::string(512 * count, fill);
}

TEST_CASE("disk: what was synced survives a power loss, whatever was written besides") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CrashDisk disk(seed);
    RawFile file(disk, "/a");
    CHECK(file.write(sectors('a', 4), 0) == SQLITE_OK);
    CHECK(file.sync() == SQLITE_OK);
    CHECK(file.write(sectors('b'), 512) == SQLITE_OK);
    disk.power_loss();
    const auto left = disk.content("/a");
    REQUIRE(left);
    REQUIRE(left->size() == 2048);
    CHECK(left->substr(0, 512) == sectors('a'));
    CHECK(left->substr(1024) == sectors('a', 2));
    CHECK(disk.unsettled_sectors("/a") == 0);
  }
}

TEST_CASE("disk: an unsynced sector is kept, dropped, an older version or torn, and each comes up") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CrashDisk disk(seed);
    disk.put("/a", sectors('a'));
    RawFile file(disk, "/a");
    CHECK(file.write(std::string(100, 'b'), 50) == SQLITE_OK);
    CHECK(file.write(std::string(100, 'c'), 50) == SQLITE_OK);
    disk.power_loss();
    const auto left = disk.content("/a").value();
    // No byte outside of the written range has changed.
    CHECK(left.substr(0, 50) == std::string(50, 'a'));
    CHECK(left.substr(150) == std::string(362, 'a'));
    const auto written = left.substr(50, 100);
    const std::set<char> letters(written.begin(), written.end());
    if (letters == std::set<char>{'a'}) seen.insert("dropped");
    if (letters == std::set<char>{'b'}) seen.insert("older");
    if (letters == std::set<char>{'c'}) seen.insert("kept");
    if (letters.size() == 2) seen.insert("torn");
  }
  CHECK(seen == std::set<std::string>{"dropped", "kept", "older", "torn"});
}

TEST_CASE("disk: sectors of one write fare independently") {
  bool mixed = false;
  for (std::uint64_t seed = 1; seed <= 50 && !mixed; ++seed) {
    CrashDisk disk(seed);
    disk.put("/a", sectors('a', 8));
    RawFile file(disk, "/a");
    CHECK(file.write(sectors('b', 8), 0) == SQLITE_OK);
    disk.power_loss();
    const auto left = disk.content("/a").value();
    mixed = left.find("ab") != std::string::npos && left.find("ba") != std::string::npos;
  }
  CHECK(mixed);
}

TEST_CASE("disk: after a failed sync only what is written again becomes durable") {
  int lost = 0;
  int kept = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CrashDisk disk(seed);
    disk.put("/a", sectors('a', 3));
    RawFile file(disk, "/a");
    CHECK(file.write(sectors('b', 2), 0) == SQLITE_OK);
    disk.fail_next(DiskFault::kSyncError);
    CHECK(file.sync() == SQLITE_IOERR_FSYNC);
    CHECK(disk.content("/a")->substr(0, 1024) == sectors('b', 2));  // it reads as if nothing were wrong
    CHECK(file.write(sectors('b'), 512) == SQLITE_OK);
    CHECK(file.write(sectors('c'), 1024) == SQLITE_OK);
    CHECK(file.sync() == SQLITE_OK);
    disk.kill();  // a new process sees the cache
    CHECK(disk.content("/a")->substr(0, 1024) == sectors('b', 2));
    disk.power_loss();
    const auto left = disk.content("/a").value();
    CHECK(left.substr(512, 512) == sectors('b'));
    CHECK(left.substr(1024) == sectors('c'));
    left.substr(0, 512) == sectors('a') ? ++lost : ++kept;
  }
  CHECK(lost > 10);
  CHECK(kept > 10);
}

TEST_CASE("disk: sizes are durable with a sync only") {
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CrashDisk disk(seed);
    disk.put("/a", sectors('a', 4));
    RawFile file(disk, "/a");
    CHECK(file.truncate(0) == SQLITE_OK);
    CHECK(file.write(sectors('b'), 0) == SQLITE_OK);
    CHECK(disk.content("/a") == sectors('b'));
    disk.power_loss();
    sizes.insert(disk.content("/a")->size());
  }
  CHECK(sizes == std::set<std::size_t>{0, 512, 2048});
}

TEST_CASE("disk: a name appears with the file's first sync, and goes with the folder's") {
  int created = 0;
  int deleted = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CrashDisk disk(seed);
    disk.put("/old", "old");
    disk.put("/gone", "gone");
    RawFile synced(disk, "/synced");
    RawFile unsynced(disk, "/unsynced");
    CHECK(synced.sync() == SQLITE_OK);
    CHECK(remove_file(disk, "/old", false) == SQLITE_OK);
    CHECK(remove_file(disk, "/gone", true) == SQLITE_OK);
    CHECK_FALSE(disk.content("/old"));
    disk.power_loss();
    CHECK(disk.content("/synced"));
    CHECK_FALSE(disk.content("/gone"));
    if (disk.content("/unsynced")) ++created;
    if (!disk.content("/old")) ++deleted;
  }
  CHECK((created > 20 && created < 80));
  CHECK((deleted > 20 && deleted < 80));
}

TEST_CASE("disk: a renaming comes about whole or not at all, and for good with the folder's sync") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CrashDisk disk(seed);
    disk.put("/f/old", "content");
    REQUIRE(disk.files().rename("/f/old", "/f/new").has_value());
    CHECK(disk.content("/f/new") == "content");
    CHECK(!disk.content("/f/old"));
    const bool synced = seed % 2 == 0;
    if (synced) CHECK(disk.files().sync_folder("/f").has_value());
    disk.power_loss();
    REQUIRE(disk.names().size() == 1);
    CHECK(disk.content(disk.names()[0]) == "content");
    if (synced) CHECK(disk.names()[0] == "/f/new");
    if (!synced) seen.insert(disk.names()[0]);
  }
  CHECK(seen.size() == 2);
}

TEST_CASE("disk: who names files meets faults and crashes as SQLite does") {
  CrashDisk disk(1);
  disk.put("/f/a", "content");
  disk.fail_call(2, false);
  CHECK(disk.files().exists("/f/a").value());
  CHECK(!disk.files().rename("/f/a", "/f/b").has_value());
  CHECK(disk.files().sync_file("/f/a").has_value());
  disk.crash_at_change(1);
  CHECK(!disk.files().remove("/f/a").has_value());
  CHECK(disk.crashed());
  CHECK(!disk.files().exists("/f/a").has_value());
  disk.kill();
  CHECK(disk.files().remove("/f/a").has_value());
  CHECK(disk.files().remove("/f/a").has_value());
  CHECK(disk.names().empty());
}

TEST_CASE("disk: a killed process leaves the cache, and no lock") {
  CrashDisk disk(1);
  RawFile dead(disk, "/a");
  CHECK(dead.write("unsynced", 0) == SQLITE_OK);
  CHECK(dead.lock(SQLITE_LOCK_SHARED) == SQLITE_OK);
  CHECK(dead.lock(SQLITE_LOCK_EXCLUSIVE) == SQLITE_OK);
  {
    RawFile other(disk, "/a");
    CHECK(other.lock(SQLITE_LOCK_SHARED) == SQLITE_BUSY);
  }
  disk.kill();
  CHECK(dead.write("late", 0) == SQLITE_IOERR);
  CHECK(disk.content("/a") == "unsynced");
  RawFile next(disk, "/a");
  CHECK(next.lock(SQLITE_LOCK_SHARED) == SQLITE_OK);
  CHECK(next.lock(SQLITE_LOCK_EXCLUSIVE) == SQLITE_OK);
}

TEST_CASE("disk: the Nth call fails, once or for good") {
  CrashDisk disk(1);
  RawFile file(disk, "/a");
  disk.fail_call(2, false);
  CHECK(file.write("1", 0) == SQLITE_OK);
  CHECK_FALSE(disk.failed());
  CHECK(file.sync() == SQLITE_IOERR_FSYNC);
  CHECK(disk.failed());
  CHECK(disk.last_fault() == DiskFault::kSyncError);
  CHECK(file.sync() == SQLITE_OK);
  disk.fail_call(1, true);
  std::string one(1, ' ');
  for (int i = 0; i < 3; ++i) {
    CHECK(file.write("2", 0) != SQLITE_OK);
    CHECK(file.read(one, 0) == SQLITE_IOERR_READ);
    CHECK(file.truncate(0) == SQLITE_IOERR_TRUNCATE);
  }
  disk.fail_call(0, false);
  CHECK(file.write("3", 0) == SQLITE_OK);
  CHECK(disk.content("/a") == "3");
}

TEST_CASE("disk: the power goes at the Nth change, and a write may be cut short by it") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CrashDisk disk(seed);
    disk.put("/a", "aaa");
    RawFile file(disk, "/a");
    disk.crash_at_change(2);
    CHECK(file.write("x", 0) == SQLITE_OK);
    CHECK(file.write("bb", 1) != SQLITE_OK);
    CHECK(disk.crashed());
    CHECK(file.write("c", 0) == SQLITE_IOERR);
    disk.kill();
    CHECK_FALSE(disk.crashed());
    seen.insert(disk.content("/a").value());
  }
  CHECK(seen == std::set<std::string>{"xaa", "xba", "xbb"});
}

TEST_CASE("disk: a full disk refuses what extends a file, and nothing else") {
  CrashDisk disk(1);
  disk.capacity(1024);
  RawFile file(disk, "/a");
  CHECK(file.write(sectors('a', 2), 0) == SQLITE_OK);
  CHECK(disk.bytes() == 1024);
  CHECK(file.write("b", 1024) == SQLITE_FULL);
  CHECK(file.write("b", 1023) == SQLITE_OK);
  CHECK(file.truncate(512) == SQLITE_OK);
  CHECK(file.write("b", 1023) == SQLITE_OK);
  CHECK(remove_file(disk, "/a", true) == SQLITE_OK);
  CHECK(disk.bytes() == 0);
}

TEST_CASE("disk: chances of trouble bring every fault that was asked for") {
  CrashDisk disk(3);
  disk.put("/a", sectors('a', 4));
  RawFile file(disk, "/a");
  DiskTrouble trouble;
  trouble.read_error = trouble.short_read = trouble.write_error = trouble.full = trouble.sync_error = 100'000;
  disk.trouble(trouble);
  std::set<int> codes;
  std::string page = sectors(' ', 4);
  for (int i = 0; i < 500; ++i) {
    codes.insert(file.read(page, 0));
    codes.insert(file.write(page, 0));
    codes.insert(file.sync());
  }
  CHECK(codes == std::set<int>{SQLITE_OK, SQLITE_IOERR_READ, SQLITE_IOERR_SHORT_READ, SQLITE_IOERR_WRITE,
                               SQLITE_FULL, SQLITE_IOERR_FSYNC});
  disk.trouble({});
  for (int i = 0; i < 500; ++i) CHECK(file.write(page, 0) == SQLITE_OK);
}

}  // namespace
}  // namespace tillsync::sim
