// Sale and Return elements as lines of the canonical model. Internal to this folder.
#pragma once

#include <map>
#include <pugixml.hpp>
#include <string>
#include <vector>

#include "agent/poslog/xml_nodes.h"
#include "outbox/document/document.h"

namespace tillsync::poslog {

/// Reads amounts of one currency; what cannot be read is a fault and counts as nothing.
class Money {
 public:
  Money(std::string currency, int decimals, FaultList& faults)
      : currency_(std::move(currency)), decimals_(decimals), faults_(faults) {}

  /// An amount of at most 4 decimals; negative by its sign or by Action="Subtract". Nothing where there is no
  /// such element.
  std::optional<Decimal> amount(pugi::xml_node parent, std::string_view name, const std::string& xpath);
  /// A tax, rounded half up to the 4 decimals that an amount may have.
  std::optional<Decimal> tax(pugi::xml_node parent, const std::string& xpath);
  int decimals() const { return decimals_; }
  /// Whether they are the same to the till: it may have rounded.
  bool close(const Decimal& a, const Decimal& b) const {
    return (a - b).abs() <= Decimal::minor_unit(decimals_);
  }
  FaultList& faults() { return faults_; }
  /// Taxes as the till wrote them, where rounding changed them.
  const std::vector<std::string>& taxes_as_written() const { return taxes_as_written_; }

 private:
  std::optional<Decimal> read(pugi::xml_node node, const std::string& xpath);

  const std::string currency_;
  const int decimals_;
  FaultList& faults_;
  std::vector<std::string> taxes_as_written_;
};

struct Line {
  TradeLine line;
  std::string sequence;  ///< LineItem/SequenceNumber
  std::string xpath;
  bool is_return = false;
  /// A negative amount in a sale (a rounding, a coupon): no line, but a discount of the one before.
  bool is_deduction = false;
  Decimal deduction;
  /// What its price modifiers took off, by promotion.
  std::map<std::string, Decimal> modified;
};

/// `deposits`: what deposit lines say of the lines they belong to, by sequence number: a till that writes
/// RecyclingAmount counts it in the line and in the deposit's own.
Line read_merchandise(pugi::xml_node item, pugi::xml_node line_item, const std::string& xpath,
                      const std::map<std::string, Decimal>& deposits, Money& money);

/// TaxGroupID, TaxRuleID or the percentage: "25%".
std::string tax_code(pugi::xml_node tax);
/// Description, PromotionID, MethodCode or `otherwise`.
std::string discount_reason(pugi::xml_node node, std::string_view otherwise);

}  // namespace tillsync::poslog
