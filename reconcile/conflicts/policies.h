// What the settings say about conflicts ([conflicts]): per kind, and for customers per field, who decides.
// The names of kinds are part of what the outside sees (conflict lists, reports, metrics) and never change.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "config/settings.h"

namespace tillsync {

namespace conflict_kind {
inline constexpr std::string_view kUnknownSale = "return-unknown-sale";
inline constexpr std::string_view kAlreadyRefunded = "return-already-refunded";
inline constexpr std::string_view kOverQuantity = "return-over-quantity";
inline constexpr std::string_view kOutsidePolicy = "return-outside-policy";
inline constexpr std::string_view kPriceDiffers = "return-price-differs";
inline constexpr std::string_view kPriceChanged = "price-changed";
inline constexpr std::string_view kStockMoved = "stock-moved";
inline constexpr std::string_view kOversold = "stock-oversold";
inline constexpr std::string_view kCountRebased = "stock-count-rebased";
inline constexpr std::string_view kCustomerField = "customer-field";
inline constexpr std::string_view kCustomerConsent = "customer-consent";
inline constexpr std::string_view kCustomerDuplicate = "customer-duplicate";
inline constexpr std::string_view kOtherContent = "identity-content";
inline constexpr std::string_view kForeign = "identity-foreign";
}  // namespace conflict_kind

/// What becomes of a conflict. Which of them a kind can have, the settings' check says.
enum class ConflictAction {
  kOff,      ///< not looked for
  kFlag,     ///< accepted as it is, and told
  kAsk,      ///< accepted as it is; a person has to look at it
  kHold,     ///< not sent before a person approves
  kReject,   ///< not sent: quarantined
  kStore,    ///< the store's word stands
  kCentral,  ///< central's word stands
  kNewest,  ///< central's where it changed after what the store last knew, by central's own version; else the
            ///< store's
  kRebase,  ///< counts: both sides' movements count, each before or after the count as it happened
};
/// "flag", "hold", ...; kOff for what is no action (the settings' check refused it).
ConflictAction conflict_action(std::string_view name);
std::string_view action_name(ConflictAction action);

class ConflictPolicies {
 public:
  explicit ConflictPolicies(const ConflictSettings& settings);

  ConflictAction of(std::string_view kind) const;
  /// "[conflicts] return_over_quantity = hold": as conflicts and reports name the policy that decided.
  std::string text(std::string_view kind) const;

  ConflictAction of_customer_field(const std::string& field) const;
  std::string customer_field_text(const std::string& field) const;
  bool is_consent(const std::string& field) const { return consent_.contains(field); }

  /// Whether a policy may keep a return from being sent: then it is reviewed before.
  bool may_hold_returns() const;
  bool reviews_returns() const;
  bool reviews_customers() const;

 private:
  struct Policy {
    std::string setting;
    ConflictAction action = ConflictAction::kOff;
  };
  std::map<std::string, Policy, std::less<>> policies_;
  std::map<std::string, ConflictAction> fields_;
  std::set<std::string> consent_;
};

}  // namespace tillsync
