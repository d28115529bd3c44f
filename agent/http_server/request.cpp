// A request's parts as handlers ask for them.
#include <algorithm>

#include "agent/http_server/server.h"

namespace tillsync {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// RFC 3986 section 2.1. A '%' that begins no escape stands for itself. `form`: '+' is a blank, as in a
/// form's query.
std::string percent_decoded(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
      i += 2;
    } else {
      out.push_back(form && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

}  // namespace

std::string_view ServerRequest::header(std::string_view name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::string> ServerRequest::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (percent_decoded(pair.substr(0, equals), true) != name) continue;
    return equals == std::string_view::npos ? std::string() : percent_decoded(pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

std::vector<std::string> ServerRequest::segments() const {
  std::vector<std::string> out;
  std::string_view rest = path;
  while (!rest.empty()) {
    if (rest.front() == '/') rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment.empty() && rest.empty()) break;  // a trailing '/' adds no segment
    out.push_back(percent_decoded(segment, false));
    rest.remove_prefix(segment.size());
  }
  return out;
}

}  // namespace tillsync
