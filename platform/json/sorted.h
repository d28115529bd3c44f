// Members in the order of their names, without building a tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tillsync::json {

/// What dump_normalized(parse(text)) gives, several times faster, for a text that has no blanks between its
/// tokens and whose numbers are in their normal form already. Nothing where a member's name is written with
/// an escape, or the brackets do not match: parse it then. Nests at most 64 deep.
std::optional<std::string> sorted_members(std::string_view text);

}  // namespace tillsync::json
