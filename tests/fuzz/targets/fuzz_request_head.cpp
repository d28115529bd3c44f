// HTTP requests off the wire, as Connection reads them: in whatever pieces they come, the same requests come
// out, and none that another server could read differently.
//
// The first three bytes choose the pieces' size, the largest head and the largest body.
#include <algorithm>
#include <tuple>

#include "agent/http_server/request_reader.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

struct Limits {
  std::uint32_t header_bytes_max;
  std::uint64_t body_bytes_max;
};

/// A request with what the reader knew of it.
using Read = std::tuple<std::string, std::string, std::string,
                        std::vector<std::pair<std::string, std::string>>, std::string, bool, bool>;

struct Outcome {
  std::vector<Read> requests;
  bool failed = false;
  ProtocolError error = ProtocolError::kMalformed;
  bool operator==(const Outcome&) const = default;
};

void check_request(const ServerRequest& request, const Limits& limits) {
  FUZZ_CHECK(!request.method.empty(), "a request has a method");
  FUZZ_CHECK(request.body.size() <= limits.body_bytes_max, "a body is bounded");
  FUZZ_CHECK(request.path.find_first_of("?#") == std::string::npos, "a path ends where the query begins");
  std::size_t bytes = request.method.size() + request.path.size() + request.query.size();
  std::string_view length, coding;
  bool has_length = false;
  for (const auto& [name, value] : request.headers) {
    bytes += name.size() + value.size();
    FUZZ_CHECK(
        !name.empty() && std::none_of(name.begin(), name.end(),
                                      [](char c) { return c <= ' ' || c == ':' || (c >= 'A' && c <= 'Z'); }),
        "a header's name is a lower-case token");
    FUZZ_CHECK(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
               "a value is one line");
    if (name == "transfer-encoding") coding = value;
    if (name != "content-length") continue;
    FUZZ_CHECK(!has_length || length == value, "a body has one length");
    length = value;
    has_length = true;
  }
  FUZZ_CHECK(bytes <= limits.header_bytes_max, "a head is bounded");
  FUZZ_CHECK(!has_length || coding.empty(), "a body has one end (RFC 9112 section 6.3)");
  for (const auto& segment : request.segments())
    FUZZ_CHECK(segment.size() <= request.path.size(), "no longer");
  request.parameter("limit");
}

/// Reads as Connection does: what is unused is given again with the next piece behind it.
Outcome read(std::string_view bytes, std::size_t piece, const Limits& limits) {
  Outcome outcome;
  RequestReader reader(limits.header_bytes_max);
  std::string input;
  for (;;) {
    if (reader.state() == RequestReader::State::kHead || reader.state() == RequestReader::State::kBody) {
      const std::size_t used = reader.feed(input);
      FUZZ_CHECK(used <= input.size(), "no more is used than was given");
      input.erase(0, used);
    }
    if (reader.state() == RequestReader::State::kHeadDone) {
      check_request(reader.request(), limits);
      reader.allow_body(limits.body_bytes_max);
      if (reader.state() == RequestReader::State::kBody) continue;
    }
    if (reader.state() == RequestReader::State::kDone) {
      auto& request = reader.request();
      check_request(request, limits);
      outcome.requests.emplace_back(request.method, request.path, request.query, request.headers,
                                    request.body, reader.keep_alive(), reader.http_1_0());
      if (!reader.keep_alive()) return outcome;
      reader.begin();
      if (!input.empty()) continue;
    }
    if (reader.state() == RequestReader::State::kFailed) {
      outcome.failed = true;
      outcome.error = reader.error();
      return outcome;
    }
    if (bytes.empty()) return outcome;
    const auto next = bytes.substr(0, piece);
    input += next;
    bytes.remove_prefix(next.size());
  }
}

void check(std::string_view bytes, std::size_t piece, const Limits& limits) {
  const Outcome whole = read(bytes, std::max<std::size_t>(bytes.size(), 1), limits);
  const Outcome pieces = read(bytes, piece, limits);
  const auto told = [](const Outcome& outcome) {
    return std::to_string(outcome.requests.size()) + " requests, then " +
           (outcome.failed ? "error " + std::to_string(static_cast<int>(outcome.error)) : "the end");
  };
  const std::string difference = "whole: " + told(whole) + "; in pieces: " + told(pieces);
  FUZZ_CHECK(whole.requests == pieces.requests && whole.failed == pieces.failed, difference);
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillsync::fuzz::Choices choices(tillsync::fuzz::text_of(data, size));
  const std::size_t piece = choices.below(255) + 1;
  const std::uint32_t header_bytes_max = choices.below(2) == 0 ? 16 * 1024 : 256;
  const std::uint64_t body_bytes_max = choices.below(2) == 0 ? 64 * 1024 : 16;
  // With an end to every head: a fault in one that never ends is found at once in the whole, and only at the
  // limit in pieces.
  const std::string bytes = std::string(choices.rest()) + "\r\n\r\n\r\n\r\n";
  tillsync::fuzz::check(bytes, piece, {header_bytes_max, body_bytes_max});
  return 0;
}
