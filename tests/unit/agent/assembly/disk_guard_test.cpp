#include "agent/assembly/disk_guard.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/temp_dir.h"

using namespace tillsync;
using tillsync::testing::TempDir;

namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

/// A disk of `room` bytes, of which the reserve takes its part and others take `others`.
struct Disk {
  explicit Disk(std::int64_t room_bytes) : room(room_bytes) {}
  std::int64_t reserve() const {
    std::error_code none;
    const auto size = std::filesystem::file_size(dir.file("reserve"), none);
    return none ? 0 : static_cast<std::int64_t>(size);
  }
  DiskGuardOptions options(std::int64_t reserve_bytes) {
    return {dir.path().string(), reserve_bytes, [this](const std::string&) -> Result<std::uint64_t> {
              if (unreadable) return Error{ErrorKind::kStorage, "file", "unreadable"};
              return static_cast<std::uint64_t>(std::max<std::int64_t>(0, room - others - reserve()));
            }};
  }

  TempDir dir;
  std::int64_t room;
  std::atomic<std::int64_t> others{0};
  bool unreadable = false;
};

}  // namespace

TEST_CASE("disk guard: at the start the reserve is made whole, and posts are taken") {
  Disk disk(100 * kMiB);
  DiskGuard guard(disk.options(24 * kMiB));
  guard.start();
  CHECK(disk.reserve() == 24 * kMiB);
  CHECK(guard.reserve_bytes() == 24 * kMiB);
  CHECK(guard.free_bytes() == 76 * kMiB);
  CHECK(guard.has_room());
}

TEST_CASE("disk guard: a changed setting changes the reserve at the start, up, down and to nothing") {
  Disk disk(100 * kMiB);
  for (const std::int64_t wanted : {8 * kMiB, 24 * kMiB, 3 * kMiB, std::int64_t{0}}) {
    CAPTURE(wanted);
    DiskGuard guard(disk.options(wanted));
    guard.start();
    CHECK(disk.reserve() == wanted);
    CHECK(guard.has_room());
  }
}

TEST_CASE("disk guard: posts are refused below the margin, and taken again somewhat above it") {
  Disk disk(100 * kMiB);
  DiskGuard guard(disk.options(8 * kMiB));
  guard.start();
  disk.others = disk.room - disk.reserve() - kIngestMarginBytes;
  guard.look();
  CHECK(guard.has_room());
  disk.others += 1;
  guard.look();
  CHECK(!guard.has_room());
  disk.others -= kResumeBytes;
  guard.look();
  CHECK(!guard.has_room());
  disk.others -= 1;
  guard.look();
  CHECK(guard.has_room());
}

TEST_CASE("disk guard: on a full disk the reserve is given back in steps, to its end") {
  Disk disk(100 * kMiB);
  DiskGuard guard(disk.options(2 * kMiB + kMiB / 2));
  guard.start();
  disk.others = disk.room - disk.reserve();
  CHECK(guard.make_room());
  CHECK(disk.reserve() == kMiB + kMiB / 2);
  CHECK(!guard.has_room());  // at once, not at the next look
  CHECK(guard.make_room());
  CHECK(guard.make_room());
  CHECK(disk.reserve() == 0);
  CHECK(!guard.make_room());
}

TEST_CASE("disk guard: who may have a part of the reserve alone gets no more") {
  Disk disk(100 * kMiB);
  DiskGuard guard(disk.options(4 * kMiB + kMiB / 2));
  guard.start();
  disk.others = disk.room;
  while (guard.make_room(2 * kMiB)) {
  }
  CHECK(disk.reserve() == 2 * kMiB);
  CHECK(guard.make_room());
  CHECK(disk.reserve() == kMiB);
}

TEST_CASE("disk guard: where room is there the reserve is no cure, and stays") {
  Disk disk(100 * kMiB);
  DiskGuard guard(disk.options(8 * kMiB));
  guard.start();
  CHECK(!guard.make_room());
  CHECK(disk.reserve() == 8 * kMiB);
  CHECK(guard.has_room());
  // Nor once enough has been given back: what fails then fails for another reason.
  disk.others = disk.room - disk.reserve() - kIngestMarginBytes + 1;
  CHECK(guard.make_room());
  CHECK(!guard.make_room());
  CHECK(disk.reserve() == 7 * kMiB);
}

TEST_CASE(
    "disk guard: with space back the reserve is whole before posts are taken, and takes no last bytes") {
  Disk disk(200 * kMiB);
  const std::int64_t whole = 40 * kMiB;
  DiskGuard guard(disk.options(whole));
  guard.start();
  disk.others = disk.room;  // and they take at once what is given back
  while (guard.make_room()) {
  }
  REQUIRE(disk.reserve() == 0);
  guard.look();
  CHECK(disk.reserve() == 0);
  // Room for a part of it: that is taken, the margin is not.
  disk.others = disk.room - kIngestMarginBytes - kResumeBytes - 10 * kMiB;
  guard.look();
  guard.look();
  CHECK(disk.reserve() == 10 * kMiB);
  CHECK(guard.free_bytes() == kIngestMarginBytes + kResumeBytes);
  CHECK(!guard.has_room());
  // Room for all of it: in slices, the next one soon.
  disk.others = 0;
  CHECK(guard.look() < std::chrono::milliseconds(100));
  CHECK(disk.reserve() == 10 * kMiB + kGrowStepBytes);
  CHECK(!guard.has_room());
  CHECK(guard.look() >= std::chrono::milliseconds(500));
  CHECK(disk.reserve() == whole);
  CHECK(guard.has_room());
}

TEST_CASE(
    "disk guard: a full disk at the start gives a step back for the journal to open, and refuses posts") {
  Disk disk(100 * kMiB);
  {
    DiskGuard guard(disk.options(8 * kMiB));
    guard.start();
  }
  CHECK(disk.reserve() == 8 * kMiB);  // it stays when the daemon stops
  disk.others = disk.room - disk.reserve();
  DiskGuard guard(disk.options(8 * kMiB));
  guard.start();
  CHECK(disk.reserve() == 8 * kMiB - kReleaseStepBytes);
  CHECK(!guard.has_room());
}

TEST_CASE("disk guard: no reserve yet and no room for one: refuses posts, and leaves what there is") {
  Disk disk(10 * kMiB);
  DiskGuard guard(disk.options(8 * kMiB));
  guard.start();
  CHECK(disk.reserve() == 0);
  CHECK(!guard.has_room());
  CHECK(!guard.make_room());
}

TEST_CASE("disk guard: a reserve that somebody removed is made again") {
  Disk disk(100 * kMiB);
  DiskGuard guard(disk.options(8 * kMiB));
  guard.start();
  std::filesystem::remove(disk.dir.file("reserve"));
  guard.look();
  CHECK(disk.reserve() == 8 * kMiB);
  CHECK(guard.has_room());
}

TEST_CASE("disk guard: without a reserve the margin alone decides") {
  Disk disk(100 * kMiB);
  DiskGuard guard(disk.options(0));
  guard.start();
  CHECK(guard.has_room());
  disk.others = disk.room - kIngestMarginBytes + 1;
  guard.look();
  CHECK(!guard.has_room());
  CHECK(!guard.make_room());
  CHECK(!std::filesystem::exists(disk.dir.file("reserve")));
}

TEST_CASE("disk guard: a disk that cannot be read changes nothing") {
  Disk disk(100 * kMiB);
  DiskGuard guard(disk.options(8 * kMiB));
  guard.start();
  disk.unreadable = true;
  guard.look();
  CHECK(guard.has_room());
  CHECK(disk.reserve() == 8 * kMiB);
}

TEST_CASE("disk guard: threads that want room at once each get a step") {
  Disk disk(100 * kMiB);
  DiskGuard guard(disk.options(8 * kMiB));
  guard.start();
  disk.others = disk.room - disk.reserve();
  std::atomic<int> given{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (guard.make_room()) ++given;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(given == 8);
  CHECK(disk.reserve() == 0);
}
