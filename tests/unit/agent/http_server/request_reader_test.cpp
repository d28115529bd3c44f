#include "agent/http_server/request_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace tillsync;

namespace {

/// The bodies of the requests in `bytes`, which come `piece` bytes at a time; "failed" at the end where one
/// is refused.
std::vector<std::string> bodies_of(std::string bytes, std::size_t piece) {
  std::vector<std::string> bodies;
  RequestReader reader(1024);
  std::string input;
  while (!input.empty() || !bytes.empty()) {
    input += bytes.substr(0, piece);
    bytes.erase(0, piece);
    for (std::size_t used = 1; used > 0;) {
      used = reader.feed(input);
      input.erase(0, used);
      if (reader.state() == RequestReader::State::kHeadDone) reader.allow_body(64);
      if (reader.state() == RequestReader::State::kFailed) return bodies.emplace_back("failed"), bodies;
      if (reader.state() != RequestReader::State::kDone) continue;
      bodies.push_back(reader.request().body);
      reader.begin();
    }
    if (bytes.empty()) break;
  }
  return bodies;
}

}  // namespace

TEST_CASE("request reader: the pieces that a request comes in change nothing") {
  const std::string post = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string bytes = post + "0\r\n\r\n" + post + "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nLate: x\r\n\r\n" +
                            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n";
  const std::vector<std::string> expected{"", "hello!", "abc", ""};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    CAPTURE(piece);
    CHECK(bodies_of(bytes, piece) == expected);
  }
}

TEST_CASE("request reader: a broken last chunk fails in any pieces") {
  const std::string bytes = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx\r\n\r\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    CAPTURE(piece);
    CHECK(bodies_of(bytes, piece) == std::vector<std::string>{"failed"});
  }
}
