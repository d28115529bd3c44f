#include "platform/service/held_space.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

using namespace tillsync;
using tillsync::testing::TempDir;

namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

std::int64_t taken_on_disk(const std::string& path) {
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return static_cast<std::int64_t>(facts.st_blocks) * 512;
}

}  // namespace

TEST_CASE("held space: grows, shrinks, and every byte of it is taken on the disk") {
  const TempDir dir;
  const auto path = dir.file("reserve");
  CHECK(held_bytes(path).value() == 0);
  REQUIRE(hold_bytes(path, 3 * kMiB).has_value());
  CHECK(held_bytes(path).value() == 3 * kMiB);
  CHECK(taken_on_disk(path) >= 3 * kMiB);
  REQUIRE(release_to_bytes(path, kMiB).has_value());
  CHECK(held_bytes(path).value() == kMiB);
  CHECK(taken_on_disk(path) < 2 * kMiB);
  REQUIRE(hold_bytes(path, 2 * kMiB).has_value());
  CHECK(taken_on_disk(path) >= 2 * kMiB);
  REQUIRE(release_to_bytes(path, 0).has_value());
  CHECK(held_bytes(path).value() == 0);
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0137) == 0);  // not for others to read, nor to run
}

TEST_CASE("held space: a sparse copy is filled") {
  const TempDir dir;
  const auto path = dir.file("reserve");
  std::ofstream(path).flush();
  std::filesystem::resize_file(path, 2 * kMiB);
  REQUIRE(taken_on_disk(path) < kMiB);
  REQUIRE(hold_bytes(path, 2 * kMiB).has_value());
  CHECK(taken_on_disk(path) >= 2 * kMiB);
}

TEST_CASE("held space: what cannot be had leaves the file as it was, and says so") {
  const TempDir dir;
  const auto path = dir.file("reserve");
  REQUIRE(hold_bytes(path, kMiB).has_value());
  const auto space = std::filesystem::space(dir.path());
  const auto more = hold_bytes(path, static_cast<std::int64_t>(space.capacity) + kMiB);
  REQUIRE(!more.has_value());
  CHECK(more.error().kind == ErrorKind::kStorage);
  CHECK(held_bytes(path).value() == kMiB);
  CHECK(!hold_bytes("/nonexistent/reserve", kMiB).has_value());
  CHECK(!release_to_bytes("/nonexistent/reserve", 0).has_value());
}

TEST_CASE("held space: a link in its place is not followed") {
  const TempDir dir;
  std::ofstream(dir.file("precious")) << "precious";
  std::filesystem::create_symlink(dir.file("precious"), dir.file("reserve"));
  CHECK(!hold_bytes(dir.file("reserve"), kMiB).has_value());
  CHECK(!release_to_bytes(dir.file("reserve"), 0).has_value());
  CHECK(std::filesystem::file_size(dir.file("precious")) == 8);
}
