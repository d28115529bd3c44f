#include "platform/service/folder_watch.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/temp_dir.h"

using namespace tillsync;
using Woken = FolderWatch::Woken;
using namespace std::chrono_literals;

namespace {

struct Watched {
  Watched() : watch(std::move(FolderWatch::open().value())) {
    std::filesystem::create_directory(dir.path() / "folder");
    REQUIRE(watch->watch(dir.file("folder")));
  }
  void put(const std::string& name) { std::ofstream(dir.file(name)) << "text"; }

  testing::TempDir dir;
  std::unique_ptr<FolderWatch> watch;
};

}  // namespace

TEST_CASE("folder watch: a file written, and one renamed into the folder, are a hint each") {
  Watched bench;
  CHECK(bench.watch->wait(0ms) == Woken::kTimeout);
  bench.put("folder/a");
  CHECK(bench.watch->wait(10s) == Woken::kHint);
  CHECK(bench.watch->wait(0ms) == Woken::kTimeout);  // one hint for all that came
  bench.put("b");
  CHECK(bench.watch->wait(0ms) == Woken::kTimeout);  // beside the folder
  std::filesystem::rename(bench.dir.file("b"), bench.dir.file("folder/b"));
  CHECK(bench.watch->wait(10s) == Woken::kHint);
}

TEST_CASE("folder watch: a folder made anew is watched again") {
  Watched bench;
  std::filesystem::remove_all(bench.dir.file("folder"));
  CHECK_FALSE(bench.watch->watch(bench.dir.file("folder")));
  std::filesystem::create_directory(bench.dir.file("folder"));
  CHECK(bench.watch->watch(bench.dir.file("folder")));
  while (bench.watch->wait(0ms) == Woken::kHint) {
  }  // that the old one is gone
  bench.put("folder/a");
  CHECK(bench.watch->wait(10s) == Woken::kHint);
}

TEST_CASE("folder watch: stop ends the wait of another thread, and every later one") {
  Watched bench;
  Woken woken = Woken::kTimeout;
  std::thread waiter([&] { woken = bench.watch->wait(60s); });
  bench.watch->stop();
  waiter.join();
  CHECK(woken == Woken::kStopped);
  CHECK(bench.watch->wait(60s) == Woken::kStopped);
}
