// A JSON document (RFC 8259) with every number kept as it was written: no digit passes through floating point
// (I6). Boost.JSON parses (its value type holds doubles, so only its event parser is used); this header holds
// the tree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "platform/base/result.h"

namespace tillsync::json {

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
/// Members in the order they were written or set.
using Object = std::vector<Member>;

/// A number's own text, e.g. "2.50" or "-1e3".
struct Number {
  std::string text;
  bool operator==(const Number&) const = default;
};

class Value {
 public:
  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool value) : data_(value) {}
  Value(std::int64_t value) : data_(Number{std::to_string(value)}) {}
  Value(int value) : Value(static_cast<std::int64_t>(value)) {}
  Value(std::uint64_t value) : data_(Number{std::to_string(value)}) {}
  Value(Number number) : data_(std::move(number)) {}
  Value(std::string text) : data_(std::move(text)) {}
  Value(std::string_view text) : data_(std::string(text)) {}
  Value(const char* text) : data_(std::string(text)) {}
  Value(Array items) : data_(std::move(items)) {}
  Value(Object members) : data_(std::move(members)) {}

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const Number* as_number() const { return std::get_if<Number>(&data_); }
  const std::string* as_string() const { return std::get_if<std::string>(&data_); }
  const Array* as_array() const { return std::get_if<Array>(&data_); }
  const Object* as_object() const { return std::get_if<Object>(&data_); }
  Array* as_array() { return std::get_if<Array>(&data_); }
  Object* as_object() { return std::get_if<Object>(&data_); }

  /// The member of that name, or nullptr (also where this is no object).
  const Value* find(std::string_view name) const;
  /// A string member's text, or "" where it is missing or no string.
  std::string_view text_of(std::string_view name) const;
  /// An integer member's value, or `otherwise` where it is missing, no integer or out of range.
  std::int64_t integer_of(std::string_view name, std::int64_t otherwise = 0) const;
  /// "null", "boolean", "number", "string", "array" or "object", for messages.
  std::string_view kind_name() const;

  bool operator==(const Value&) const = default;

 private:
  std::variant<std::nullptr_t, bool, Number, std::string, Array, Object> data_ = nullptr;
};

struct ParseLimits {
  std::size_t depth_max =
      32;  ///< nesting of arrays and objects; deeper input is refused, never recursed into
};

/// Parses one JSON text, the whole of `text`. kInvalid with a detail that names the byte offset for: a syntax
/// error, truncation, trailing bytes, invalid UTF-8, a lone surrogate, duplicate member names (after
/// unescaping), nesting beyond the limit.
Result<Value> parse(std::string_view text, const ParseLimits& limits = {});

/// Compact JSON text; members in their order, numbers as written, only what RFC 8259 demands escaped.
std::string dump(const Value& value);
void dump_to(std::string& out, const Value& value);
/// Appends `text` as a JSON string with its quotes.
void quote_to(std::string& out, std::string_view text);
/// For comparing content: members sorted by name at every level, and numbers without an exponent stripped of
/// trailing zeros behind the point (2.50 and 2.5 are the same).
std::string dump_normalized(const Value& value);

/// Escapes a member name for use in a JSON Pointer (RFC 6901: ~ and /).
std::string pointer_token(std::string_view name);

}  // namespace tillsync::json
