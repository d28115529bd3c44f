#include "platform/tls/server_tls.h"

#include <doctest/doctest.h>

#include "tests/support/test_certificate.h"

using namespace tillsync;
using namespace tillsync::testing;
using tls::ServerContext;

namespace {

/// Of another pair than the test certificate's (prime256v1; made for this test).
constexpr const char* kOtherKey = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbXEPAwkMs07Zhtdd
MrP0tJf2fRo8DYHnkVp9Kj0iKLKhRANCAAT6xg8VNbyMyBJxddaKGlK4M4UtGGSi
ZfJKe7U/7Xe1mB36KVHlQtnoCCkB6NPWMuTPpMZQumpPTVmcy+HmwH6H
-----END PRIVATE KEY-----
)";

std::string code(const tls::ServerPems& pems) {
  const auto context = ServerContext::make(pems);
  if (context) return "";
  CHECK(context.error().kind == ErrorKind::kInvalid);
  CHECK(context.error().detail.find("PRIVATE KEY-----\n") == std::string::npos);
  return context.error().code;
}

}  // namespace

TEST_CASE("tls context: a pair that fits is taken, and its names and end are known") {
  const auto context = ServerContext::make({kTestCertificate, kTestKey, kTestCertificate});
  REQUIRE(context.has_value());
  const auto& facts = (*context)->certificate();
  CHECK(facts.subject == "CN=till.example");
  CHECK(facts.names == std::vector<std::string>{"till.example", "127.0.0.1", "till@shop.example"});
  CHECK(facts.host == "till.example");
  CHECK(facts.not_after > facts.not_before + std::chrono::days(36'499));
  CHECK(tls::days_left(facts, facts.not_after - std::chrono::days(3)) == 3);
  CHECK(tls::days_left(facts, facts.not_after - std::chrono::seconds(1)) == 0);
  CHECK(tls::days_left(facts, facts.not_after + std::chrono::seconds(1)) == -1);
}

TEST_CASE("tls context: what does not fit is named") {
  CHECK(code({"", kTestKey, ""}) == "certificate");
  CHECK(code({kTestKey, kTestKey, ""}) == "certificate");
  CHECK(code({std::string(kTestCertificate).substr(0, 300), kTestKey, ""}) == "certificate");
  CHECK(code({kTestCertificate, "", ""}) == "key");
  CHECK(code({kTestCertificate, kTestCertificate, ""}) == "key");
  CHECK(code({kTestCertificate, kOtherKey, ""}) == "key");
  CHECK(code({kTestCertificate, kTestKey, "nothing"}) == "client-ca");
}

TEST_CASE("tls session: what is no TLS fails at once, plain HTTP by name, and half a hello waits for more") {
  const auto context = *ServerContext::make({kTestCertificate, kTestKey, ""});
  tls::ServerSession http(context);
  CHECK(http.handshake() == tls::ServerSession::State::kNeedsInput);
  http.feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(http.handshake() == tls::ServerSession::State::kFailed);
  CHECK(http.failure() == "http request");
  tls::ServerSession garbage(context);
  garbage.feed(std::string(100, '\xff'));
  CHECK(garbage.handshake() == tls::ServerSession::State::kFailed);
  CHECK(!garbage.failure().empty());
  tls::ServerSession half(context);
  half.feed(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  CHECK(half.handshake() == tls::ServerSession::State::kNeedsInput);
  CHECK(half.client_names().empty());
  half.say_goodbye();  // before there is a session: says nothing, breaks nothing
  CHECK(half.take_output().empty());
}
