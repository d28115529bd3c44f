#include "platform/transfer/local_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

using namespace tillsync;

TEST_CASE("local folder: a file comes whole, replaces what was there, and leaves nothing beside it") {
  testing::TempDir dir;
  transfer::LocalFolder folder(dir.path().string(), system_files());
  REQUIRE(folder.put("a.csv", "one").has_value());
  REQUIRE(folder.put("a.csv", std::string(100'000, 'x')).has_value());
  CHECK(folder.get("a.csv", 100'000).value() == std::string(100'000, 'x'));
  CHECK(folder.get("a.csv", 99'999).error().code == "too-large");
  CHECK_FALSE(folder.get("b.csv", 10).value().has_value());
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()),
                      std::filesystem::directory_iterator()) == 1);
}

TEST_CASE("local folder: one that is not there is never made, and nothing can be in it") {
  testing::TempDir dir;
  transfer::LocalFolder folder(dir.file("share"), system_files());
  const auto put = folder.put("a.csv", "one");
  REQUIRE_FALSE(put.has_value());
  CHECK(put.error().code == "no-folder");
  CHECK_FALSE(transfer::may_be_there(put.error().code));
  CHECK(folder.reach().error().code == "no-folder");
  CHECK(folder.get("a.csv", 10).error().code == "no-folder");
  CHECK_FALSE(std::filesystem::exists(dir.file("share")));
  // A file in the folder's place is none either.
  std::ofstream(dir.file("share")) << "x";
  CHECK(folder.reach().error().code == "no-folder");
}
