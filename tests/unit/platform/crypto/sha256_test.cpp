#include "platform/crypto/sha256.h"

#include <doctest/doctest.h>

using namespace tillsync;

TEST_CASE("sha256: the examples of FIPS 180-4") {
  CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("sha256: parts hash like the whole, and a finished object begins anew") {
  Sha256 hash;
  for (int i = 0; i < 1000; ++i) hash.update(std::string(1000, 'a'));
  CHECK(to_hex(hash.finish()) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK(hash.update("a").update("bc").finish() == sha256("abc"));
}

TEST_CASE("hex: bytes are two lower-case digits each") {
  CHECK(to_hex(std::string_view("\x00\x7f\xff", 3)) == "007fff");
  const auto digest = sha256("abc");
  CHECK(to_hex(as_bytes(digest)) == to_hex(digest));
}
