// Makes foreign text safe to show: on a terminal, in a line of a log. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tillsync {

/// The text with everything that could steer a terminal or forge a line made visible: control characters (C0,
/// DEL, C1), line and paragraph separators, bidirectional overrides and bytes that are no UTF-8 become \n,
/// \t, \r, \xNN or \u{NNNN}. A text longer than `bytes_max` is cut at a character and ends in "…".
std::string printable(std::string_view text, std::size_t bytes_max = 4096);

/// The same text, bytes that are no UTF-8 replaced by U+FFFD, cut as above. For formats that escape controls
/// themselves.
std::string valid_utf8(std::string_view text, std::size_t bytes_max = 4096);

/// How many columns a terminal gives to the text: one a character (wide and combining characters are not told
/// apart).
std::size_t columns_of(std::string_view text);

namespace detail {
/// Length of the UTF-8 sequence at `at` and its code point; length 0 where the bytes are no UTF-8 (RFC 3629).
struct CodePoint {
  std::size_t bytes = 0;
  std::uint32_t value = 0;
};
CodePoint decode_utf8(std::string_view text, std::size_t at);
}  // namespace detail

}  // namespace tillsync
