#include "tests/bench/programs/sink/request.h"

#include <strings.h>

#include <charconv>

namespace tillsync::bench {
namespace {

bool is(std::string_view name, std::string_view wanted) {
  return name.size() == wanted.size() && ::strncasecmp(name.data(), wanted.data(), name.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  return text;
}

bool take_header(std::string_view line, SinkRequest& request, std::size_t& body_bytes) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const auto name = line.substr(0, colon);
  const auto value = trimmed(line.substr(colon + 1));
  if (is(name, "content-length")) {
    const auto read = std::from_chars(value.data(), value.data() + value.size(), body_bytes);
    return read.ec == std::errc() && read.ptr == value.data() + value.size();
  }
  if (is(name, "idempotency-key")) request.key = value;
  if (is(name, "expect")) request.wants_continue = true;
  return !is(name, "transfer-encoding");
}

}  // namespace

Reading read_request(std::string_view in, SinkRequest& request, std::size_t& bytes) {
  const auto end = in.find("\r\n\r\n");
  if (end == std::string_view::npos) return Reading::kPartial;
  std::string_view head = in.substr(0, end + 2);
  const auto first = head.substr(0, head.find("\r\n"));
  const auto method_end = first.find(' ');
  const auto target_end = first.rfind(' ');
  if (method_end == std::string_view::npos || target_end <= method_end) return Reading::kMalformed;
  request.method = first.substr(0, method_end);
  request.target = first.substr(method_end + 1, target_end - method_end - 1);
  std::size_t body_bytes = 0;
  for (head.remove_prefix(first.size() + 2); !head.empty();) {
    const auto line_end = head.find("\r\n");
    if (!take_header(head.substr(0, line_end), request, body_bytes)) return Reading::kMalformed;
    head.remove_prefix(line_end + 2);
  }
  if (in.size() < end + 4 + body_bytes) return Reading::kPartial;
  request.body = in.substr(end + 4, body_bytes);
  bytes = end + 4 + body_bytes;
  return Reading::kWhole;
}

}  // namespace tillsync::bench
