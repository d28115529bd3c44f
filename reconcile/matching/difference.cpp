#include "reconcile/matching/difference.h"

#include <algorithm>
#include <map>
#include <optional>

#include "platform/base/decimal.h"

namespace tillsync {
namespace {

constexpr std::string_view kDecimalMembers[] = {"quantity", "unit_price",     "amount",
                                                "total",    "quantity_delta", "counted"};
/// Objects whose inside is the till's own: no member of theirs is a decimal of the model.
constexpr std::string_view kFreeMembers[] = {"extensions", "changes", "base"};

bool is_one_of(std::string_view name, const auto& names) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::optional<Decimal> decimal_of(const json::Value& value) {
  const std::string* text = value.as_string();
  if (text == nullptr && value.as_number() != nullptr) text = &value.as_number()->text;
  if (text == nullptr) return std::nullopt;
  auto decimal = Decimal::parse(*text, Decimal::kDecimals);
  if (!decimal) return std::nullopt;
  return *decimal;
}

json::Value bounded(const json::Value& value) {
  std::string text = json::dump(value);
  if (text.size() <= kDifferenceValueBytesMax) return value;
  const std::size_t whole = text.size();
  std::size_t end = kDifferenceValueBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;  // not inside a UTF-8 character
  text.resize(end);
  return json::Value(text + "... (" + std::to_string(whole) + " bytes)");
}

class Comparison {
 public:
  explicit Comparison(Differences& out) : out_(out) {}

  void compare(const json::Value& journal, const json::Value& central, std::string_view name, bool free) {
    if (journal.as_object() != nullptr && central.as_object() != nullptr) {
      compare_objects(*journal.as_object(), *central.as_object(), free);
    } else if (journal.as_array() != nullptr && central.as_array() != nullptr) {
      compare_arrays(*journal.as_array(), *central.as_array(), free);
    } else if (!same_leaf(journal, central, name, free)) {
      found(journal, central);
    }
  }

 private:
  static bool same_leaf(const json::Value& journal, const json::Value& central, std::string_view name,
                        bool free) {
    if (journal == central) return true;
    if (journal.as_number() != nullptr && central.as_number() != nullptr) {
      return json::dump_normalized(journal) == json::dump_normalized(central);
    }
    if (free || !is_one_of(name, kDecimalMembers)) return false;
    const auto a = decimal_of(journal);
    const auto b = decimal_of(central);
    return a && b && *a == *b;
  }

  void compare_objects(const json::Object& journal, const json::Object& central, bool free) {
    std::map<std::string_view, const json::Value*> there;
    for (const json::Member& member : central) there.emplace(member.first, &member.second);
    static const json::Value kNull;
    for (const auto& [name, value] : journal) {
      const auto other = there.find(name);
      descend(name, value, other == there.end() ? kNull : *other->second, free);
      if (other != there.end()) there.erase(other);
    }
    for (const json::Member& member : central) {
      if (there.contains(member.first)) descend(member.first, kNull, member.second, free);
    }
  }

  void compare_arrays(const json::Array& journal, const json::Array& central, bool free) {
    static const json::Value kNull;
    const std::size_t both = std::min(journal.size(), central.size());
    for (std::size_t i = 0; i < both; ++i) descend(std::to_string(i), journal[i], central[i], free);
    if (journal.size() == central.size()) return;
    descend(std::to_string(both), both < journal.size() ? journal[both] : kNull,
            both < central.size() ? central[both] : kNull, free);
  }

  void descend(const std::string& name, const json::Value& journal, const json::Value& central, bool free) {
    const std::size_t length = pointer_.size();
    pointer_ += '/';
    pointer_ += json::pointer_token(name);
    compare(journal, central, name, free || is_one_of(name, kFreeMembers));
    pointer_.resize(length);
  }

  void found(const json::Value& journal, const json::Value& central) {
    if (out_.list.size() == kDifferencesMax) {
      ++out_.more;
    } else {
      out_.list.push_back({pointer_, bounded(journal), bounded(central)});
    }
  }

  Differences& out_;
  std::string pointer_;
};

}  // namespace

Differences compare_documents(const json::Value& journal, const json::Value& central) {
  Differences out;
  Comparison(out).compare(journal, central, "", false);
  return out;
}

std::string encode_differences(const Differences& differences) {
  json::Array list;
  for (const Difference& difference : differences.list) {
    list.push_back(json::Array{difference.member, difference.journal, difference.central});
  }
  return json::dump(
      json::Object{{"list", std::move(list)}, {"more", static_cast<std::uint64_t>(differences.more)}});
}

Differences decode_differences(std::string_view text) {
  Differences out;
  const auto value = json::parse(text, json::ParseLimits{.depth_max = 64});
  const json::Value* const list = value ? value->find("list") : nullptr;
  if (list == nullptr || list->as_array() == nullptr) return out;
  for (const json::Value& item : *list->as_array()) {
    const json::Array* const parts = item.as_array();
    if (parts == nullptr || parts->size() != 3 || (*parts)[0].as_string() == nullptr) return {};
    out.list.push_back({*(*parts)[0].as_string(), (*parts)[1], (*parts)[2]});
  }
  out.more = static_cast<std::size_t>(value->integer_of("more"));
  return out;
}

}  // namespace tillsync
