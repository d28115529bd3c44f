// What other systems said, made fit to keep and to show. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tillsync {

/// At most `bytes_max` bytes of `text`, cut between characters; bytes that are no UTF-8 become U+FFFD.
std::string bounded_utf8(std::string_view text, std::size_t bytes_max);
/// The same as one line: control characters become blanks, runs of blanks one, none at the ends.
std::string one_line(std::string_view text, std::size_t bytes_max);
/// Only what is seen: no blank, no control character, nothing beyond ASCII. Fit for a token in a header.
bool is_visible_ascii(std::string_view text);
/// Puts `with` wherever `what` stands; what was put in is not looked at again. Nothing where `what` is empty.
void replace_all(std::string& text, std::string_view what, std::string_view with);
/// RFC 3986: all but unreserved characters percent-encoded; fit for a query value and a path segment.
std::string percent_encoded(std::string_view text);
/// The other way; a '%' that begins no escape stands for itself.
std::string percent_decoded(std::string_view text);

}  // namespace tillsync
