#include "platform/crypto/rsa.h"

#include <doctest/doctest.h>

#include <fstream>

#include "platform/crypto/base64.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;
using tillsync::testing::file_text;
using tillsync::testing::TempDir;

namespace {

/// The openssl command, which shares no code of ours.
int openssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"/usr/bin/env", "openssl"});
  tillsync::testing::ProcessOptions options;
  options.argv = std::move(arguments);
  return tillsync::testing::run_program(options, std::chrono::seconds(60)).status;
}

}  // namespace

TEST_CASE("rsa: what a key signs openssl verifies, by both paddings") {
  const TempDir folder;
  const std::string key_file = folder.file("key.pem"), public_file = folder.file("public.pem");
  REQUIRE(openssl({"genrsa", "-out", key_file, "2048"}) == 0);
  REQUIRE(openssl({"rsa", "-in", key_file, "-pubout", "-out", public_file}) == 0);
  const auto key = RsaKey::from_pem(file_text(key_file));
  REQUIRE(key.has_value());
  const auto verifies = [&](const std::string& message, const std::string& signature, bool pss) {
    std::ofstream(folder.file("message"), std::ios::binary) << message;
    std::ofstream(folder.file("signature"), std::ios::binary) << signature;
    std::vector<std::string> command = {"dgst",      "-sha256",    "-verify",
                                        public_file, "-signature", folder.file("signature")};
    if (pss)
      command.insert(command.end(), {"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"});
    command.push_back(folder.file("message"));
    return openssl(command) == 0;
  };
  const std::string plain = key->sign("message", RsaKey::Padding::kPkcs1);
  const std::string pss = key->sign("message", RsaKey::Padding::kPss);
  CHECK(plain.size() == 256);
  CHECK(verifies("message", plain, false));
  CHECK(verifies("message", pss, true));
  CHECK_FALSE(verifies("massage", plain, false));
  CHECK_FALSE(verifies("message", plain, true));
  CHECK_FALSE(verifies("message", pss, false));
}

TEST_CASE(
    "rsa: a key that is none, of another kind, too short or behind a password is refused with the cure") {
  const TempDir folder;
  const auto detail = [&](std::vector<std::string> command) {
    command.insert(command.begin() + 1, {"-out", folder.file("key.pem")});
    REQUIRE(openssl(command) == 0);
    const auto key = RsaKey::from_pem(file_text(folder.file("key.pem")));
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().kind == ErrorKind::kInvalid);
    return key.error().detail;
  };
  CHECK(detail({"genpkey", "-algorithm", "ed25519"}).find("another kind") != std::string::npos);
  CHECK(detail({"genrsa", "1024"}).find("1024 bits") != std::string::npos);
  CHECK(detail({"genrsa", "-aes128", "-passout", "pass:x", "2048"}).find("without a password") !=
        std::string::npos);
  for (const char* text :
       {"", "s3cret", "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n"}) {
    const auto none = RsaKey::from_pem(text);
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().detail.find("openssl genrsa") != std::string::npos);
    CHECK(none.error().detail.find("s3cret") == std::string::npos);
  }
}

TEST_CASE("base64url: RFC 7515 appendix C") {
  CHECK(to_base64url("\x03\xec\xff\xe0\xc1") == "A-z_4ME");
  CHECK(to_base64url("").empty());
}
