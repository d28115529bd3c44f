#include "reconcile/central_facts/fact_value.h"

#include "outbox/document/card_number.h"
#include "platform/json/json.h"

namespace tillsync {
namespace {

constexpr json::ParseLimits kLimits{.depth_max = 16};

Error refused(const char* code, FactKind kind, const std::string& what) {
  return {ErrorKind::kInvalid, code,
          "central's row of kind " + std::string(fact_kind_name(kind)) + " " + what};
}

/// A member that is there must say what is expected; numbers are taken by their digits.
bool says_otherwise(const json::Value& row, std::string_view member, const std::string& expected) {
  const json::Value* value = row.find(member);
  if (value == nullptr || value->is_null()) return false;
  if (const auto* text = value->as_string()) return *text != expected;
  const auto* number = value->as_number();
  return number == nullptr || number->text != expected;
}

/// SKUs and GTINs pass for card numbers one time in ten (CONTRACT section 8): the row's own name is no
/// finding.
bool holds_card(const json::Value& value, bool is_named) {
  if (const auto* text = value.as_string()) return !is_named && holds_card_number(*text);
  if (const auto* number = value.as_number()) return !is_named && holds_card_number(number->text);
  if (const auto* items = value.as_array()) {
    for (const json::Value& item : *items) {
      if (holds_card(item, false)) return true;
    }
  }
  if (const auto* members = value.as_object()) {
    for (const auto& [name, member] : *members) {
      if (holds_card_number(name)) return true;
      if (holds_card(member, name == "id" || name == "sku" || name == "gtin")) return true;
    }
  }
  return false;
}

}  // namespace

bool is_fact_key(FactKind kind, std::string_view key) {
  if (kind == FactKind::kRefundPolicy) return key.empty();
  // "." and ".." would name other paths than rows.
  return !key.empty() && key.size() <= kFactKeyBytesMax && key.find('\0') == std::string_view::npos &&
         key != "." && key != "..";
}

Result<std::string> checked_value(FactKind kind, const std::string& key, const std::string& store,
                                  std::string_view text) {
  if (text.size() > kFactValueBytesMax) {
    return refused("facts-too-large", kind,
                   "is larger than " + std::to_string(kFactValueBytesMax / 1024) + " KiB");
  }
  const auto value = json::parse(text, kLimits);
  if (!value) return refused("facts-shape", kind, "is no JSON: " + value.error().detail);
  if (value->as_object() == nullptr)
    return refused("facts-shape", kind, "must be an object, not " + std::string(value->kind_name()));
  const bool goods = kind == FactKind::kStock || kind == FactKind::kPrice;
  if ((kind == FactKind::kCustomer && says_otherwise(*value, "id", key)) ||
      (goods && says_otherwise(*value, "sku", key)) ||
      (kind == FactKind::kStock && says_otherwise(*value, "store", store))) {
    return refused("facts-wrong-row", kind, "is another one than it was given for");
  }
  if (holds_card(*value, false)) return refused("facts-card-number", kind, "holds a card number");
  return json::dump(*value);
}

}  // namespace tillsync
