// For a long text of which most is known already: its parts cut out without being parsed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/json/json.h"

namespace tillsync::json {

/// A text, and the objects that were cut out of it.
struct Cut {
  std::string text;                       ///< with a mark where each object stood
  std::vector<std::string_view> objects;  ///< views into what was cut
};

/// Cuts out each object that is the value of a member `name` of an object `depth` brackets deep (the
/// outermost is 1). Looks at brackets and strings alone: whether the rest, and each object, is JSON is
/// parse()'s to say. A name that is written with escapes is not seen, and its value stays.
Cut cut_objects(std::string_view text, std::string_view name, int depth);

/// The object that a mark stands for; nothing where the value is no mark.
std::optional<std::string_view> object_at(const Cut& cut, const Value& value);

}  // namespace tillsync::json
