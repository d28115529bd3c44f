// JSON: what is read is written so that it reads the same; what is no JSON is refused with a place.
#include <algorithm>
#include <set>

#include "platform/json/json.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

constexpr std::size_t kDepthMax = 32;

/// Depth, names and texts of a tree that parse() gave.
void check_tree(const json::Value& value, std::size_t depth) {
  if (const auto* text = value.as_string()) FUZZ_CHECK(is_utf8(*text), "a text is UTF-8");
  if (const auto* items = value.as_array()) {
    FUZZ_CHECK(depth < kDepthMax, "nesting is bounded");
    for (const auto& item : *items) check_tree(item, depth + 1);
  }
  if (const auto* members = value.as_object()) {
    FUZZ_CHECK(depth < kDepthMax, "nesting is bounded");
    std::set<std::string_view> names;
    for (const auto& [name, member] : *members) {
      FUZZ_CHECK(is_utf8(name), "a name is UTF-8");
      FUZZ_CHECK(names.insert(name).second, "no member stands twice");
      check_tree(member, depth + 1);
    }
  }
}

bool has_exponent(const json::Value& value) {
  if (const auto* number = value.as_number()) return number->text.find_first_of("eE") != std::string::npos;
  if (const auto* items = value.as_array()) return std::any_of(items->begin(), items->end(), has_exponent);
  const auto* members = value.as_object();
  return members != nullptr && std::any_of(members->begin(), members->end(),
                                           [](const auto& member) { return has_exponent(member.second); });
}

void check(std::string_view text) {
  const auto value = json::parse(text);
  if (!value) {
    check_error(value.error());
    FUZZ_CHECK(value.error().kind == ErrorKind::kInvalid, "the text is at fault");
    return;
  }
  check_tree(*value, 0);
  const std::string written = json::dump(*value);
  FUZZ_CHECK(is_utf8(written) && written.find('\n') == std::string::npos, "JSON is UTF-8 on one line");
  const auto again = json::parse(written);
  FUZZ_CHECK(again.has_value() && *again == *value, "what is written reads the same");
  const std::string normalized = json::dump_normalized(*value);
  const auto normal = json::parse(normalized);
  FUZZ_CHECK(normal.has_value(), normalized);
  FUZZ_CHECK(json::dump_normalized(*normal) == normalized, "the normal form is fixed");
  FUZZ_CHECK(has_exponent(*value) || normalized.size() <= written.size(), "the normal form only leaves out");
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillsync::fuzz::check(tillsync::fuzz::text_of(data, size));
  return 0;
}
