#include "reconcile/conflicts/policies.h"

#include <algorithm>
#include <sstream>

namespace tillsync {
namespace {

using Action = ConflictAction;
constexpr std::pair<std::string_view, Action> kActions[] = {
    {"off", Action::kOff},         {"flag", Action::kFlag},     {"ask", Action::kAsk},
    {"hold", Action::kHold},       {"reject", Action::kReject}, {"store", Action::kStore},
    {"central", Action::kCentral}, {"newest", Action::kNewest}, {"rebase", Action::kRebase}};

struct Setting {
  std::string_view kind;
  std::string_view name;
  std::string ConflictSettings::*value;
};
constexpr Setting kSettings[] = {
    {conflict_kind::kUnknownSale, "return_unknown_sale", &ConflictSettings::return_unknown_sale},
    {conflict_kind::kAlreadyRefunded, "return_already_refunded", &ConflictSettings::return_already_refunded},
    {conflict_kind::kOverQuantity, "return_over_quantity", &ConflictSettings::return_over_quantity},
    {conflict_kind::kOutsidePolicy, "return_outside_policy", &ConflictSettings::return_outside_policy},
    {conflict_kind::kPriceDiffers, "return_price_differs", &ConflictSettings::return_price_differs},
    {conflict_kind::kPriceChanged, "price_changed", &ConflictSettings::price_changed},
    {conflict_kind::kStockMoved, "stock_moved", &ConflictSettings::stock_moved},
    {conflict_kind::kOversold, "stock_oversold", &ConflictSettings::stock_oversold},
    {conflict_kind::kCountRebased, "stock_count", &ConflictSettings::stock_count},
    {conflict_kind::kCustomerField, "customers", &ConflictSettings::customers},
    {conflict_kind::kCustomerDuplicate, "customer_duplicate", &ConflictSettings::customer_duplicate},
    {conflict_kind::kOtherContent, "identity_content", &ConflictSettings::identity_content},
    {conflict_kind::kForeign, "identity_foreign", &ConflictSettings::identity_foreign},
};

constexpr std::string_view kReturnKinds[] = {conflict_kind::kUnknownSale, conflict_kind::kAlreadyRefunded,
                                             conflict_kind::kOverQuantity, conflict_kind::kOutsidePolicy,
                                             conflict_kind::kPriceDiffers};

}  // namespace

ConflictAction conflict_action(std::string_view name) {
  const auto* known = std::find_if(std::begin(kActions), std::end(kActions),
                                   [&](const auto& each) { return each.first == name; });
  return known == std::end(kActions) ? Action::kOff : known->second;
}

std::string_view action_name(ConflictAction action) {
  for (const auto& [name, each] : kActions) {
    if (each == action) return name;
  }
  return "?";
}

ConflictPolicies::ConflictPolicies(const ConflictSettings& settings) {
  for (const auto& setting : kSettings) {
    policies_[std::string(setting.kind)] =
        Policy{std::string(setting.name), conflict_action(settings.*(setting.value))};
  }
  for (const auto& [field, action] : settings.customer_fields) fields_[field] = conflict_action(action);
  std::istringstream words(settings.customer_consent_fields);
  for (std::string word; words >> word;) consent_.insert(word);
}

ConflictAction ConflictPolicies::of(std::string_view kind) const {
  const auto policy = policies_.find(kind);
  return policy == policies_.end() ? Action::kOff : policy->second.action;
}

std::string ConflictPolicies::text(std::string_view kind) const {
  const auto policy = policies_.find(kind);
  if (policy == policies_.end()) return {};
  return policy->second.setting + " = " + std::string(action_name(policy->second.action));
}

ConflictAction ConflictPolicies::of_customer_field(const std::string& field) const {
  const auto own = fields_.find(field);
  return own == fields_.end() ? of(conflict_kind::kCustomerField) : own->second;
}

std::string ConflictPolicies::customer_field_text(const std::string& field) const {
  const auto own = fields_.find(field);
  return own == fields_.end() ? text(conflict_kind::kCustomerField)
                              : "customer_fields." + field + " = " + std::string(action_name(own->second));
}

bool ConflictPolicies::may_hold_returns() const {
  return std::any_of(std::begin(kReturnKinds), std::end(kReturnKinds), [this](std::string_view kind) {
    return of(kind) == Action::kHold || of(kind) == Action::kReject;
  });
}

bool ConflictPolicies::reviews_returns() const {
  return std::any_of(std::begin(kReturnKinds), std::end(kReturnKinds),
                     [this](std::string_view kind) { return of(kind) != Action::kOff; });
}

bool ConflictPolicies::reviews_customers() const {
  return of(conflict_kind::kCustomerField) != Action::kOff ||
         std::any_of(fields_.begin(), fields_.end(),
                     [](const auto& field) { return field.second != Action::kOff; });
}

}  // namespace tillsync
