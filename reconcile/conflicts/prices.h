// A line sold at a price that central had changed meanwhile. Pure; the money stays as it is.
#pragma once

#include <optional>
#include <string>

#include "outbox/journal/conflict_facts.h"
#include "outbox/journal/reader.h"
#include "reconcile/conflicts/policies.h"

namespace tillsync {

/// A price as central gave it (CONTRACT section 6): {"sku","price","currency"}, optional "valid_from".
struct CentralPrice {
  Decimal price;
  std::string currency;
  std::optional<UtcTime> valid_from;
};
std::optional<CentralPrice> price_of(const json::Value& value);

/// One line of a sale that was journaled after the store last knew `before` and before it knew `now`.
struct PriceCase {
  Sequence document;
  const Document& content;
  std::size_t line = 0;
  std::string target;
  CentralPrice before;
  CentralPrice now;
  std::string version;  ///< of `now`
};
/// A conflict where the line was sold when `now` was in force (by its valid_from; without one where the till
/// took `before`) at another price.
std::optional<ConflictFact> review_price(const PriceCase& what, const ConflictPolicies& policies);

}  // namespace tillsync
