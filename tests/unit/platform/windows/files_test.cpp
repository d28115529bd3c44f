// The seams to files: locks, held space, drop folders, sealed secrets.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "platform/service/drop_folder.h"
#include "platform/service/file_stamp.h"
#include "platform/service/held_space.h"
#include "platform/service/places.h"
#include "platform/service/sealed_secret.h"
#include "platform/service/service_host.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;
using tillsync::testing::TempDir;

namespace {

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

bool any(std::string_view) {
  return true;
}

}  // namespace

TEST_CASE("file lock on Windows: one holder, whom the other is told") {
  const TempDir dir;
  const auto path = dir.file("lock");
  auto held = FileLock::acquire(path);
  REQUIRE(held.has_value());
  const auto second = FileLock::acquire(path);
  REQUIRE(!second.has_value());
  CHECK(second.error().code == "locked");
  CHECK(second.error().detail.find(std::to_string(process_id())) != std::string::npos);
  { const FileLock moved = *std::move(held); }
  CHECK(FileLock::acquire(path).has_value());
}

TEST_CASE("held space on Windows: grows, shrinks, and tells what it has") {
  const TempDir dir;
  const auto path = dir.file("reserve");
  CHECK(held_bytes(path).value() == 0);
  REQUIRE(hold_bytes(path, 3'000'000).has_value());
  CHECK(held_bytes(path).value() == 3'000'000);
  REQUIRE(hold_bytes(path, 3'000'000).has_value());
  REQUIRE(release_to_bytes(path, 1'000'000).has_value());
  CHECK(held_bytes(path).value() == 1'000'000);
  CHECK(!hold_bytes(dir.file("no/folder"), 1).has_value());
}

TEST_CASE("drop folder on Windows: lists by name, reads whole, never replaces") {
  const TempDir dir;
  write(dir.file("b.txt"), "bb");
  write(dir.file("a.txt"), "a\r\na");
  write(dir.file("c.txt"), "");
  std::filesystem::create_directory(dir.file("done"));
  const auto listing = list_drop_folder(dir.path().string(), 2, any);
  REQUIRE(listing.has_value());
  REQUIRE(listing->files.size() == 2);
  CHECK(listing->files[0].name == "a.txt");
  CHECK(listing->files[1].name == "b.txt");
  CHECK(listing->more);
  const auto content = read_drop_file(dir.file("a.txt"), 100);
  REQUIRE(content.has_value());
  CHECK(content->bytes == "a\r\na");
  CHECK(content->mark == listing->files[0].mark);
  CHECK(read_drop_file(dir.file("a.txt"), 3).error().code == "too-large");
  CHECK(read_drop_file(dir.file("done"), 3).error().code == "not-a-file");
  write(dir.file("a.txt"), "other text");
  CHECK_FALSE(file_mark(dir.file("a.txt")).value() == content->mark);
  CHECK(move_drop_file(dir.file("a.txt"), dir.file("b.txt")).error().code == "exists");
  REQUIRE(move_drop_file(dir.file("a.txt"), dir.file("done/a.txt")).has_value());
  CHECK(file_mark(dir.file("a.txt")).error().kind == ErrorKind::kNotFound);
  REQUIRE(write_beside(dir.file("b.txt"), "anew").has_value());
  CHECK(read_drop_file(dir.file("b.txt"), 100)->bytes == "anew");
  CHECK(list_drop_folder(dir.file("nowhere"), 1, any).error().code == "no-folder");
  CHECK(make_drop_folder(dir.file("made")).has_value());
  CHECK(make_drop_folder(dir.file("made")).has_value());
  CHECK(!make_drop_folder(dir.file("b.txt")).has_value());
}

TEST_CASE("file stamp on Windows: another file of the same name is seen") {
  const TempDir dir;
  const auto path = dir.file("f");
  CHECK(!stamp_of(path));
  write(path, "one");
  const auto first = stamp_of(path);
  REQUIRE(first);
  CHECK(stamp_of(path) == first);
  write(path, "longer");
  CHECK(stamp_of(path) != first);
}

TEST_CASE("files on Windows: what is made durable has to be there") {
  const TempDir dir;
  write(dir.file("f"), "x");
  CHECK(fsync_file(dir.file("f")).has_value());
  CHECK(!fsync_file(dir.file("gone")).has_value());
  CHECK(fsync_directory(dir.path().string()).has_value());
  CHECK(!fsync_directory(dir.file("f")).has_value());
  CHECK(!fsync_directory(dir.file("gone")).has_value());
  CHECK(free_bytes(dir.path().string()).value() > 0);
}

TEST_CASE("sealed secret on Windows: opens here, and not where a bit is another one") {
  const std::string secret = "s3cret \xc3\xa4\n";
  const auto sealed = seal_secret(secret);
  REQUIRE(sealed.has_value());
  CHECK(sealed->find("s3cret") == std::string::npos);
  CHECK(unseal_secret(*sealed).value() == secret);
  auto changed = *sealed;
  changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
  CHECK(!unseal_secret(changed).has_value());
  CHECK(!unseal_secret("no sealed secret").has_value());
}

TEST_CASE("places on Windows: settings and data in the machine's folder, time zones in the program") {
  CHECK(settings_file_default().ends_with("/tillsync/tillsync.toml"));
  CHECK(data_folder_default().ends_with("/tillsync/journal"));
  CHECK(till_socket_default().empty());
  CHECK(zone_rules("Europe/London").starts_with("TZif"));
  CHECK(zone_rules("Nowhere/Town").empty());
}
