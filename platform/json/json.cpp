#include "platform/json/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>

namespace tillsync::json {
namespace {

/// How a byte of a string is written: as it is (0), as \u00XX ('u'), or as a backslash and this letter.
constexpr auto kEscapes = [] {
  std::array<char, 256> escapes{};
  for (std::size_t c = 0; c < 0x20; ++c) escapes[c] = 'u';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}();

std::string_view normalized_number(std::string_view number) {
  if (number.find_first_of(".eE") == std::string_view::npos ||
      number.find_first_of("eE") != std::string_view::npos) {
    return number;
  }
  const std::size_t last = number.find_last_not_of('0');
  return number.substr(0, number[last] == '.' ? last : last + 1);
}

/// Members as they stand.
struct Verbatim {
  static std::string_view number(const Number& number) { return number.text; }
  template <class Visit>
  static void members(const Object& object, Visit visit) {
    for (const Member& member : object) visit(member);
  }
};

/// Members by name, numbers stripped.
struct Normalized {
  static std::string_view number(const Number& number) { return normalized_number(number.text); }
  template <class Visit>
  static void members(const Object& object, Visit visit) {
    std::vector<const Member*> sorted;
    sorted.reserve(object.size());
    for (const Member& member : object) sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->first < b->first; });
    for (const Member* member : sorted) visit(*member);
  }
};

template <class Form>
void write(std::string& out, const Value& value) {
  if (const auto* text = value.as_string()) {
    quote_to(out, *text);
  } else if (const auto* number = value.as_number()) {
    out += Form::number(*number);
  } else if (const auto* object = value.as_object()) {
    char separator = '{';
    Form::members(*object, [&](const Member& member) {
      out += separator;
      separator = ',';
      quote_to(out, member.first);
      out += ':';
      write<Form>(out, member.second);
    });
    out += separator == '{' ? "{}" : "}";
  } else if (const auto* array = value.as_array()) {
    char separator = '[';
    for (const Value& item : *array) {
      out += separator;
      separator = ',';
      write<Form>(out, item);
    }
    out += separator == '[' ? "[]" : "]";
  } else if (const auto* boolean = value.as_bool()) {
    out += *boolean ? "true" : "false";
  } else {
    out += "null";
  }
}

}  // namespace

const Value* Value::find(std::string_view name) const {
  const Object* const members = as_object();
  if (members == nullptr) return nullptr;
  for (const Member& member : *members) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

std::string_view Value::text_of(std::string_view name) const {
  const Value* const member = find(name);
  const std::string* const text = member == nullptr ? nullptr : member->as_string();
  return text == nullptr ? std::string_view{} : std::string_view(*text);
}

std::int64_t Value::integer_of(std::string_view name, std::int64_t otherwise) const {
  const Value* const member = find(name);
  const Number* const number = member == nullptr ? nullptr : member->as_number();
  if (number == nullptr) return otherwise;
  std::int64_t value = 0;
  const char* const end = number->text.data() + number->text.size();
  const auto [stop, error] = std::from_chars(number->text.data(), end, value);
  return error == std::errc{} && stop == end ? value : otherwise;
}

std::string_view Value::kind_name() const {
  constexpr std::string_view kNames[] = {"null", "boolean", "number", "string", "array", "object"};
  static_assert(std::size(kNames) == std::variant_size_v<decltype(data_)>);
  return kNames[data_.index()];
}

std::string dump(const Value& value) {
  std::string out;
  dump_to(out, value);
  return out;
}

void dump_to(std::string& out, const Value& value) {
  write<Verbatim>(out, value);
}

void quote_to(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t plain = 0;  // where the run of bytes that need no escape began
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const char escape = kEscapes[byte];
    if (escape == 0) continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    out += '\\';
    out += escape;
    if (escape == 'u') {
      out += "00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  out.append(text, plain);
  out += '"';
}

std::string dump_normalized(const Value& value) {
  std::string out;
  write<Normalized>(out, value);
  return out;
}

std::string pointer_token(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace tillsync::json
