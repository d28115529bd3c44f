#include "platform/service/drop_folder.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;
using tillsync::testing::file_text;
using tillsync::testing::TempDir;
namespace fs = std::filesystem;

namespace {

bool any(std::string_view) {
  return true;
}

void put(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<std::string> names_of(const DropListing& listing) {
  std::vector<std::string> names;
  for (const auto& file : listing.files) names.push_back(file.name);
  return names;
}

using Names = std::vector<std::string>;

/// A folder on another file system than the temporary one, or nothing.
std::optional<fs::path> other_file_system() {
  struct stat here {
  }, there{};
  const auto shm = fs::path("/dev/shm");
  if (::stat(fs::temp_directory_path().c_str(), &here) != 0 || ::stat(shm.c_str(), &there) != 0) return {};
  if (here.st_dev == there.st_dev) return {};
  auto pattern = (shm / "tillsync-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return {};
  return pattern;
}

}  // namespace

TEST_CASE("drop folder: files are listed by name, the first of them where there are too many") {
  TempDir dir;
  for (const char* name : {"c", "a", "B", "d\n\xff", "e"}) put(dir.file(name), name);
  fs::create_directory(dir.path() / "folder");
  const auto all = list_drop_folder(dir.path(), 10, any);
  REQUIRE(all.has_value());
  CHECK(names_of(*all) == Names{"B", "a", "c", "d\n\xff", "e"});
  CHECK_FALSE(all->more);
  CHECK(all->files[1].mark.bytes == 1);
  const auto some = list_drop_folder(dir.path(), 2, any);
  REQUIRE(some.has_value());
  CHECK(names_of(*some) == Names{"B", "a"});
  CHECK(some->more);
  const auto wanted = list_drop_folder(dir.path(), 10, [](std::string_view name) { return name >= "c"; });
  REQUIRE(wanted.has_value());
  CHECK(names_of(*wanted) == Names{"c", "d\n\xff", "e"});
}

TEST_CASE("drop folder: links, pipes and sockets are told apart and never followed or waited for") {
  TempDir dir;
  put(dir.file("file"), "text");
  fs::create_symlink(dir.file("file"), dir.file("link"));
  REQUIRE(::mkfifo(dir.file("pipe").c_str(), 0600) == 0);
  const auto listing = list_drop_folder(dir.path(), 10, any);
  REQUIRE(listing.has_value());
  CHECK(names_of(*listing) == Names{"file"});
  CHECK(listing->others == Names{"link", "pipe"});
  for (const char* name : {"link", "pipe"}) {
    CAPTURE(name);
    const auto read = read_drop_file(dir.file(name), 100);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code == "not-a-file");
  }
  CHECK_FALSE(read_drop_file(dir.path(), 100).has_value());
}

TEST_CASE("drop folder: what is not there, too large or not readable says so") {
  TempDir dir;
  CHECK(list_drop_folder(dir.file("none"), 10, any).error().code == "no-folder");
  CHECK(read_drop_file(dir.file("none"), 10).error().kind == ErrorKind::kNotFound);
  put(dir.file("eleven"), "12345678901");
  CHECK(read_drop_file(dir.file("eleven"), 10).error().code == "too-large");
  const auto read = read_drop_file(dir.file("eleven"), 11);
  REQUIRE(read.has_value());
  CHECK(read->bytes == "12345678901");
  CHECK(read->mark == file_mark(dir.file("eleven")).value());
  put(dir.file("eleven"), "12345678902");
  fs::last_write_time(dir.file("eleven"), fs::file_time_type::clock::now() + std::chrono::seconds(5));
  CHECK_FALSE(read->mark == file_mark(dir.file("eleven")).value());
}

TEST_CASE("drop folder: a move replaces nothing") {
  TempDir dir;
  put(dir.file("a"), "one");
  put(dir.file("b"), "two");
  const auto refused = move_drop_file(dir.file("a"), dir.file("b"));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == "exists");
  CHECK(file_text(dir.file("a")) == "one");
  CHECK(file_text(dir.file("b")) == "two");
  CHECK(move_drop_file(dir.file("a"), dir.file("c")).has_value());
  CHECK(file_text(dir.file("c")) == "one");
  CHECK_FALSE(fs::exists(dir.file("a")));
}

TEST_CASE("drop folder: a move to another file system is a copy, whole or not at all") {
  const auto other = other_file_system();
  if (!other) {
    MESSAGE("there is no second file system at /dev/shm");
    return;
  }
  TempDir dir;
  const std::string content(3'000'001, 'x');
  put(dir.file("a"), content);
  const auto to = (*other / "a").string();
  CHECK(move_drop_file(dir.file("a"), to).has_value());
  CHECK(file_text(to) == content);
  CHECK_FALSE(fs::exists(dir.file("a")));
  put(dir.file("a"), "another");
  const auto refused = move_drop_file(dir.file("a"), to);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == "exists");
  CHECK(file_text(dir.file("a")) == "another");
  CHECK(file_text(to) == content);
  CHECK(std::distance(fs::directory_iterator(*other), {}) == 1);  // no part of a copy is left
  fs::remove_all(*other);
}

TEST_CASE("drop folder: a file beside is written whole, over an older one") {
  TempDir dir;
  CHECK(write_beside(dir.file("reason"), "first").has_value());
  CHECK(write_beside(dir.file("reason"), "second").has_value());
  CHECK(file_text(dir.file("reason")) == "second");
  CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 1);
  CHECK_FALSE(write_beside(dir.file("none/reason"), "text").has_value());
}

TEST_CASE("drop folder: a folder is made once, and a file in its place is no folder") {
  TempDir dir;
  CHECK(make_drop_folder(dir.file("done")).has_value());
  CHECK(make_drop_folder(dir.file("done")).has_value());
  CHECK(fs::is_directory(dir.file("done")));
  put(dir.file("file"), "x");
  CHECK_FALSE(make_drop_folder(dir.file("file")).has_value());
  CHECK_FALSE(make_drop_folder(dir.file("none/done")).has_value());
}
