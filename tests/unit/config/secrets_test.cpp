#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/settings.h"
#include "config/suggestion.h"
#include "tests/support/environment.h"

using namespace tillsync;

namespace {

/// A file with that content, removed at the end.
struct SecretFile {
  explicit SecretFile(const std::string& content)
      : path((std::filesystem::temp_directory_path() / ("tillsync_secret_" + std::to_string(std::rand())))
                 .string()) {
    std::ofstream(path, std::ios::binary) << content;
  }
  ~SecretFile() { std::filesystem::remove(path); }
  std::string path;
};

}  // namespace

TEST_CASE("secrets: no reference is no secret") {
  CHECK(read_secret({""}).value().empty());
}

TEST_CASE("secrets: a file's trailing line ends are no part of the secret") {
  const SecretFile file("s3cret \r\n\n");
  CHECK(read_secret({"file:" + file.path}).value() == "s3cret ");
}

TEST_CASE("secrets: one is read anew each time, so that a changed file counts") {
  const SecretFile file("old");
  CHECK(read_secret({"file:" + file.path}).value() == "old");
  std::ofstream(file.path) << "new";
  CHECK(read_secret({"file:" + file.path}).value() == "new");
}

TEST_CASE("secrets: the environment") {
  testing::set_environment("TILLSYNC_TEST_SECRET", "from-env");
  CHECK(read_secret({"env:TILLSYNC_TEST_SECRET"}).value() == "from-env");
  testing::unset_environment("TILLSYNC_TEST_SECRET");
  const auto gone = read_secret({"env:TILLSYNC_TEST_SECRET"});
  REQUIRE(!gone);
  CHECK(gone.error().kind == ErrorKind::kUnavailable);
  CHECK(gone.error().detail.find("env:TILLSYNC_TEST_SECRET") != std::string::npos);
}

TEST_CASE("secrets: a credential of systemd's is a file in its folder") {
  const SecretReference reference{"systemd-credential:erp.token"};
  testing::unset_environment("CREDENTIALS_DIRECTORY");
  const auto without = read_secret(reference);
  REQUIRE(!without);
  CHECK(without.error().kind == ErrorKind::kUnavailable);
  CHECK(without.error().detail.find("LoadCredential=erp.token:") != std::string::npos);
  const auto folder =
      std::filesystem::temp_directory_path() / ("tillsync_credentials_" + std::to_string(std::rand()));
  std::filesystem::create_directory(folder);
  testing::set_environment("CREDENTIALS_DIRECTORY", folder.string());
  const auto missing = read_secret(reference);
  REQUIRE(!missing);
  CHECK(missing.error().detail.find("no credential of this unit") != std::string::npos);
  std::ofstream(folder / "erp.token") << "s3cret\n";
  CHECK(read_secret(reference).value() == "s3cret");
  std::ofstream(folder / "erp.token") << "";
  CHECK(read_secret(reference).error().detail.find("is empty") != std::string::npos);
  testing::unset_environment("CREDENTIALS_DIRECTORY");
  std::filesystem::remove_all(folder);
}

TEST_CASE("secrets: only one that may has several lines") {
  const SecretFile key("-----BEGIN\r\n\tabc\n-----END\n\n");
  CHECK(read_secret({"file:" + key.path, true}).value() == "-----BEGIN\r\n\tabc\n-----END");
  CHECK(!read_secret({"file:" + key.path}));
  const SecretFile odd("a\n\x1b[2J");
  const auto refused = read_secret({"file:" + odd.path, true});
  REQUIRE(!refused);
  CHECK(refused.error().detail.find("lines of text") != std::string::npos);
}

TEST_CASE("secrets: a failure names the reference, never the secret") {
  const auto missing = read_secret({"file:/nonexistent/secret"});
  REQUIRE(!missing);
  CHECK(missing.error().kind == ErrorKind::kUnavailable);
  CHECK(missing.error().detail.find("file:/nonexistent/secret") != std::string::npos);

  const SecretFile split("hunter2\nX-Evil: 1");
  const auto header = read_secret({"file:" + split.path});
  REQUIRE(!header);
  CHECK(header.error().detail.find("hunter2") == std::string::npos);

  const SecretFile empty("\n");
  CHECK(!read_secret({"file:" + empty.path}));
  const SecretFile large(std::string(65 * 1024, 'x'));
  CHECK(!read_secret({"file:" + large.path}));
  const auto literal = read_secret({"hunter2"});
  REQUIRE(!literal);
  CHECK(literal.error().detail.find("hunter2") == std::string::npos);
}

TEST_CASE("suggestions: near words are found, far ones are not made up") {
  CHECK(nearest_word("stauts", {"status", "watch"}) == "status");
  CHECK(nearest_word("wacth", {"status", "watch"}) == "watch");
  CHECK(nearest_word("frobnicate", {"status", "watch"}).empty());
  CHECK(nearest_word("", {"status"}).empty());
  CHECK(did_you_mean("statu", {"status"}) == "; did you mean \"status\"?");
}
