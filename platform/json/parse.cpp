// From text to tree, on the event parser of Boost.JSON.
#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <exception>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/json/json.h"

namespace tillsync::json {
namespace {

using boost::json::error_code;
using BoostView = boost::json::string_view;

// Objects up to this many members are searched for duplicates pair by pair; larger ones are sorted.
constexpr std::size_t kPairwiseMembersMax = 16;
// Longest member name that a message repeats.
constexpr std::size_t kNameShownMax = 32;

std::string_view view(BoostView text) {
  return {text.data(), text.size()};
}

/// One of `names` that stands there twice, or nullptr.
const std::string* find_duplicate(const std::string* names, std::size_t count) {
  if (count <= kPairwiseMembersMax) {
    for (std::size_t i = 1; i < count; ++i) {
      const auto* const twin = std::find(names, names + i, names[i]);
      if (twin != names + i) return twin;
    }
    return nullptr;
  }
  std::vector<const std::string*> sorted(count);
  for (std::size_t i = 0; i < count; ++i) sorted[i] = names + i;
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return *a < *b; });
  const auto twin =
      std::adjacent_find(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return *a == *b; });
  return twin == sorted.end() ? nullptr : *twin;
}

/// Builds the tree from the parser's events. Finished values and names wait on two flat stacks until the
/// array or object around them ends and takes them, so that each container is allocated once, at its size.
class TreeBuilder {
 public:
  constexpr static std::size_t max_object_size = std::size_t(-1);
  constexpr static std::size_t max_array_size = std::size_t(-1);
  constexpr static std::size_t max_key_size = std::size_t(-1);
  constexpr static std::size_t max_string_size = std::size_t(-1);

  TreeBuilder() {
    constexpr std::size_t kExpectedPending = 32;
    values_.reserve(kExpectedPending);
    names_.reserve(kExpectedPending);
  }

  Value take() { return std::move(values_.front()); }
  const std::string* duplicate() const { return duplicate_ ? &duplicate_name_ : nullptr; }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }

  bool on_object_end(std::size_t count, error_code& error) {
    std::string* const names = names_.data() + (names_.size() - count);
    if (const std::string* const twin = find_duplicate(names, count); twin != nullptr) {
      duplicate_ = true;
      duplicate_name_ = *twin;
      error = make_error_code(boost::system::errc::invalid_argument);
      return false;
    }
    Value* const values = values_.data() + (values_.size() - count);
    Object members;
    members.reserve(count);
    for (std::size_t i = 0; i < count; ++i) members.emplace_back(std::move(names[i]), std::move(values[i]));
    names_.resize(names_.size() - count);
    values_.resize(values_.size() - count);
    values_.emplace_back(std::move(members));
    return true;
  }

  bool on_array_end(std::size_t count, error_code&) {
    const auto first = values_.end() - static_cast<std::ptrdiff_t>(count);
    Array items(std::make_move_iterator(first), std::make_move_iterator(values_.end()));
    values_.erase(first, values_.end());
    values_.emplace_back(std::move(items));
    return true;
  }

  bool on_key_part(BoostView part, std::size_t, error_code&) { return append(part); }
  bool on_key(BoostView part, std::size_t, error_code&) {
    names_.push_back(finish(part));
    return true;
  }
  bool on_string_part(BoostView part, std::size_t, error_code&) { return append(part); }
  bool on_string(BoostView part, std::size_t, error_code&) {
    values_.emplace_back(finish(part));
    return true;
  }
  bool on_number_part(BoostView part, error_code&) { return append(part); }
  bool on_int64(std::int64_t, BoostView part, error_code&) { return number(part); }
  bool on_uint64(std::uint64_t, BoostView part, error_code&) { return number(part); }
  bool on_double(double, BoostView part, error_code&) { return number(part); }
  bool on_bool(bool value, error_code&) {
    values_.emplace_back(value);
    return true;
  }
  bool on_null(error_code&) {
    values_.emplace_back();
    return true;
  }
  bool on_comment_part(BoostView, error_code&) { return true; }
  bool on_comment(BoostView, error_code&) { return true; }

 private:
  bool append(BoostView part) {
    pending_.append(part.data(), part.size());
    return true;
  }
  std::string finish(BoostView part) {
    if (pending_.empty()) return std::string(view(part));
    append(part);
    return std::exchange(pending_, {});
  }
  bool number(BoostView part) {
    values_.emplace_back(Number{finish(part)});
    return true;
  }

  std::vector<Value> values_;
  std::vector<std::string> names_;
  std::string pending_;  // the parts so far of a name, string or number that comes in parts
  bool duplicate_ = false;
  std::string duplicate_name_;
};

/// Whether a member name is a mere word, that is, nothing private: only then a message repeats it.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameShownMax && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  });
}

Error invalid(std::string detail) {
  return Error{ErrorKind::kInvalid, "invalid-json", std::move(detail)};
}

Error describe(const error_code& error, const std::string* duplicate, std::size_t offset,
               const ParseLimits& limits) {
  const std::string at = " at byte " + std::to_string(offset);
  if (duplicate != nullptr) {
    const std::string which =
        is_plain_name(*duplicate) ? "the member \"" + *duplicate + "\"" : std::string("a member");
    return invalid(which + " stands twice in the object that ends" + at + ": a name may be used once");
  }
  if (error == boost::json::error::too_deep) {
    return invalid("nested deeper than " + std::to_string(limits.depth_max) + " arrays and objects" + at);
  }
  if (error == boost::json::error::incomplete) return invalid("the JSON text ends too early," + at);
  return invalid("no JSON (RFC 8259): " + error.message() + at);
}

}  // namespace

Result<Value> parse(std::string_view text, const ParseLimits& limits) {
  try {
    boost::json::parse_options options;
    options.max_depth = limits.depth_max;
    boost::json::basic_parser<TreeBuilder> parser(options);
    error_code error;
    const std::size_t consumed = parser.write_some(false, text.data(), text.size(), error);
    if (error) return describe(error, parser.handler().duplicate(), consumed, limits);
    if (consumed != text.size()) {
      return invalid("more text behind the JSON value at byte " + std::to_string(consumed) +
                     ": send one value");
    }
    return parser.handler().take();
  } catch (const std::exception& e) {
    return Error{ErrorKind::kInternal, "json-parser", std::string("the JSON parser failed: ") + e.what()};
  }
}

}  // namespace tillsync::json
