#include "platform/log/printable.h"

#include <fmt/format.h>

namespace tillsync {
namespace detail {

CodePoint decode_utf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {1, first};
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + bytes > text.size()) return {};
  std::uint32_t value = first & (0xFFu >> (bytes + 1));
  for (std::size_t i = at + 1; i < at + bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  const std::uint32_t least = bytes == 2 ? 0x80 : bytes == 3 ? 0x800 : 0x10000;
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {bytes, value};
}

}  // namespace detail

namespace {

constexpr std::string_view kCut = "…";

bool steers(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029 || c == 0x200E || c == 0x200F ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

std::string escaped(std::uint32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  return c < 0x100 ? fmt::format("\\x{:02x}", c) : fmt::format("\\u{{{:04x}}}", c);
}

template <class Good, class Bad>
std::string walk(std::string_view text, std::size_t bytes_max, Good good, Bad bad) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const detail::CodePoint c = detail::decode_utf8(text, at);
    const std::size_t bytes = c.bytes == 0 ? 1 : c.bytes;
    const std::string piece =
        c.bytes == 0 ? bad(static_cast<unsigned char>(text[at])) : good(c.value, text.substr(at, bytes));
    if (out.size() + piece.size() > bytes_max) return out.append(kCut);
    out += piece;
    at += bytes;
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text, std::size_t bytes_max) {
  return walk(
      text, bytes_max,
      [](std::uint32_t c, std::string_view raw) { return steers(c) ? escaped(c) : std::string(raw); },
      [](unsigned char byte) { return fmt::format("\\x{:02x}", byte); });
}

std::string valid_utf8(std::string_view text, std::size_t bytes_max) {
  return walk(
      text, bytes_max, [](std::uint32_t, std::string_view raw) { return std::string(raw); },
      [](unsigned char) { return std::string("\xEF\xBF\xBD"); });
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text) columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return columns;
}

}  // namespace tillsync
