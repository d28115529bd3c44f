#include "agent/connectors/blot.h"

#include <doctest/doctest.h>

using namespace tillsync;

namespace {

std::string blotted(const std::vector<std::string>& secrets, std::string text) {
  Blot(secrets).out_of(text);
  return text;
}

}  // namespace

TEST_CASE("blot: a secret goes in every form in which a target may repeat it") {
  const std::string secret = "s3c\"r/et+";
  CHECK(blotted({secret}, "is s3c\"r/et+ right?") == "is *** right?");
  CHECK(blotted({secret}, R"({"sent":"s3c\"r/et+"})") == R"({"sent":"***"})");
  CHECK(blotted({secret}, "password=s3c%22r%2Fet%2B&x=1") == "password=***&x=1");
  CHECK(blotted({"till:" + secret}, "Authorization: Basic dGlsbDpzM2Mici9ldCs=") ==
        "Authorization: Basic ***");
  CHECK(blotted({secret}, "s3c") == "s3c");
}

TEST_CASE("blot: a secret within another leaves nothing of the longer one") {
  CHECK(blotted({"token-1", "Bearer token-1"}, "Bearer token-1, token-1") == "***, ***");
}

TEST_CASE("blot: one that is too short is left where it is, and none is no work") {
  CHECK(blotted({"abcde", ""}, "abcde") == "abcde");
  CHECK(blotted({"abcdef"}, "abcdef") == "***");
  CHECK(blotted({}, "abcdef") == "abcdef");
}

TEST_CASE("blot: of a header's value its long words are secrets by themselves") {
  std::vector<std::string> secrets;
  add_words(secrets, "token 0123456789ab:cdef0123456789; path=/x");
  CHECK(secrets == std::vector<std::string>{"0123456789ab", "cdef0123456789"});
}

TEST_CASE("blot: headers are looked through as well") {
  http::Answer answer;
  answer.headers = {{"x-echo", "Bearer token-1"}, {"x-other", "1"}};
  answer.body = "token-1";
  Blot({"token-1"}).out_of(answer);
  CHECK(answer.body == "***");
  CHECK(answer.headers[0].second == "Bearer ***");
  CHECK(answer.headers[1].second == "1");
}
