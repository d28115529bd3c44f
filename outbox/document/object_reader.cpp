#include "outbox/document/object_reader.h"

#include <algorithm>
#include <charconv>

#include "platform/base/check.h"

namespace tillsync {
namespace {

constexpr std::int64_t kIntegerBelow = std::int64_t{1} << 53;

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(
      utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool is_identifier_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == ':' || c == '-';
}

std::string length_text(const TextRule& rule) {
  const std::string max = std::to_string(rule.characters_max);
  return rule.characters_min == 0 ? "at most " + max : std::to_string(rule.characters_min) + " to " + max;
}

/// What is wrong with `text`, or "".
std::string text_fault(std::string_view text, const TextRule& rule) {
  if (rule.letters == TextRule::Letters::kIdentifier) {
    if (is_identifier(text, rule.characters_max)) return {};
    return "must be " + length_text(rule) + " of the characters A-Z a-z 0-9 . _ : -";
  }
  // A character has 1 to 4 bytes: most texts need no counting.
  if (text.size() < rule.characters_min || text.size() > rule.characters_max) {
    const std::size_t characters = count_characters(text);
    if (characters < rule.characters_min || characters > rule.characters_max) {
      return "must have " + length_text(rule) + " characters, has " + std::to_string(characters);
    }
  }
  if (rule.letters == TextRule::Letters::kNoControl && std::any_of(text.begin(), text.end(), is_control)) {
    return "holds a control character (U+0000 to U+001F, U+007F): leave it out";
  }
  return {};
}

std::string bound_fault(const DecimalRule& rule) {
  return "out of range: " + std::string(rule.noun) + " is below " + std::to_string(rule.below) +
         " in magnitude";
}

/// What is wrong with `number`, or "".
std::string range_fault(const Decimal& number, const DecimalRule& rule) {
  if (number.abs() >= Decimal::from_integer(rule.below)) return bound_fault(rule);
  switch (rule.sign) {
    case DecimalRule::Sign::kAny:
      break;
    case DecimalRule::Sign::kNotNegative:
      if (number.is_negative()) return "must not be negative, is " + number.text();
      break;
    case DecimalRule::Sign::kPositive:
      if (number.is_negative() || number.is_zero()) return "must be above 0, is " + number.text();
      break;
    case DecimalRule::Sign::kNotZero:
      if (number.is_zero()) return "must not be 0";
      break;
  }
  return {};
}

}  // namespace

std::string Path::pointer() const {
  if (parent_ == nullptr) return {};
  return parent_->pointer() + "/" + (is_index_ ? std::to_string(index_) : json::pointer_token(name_));
}

Fault further_faults(std::size_t count) {
  return Fault{"", "and " + std::to_string(count) + " faults more"};
}

void Faults::add(const Path& at, std::string_view detail) {
  if (++count_ <= kFaultsMax) kept_.push_back(Fault{at.pointer(), std::string(detail)});
}

std::vector<Fault> Faults::take() {
  if (more() > 0) kept_.back() = further_faults(more());
  return std::move(kept_);
}

DecimalRule amount_rule(DecimalRule::Sign sign) {
  return {"an amount", 4, 1'000'000'000'000, sign};
}
DecimalRule quantity_rule(DecimalRule::Sign sign) {
  return {"a quantity", 3, 1'000'000'000, sign};
}

bool is_identifier(std::string_view text, std::size_t characters_max) {
  return !text.empty() && text.size() <= characters_max &&
         std::all_of(text.begin(), text.end(), is_identifier_letter);
}

const json::Value* ObjectReader::member(std::string_view name, Need need) {
  TILLSYNC_CHECK(asked_count_ < kNamesMax, "an object of the model has no more members than this");
  asked_[asked_count_++] = name;
  // Names are never twice in an object: once all were found there is nothing to look for. A till mostly
  // writes members in the order in which they are asked for.
  for (std::size_t tried = 0; tried < object_.size() && found_count_ < object_.size(); ++tried) {
    const json::Member& candidate = object_[next_];
    next_ = next_ + 1 == object_.size() ? 0 : next_ + 1;
    if (candidate.first != name) continue;
    ++found_count_;
    return &candidate.second;
  }
  if (need == Need::kRequired) fault(name, "this member is required and missing");
  return nullptr;
}

std::optional<std::string> ObjectReader::text(std::string_view name, Need need, const TextRule& rule) {
  const json::Value* const value = member(name, need);
  if (value == nullptr) return std::nullopt;
  const std::string* const found = value->as_string();
  if (found == nullptr) {
    wrong_kind(name, "a string", *value);
    return std::nullopt;
  }
  if (const std::string wrong = text_fault(*found, rule); !wrong.empty()) {
    fault(name, wrong);
    return std::nullopt;
  }
  return *found;
}

std::optional<std::string> ObjectReader::choice(std::string_view name, Need need,
                                                std::initializer_list<std::string_view> choices) {
  const json::Value* const value = member(name, need);
  if (value == nullptr) return std::nullopt;
  const std::string* const found = value->as_string();
  if (found == nullptr) {
    wrong_kind(name, "a string", *value);
    return std::nullopt;
  }
  if (std::find(choices.begin(), choices.end(), *found) != choices.end()) return *found;
  std::string detail = "must be one of";
  for (const std::string_view one : choices) detail.append(" \"").append(one).append("\"");
  fault(name, detail);
  return std::nullopt;
}

std::optional<Decimal> ObjectReader::decimal(std::string_view name, Need need, const DecimalRule& rule) {
  const json::Value* const value = member(name, need);
  if (value == nullptr) return std::nullopt;
  const json::Number* const number = value->as_number();
  const std::string* const found = number != nullptr ? &number->text : value->as_string();
  if (found == nullptr) {
    wrong_kind(name, "a decimal string such as \"2.55\"", *value);
    return std::nullopt;
  }
  if (number != nullptr && found->find_first_of(".eE") != std::string::npos) {
    fault(name,
          "a JSON number with a fraction or an exponent may lose digits on its way: write it as a string, "
          "such as \"2.55\"");
    return std::nullopt;
  }
  const auto parsed = Decimal::parse(*found, rule.decimals_max);
  if (parsed.has_error()) {
    fault(name, parsed.error().code == "decimal-out-of-range" ? bound_fault(rule) : parsed.error().detail);
    return std::nullopt;
  }
  if (const std::string wrong = range_fault(*parsed, rule); !wrong.empty()) {
    fault(name, wrong);
    return std::nullopt;
  }
  return *parsed;
}

std::optional<std::int64_t> ObjectReader::integer(std::string_view name, Need need, std::int64_t min) {
  const json::Value* const value = member(name, need);
  if (value == nullptr) return std::nullopt;
  const json::Number* const number = value->as_number();
  if (number == nullptr) {
    wrong_kind(name, "a JSON integer", *value);
    return std::nullopt;
  }
  std::int64_t integer = 0;
  const char* const end = number->text.data() + number->text.size();
  const auto [stop, error] = std::from_chars(number->text.data(), end, integer);
  if (error != std::errc{} || stop != end || integer < min || integer >= kIntegerBelow) {
    fault(name,
          "must be an integer from " + std::to_string(min) + " to " + std::to_string(kIntegerBelow - 1));
    return std::nullopt;
  }
  return integer;
}

std::optional<bool> ObjectReader::boolean(std::string_view name, Need need) {
  const json::Value* const value = member(name, need);
  if (value == nullptr) return std::nullopt;
  const bool* const found = value->as_bool();
  if (found == nullptr) {
    wrong_kind(name, "true or false", *value);
    return std::nullopt;
  }
  return *found;
}

std::optional<std::string> ObjectReader::free_object(std::string_view name, Need need, ListSize size) {
  const json::Value* const value = member(name, need);
  if (value == nullptr) return std::nullopt;
  const json::Object* const members = object_at(*value, Path(at_, name));
  if (members == nullptr) return std::nullopt;
  if (size == ListSize::kNotEmpty && members->empty()) {
    fault(name, "must have at least one member");
    return std::nullopt;
  }
  return json::dump(*value);
}

const json::Object* ObjectReader::object(std::string_view name, Need need) {
  const json::Value* const value = member(name, need);
  return value == nullptr ? nullptr : object_at(*value, Path(at_, name));
}

const json::Array* ObjectReader::items_of(std::string_view name, Need need, ListSize size) {
  const json::Value* const value = member(name, need);
  if (value == nullptr) return nullptr;
  const json::Array* const items = value->as_array();
  if (items == nullptr) {
    wrong_kind(name, "an array", *value);
  } else if (size == ListSize::kNotEmpty && items->empty()) {
    fault(name, "must have at least one item");
  }
  return items;
}

const json::Object* ObjectReader::object_at(const json::Value& value, const Path& path) {
  const json::Object* const members = value.as_object();
  if (members == nullptr) faults_.add(path, "must be an object, is " + std::string(value.kind_name()));
  return members;
}

void ObjectReader::wrong_kind(std::string_view name, std::string_view wanted, const json::Value& value) {
  std::string detail = "must be " + std::string(wanted) + ", is " + std::string(value.kind_name());
  if (value.is_null()) detail += ": leave the member out where there is nothing to say";
  fault(name, detail);
}

bool ObjectReader::is_asked_for(std::string_view name) const {
  return std::find(asked_.begin(), asked_.begin() + static_cast<std::ptrdiff_t>(asked_count_), name) !=
         asked_.begin() + static_cast<std::ptrdiff_t>(asked_count_);
}

void ObjectReader::finish() {
  if (found_count_ == object_.size()) return;
  for (const json::Member& candidate : object_) {
    if (!is_asked_for(candidate.first)) {
      fault(candidate.first,
            "the model has no such member here: leave it out, or put it into \"extensions\" of the document");
    }
  }
}

}  // namespace tillsync
