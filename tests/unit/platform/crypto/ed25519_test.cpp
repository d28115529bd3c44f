#include "platform/crypto/ed25519.h"

#include <doctest/doctest.h>

#include "platform/crypto/base64.h"
#include "platform/crypto/sha256.h"

using namespace tillsync;

TEST_CASE("ed25519: RFC 8032 section 7.1, test 2, by a key in PKCS #8") {
  // The RFC's seed behind the fixed front of an Ed25519 PKCS #8 (RFC 8410, section 7).
  const auto seed = from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const auto front = from_hex("302e020100300506032b657004220420");
  const auto key = SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\n" + to_base64(*front + *seed) +
                                        "\n-----END PRIVATE KEY-----\n");
  REQUIRE(key.has_value());
  CHECK(to_hex(key->public_key()) == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  CHECK(to_hex(key->sign("r")) ==
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST_CASE("ed25519: a made pair signs and verifies, and nothing else passes") {
  const auto pair = make_ed25519_pair();
  const auto other = make_ed25519_pair();
  CHECK(pair.private_key != other.private_key);
  const auto signing = SigningKey::from_pem(pair.private_key);
  const auto trusted = VerifyingKey::from_pem(pair.public_key);
  REQUIRE(signing.has_value());
  REQUIRE(trusted.has_value());
  CHECK(signing->public_key() == trusted->public_key());
  auto signature = signing->sign("message");
  CHECK(trusted->verifies("message", signature));
  CHECK(!trusted->verifies("massage", signature));
  CHECK(!VerifyingKey::from_pem(other.public_key)->verifies("message", signature));
  signature[10] = static_cast<char>(signature[10] ^ 1);
  CHECK(!trusted->verifies("message", signature));
  CHECK(!trusted->verifies("message", ""));
}

TEST_CASE("ed25519: what is no key, or the wrong half, is refused") {
  const auto pair = make_ed25519_pair();
  for (const std::string& text : {std::string(), std::string("key"), pair.public_key})
    CHECK(SigningKey::from_pem(text).error().code == "key");
  for (const std::string& text : {std::string(), std::string("key"), pair.private_key})
    CHECK(VerifyingKey::from_pem(text).error().code == "key");
}

TEST_CASE("base64: reads back what it wrote, and refuses what it never writes") {
  for (const std::string& bytes :
       {std::string(), std::string("a"), std::string("ab"), std::string("abc"), std::string("\0\xff\n=", 4)})
    CHECK(from_base64(to_base64(bytes)) == bytes);
  for (const char* text : {"abc", "ab=c", "a===", "====", "ab c", "abcd\n",
                           " YQ==", "YQ==YQ==", "YR==", "YW==", "Yf==", "YWJ=", "YWL="})
    CHECK(!from_base64(text).has_value());
}
