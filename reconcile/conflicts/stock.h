// One SKU's level, from what both sides did: the store's movements in journal order, central's own in its
// order. Pure. Movements are deltas and commute; a count is absolute, and each movement stands before or
// after it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "outbox/journal/conflict_facts.h"
#include "platform/base/decimal.h"
#include "platform/base/time.h"
#include "reconcile/conflicts/policies.h"

namespace tillsync {

/// What one document of the store did to the SKU.
struct StoreMove {
  Sequence document;
  std::string document_id;
  BusinessDay business_day;
  std::optional<Decimal> counted;  ///< of a count; else `delta`
  Decimal delta;
  UtcTime occurred_at{};   ///< the till's clock: only sets a count against central's own movements
  bool at_central = true;  ///< central's level has it
};

/// A movement of central's own: an order of the web shop, a delivery booked there.
struct CentralMove {
  std::string id;
  Decimal delta;
  UtcTime at{};
};

struct StockCase {
  std::string sku;
  std::string target;
  Decimal known;                 ///< central's level as the store knew it before `moves`
  Decimal now;                   ///< central's level now
  std::string version;           ///< of that level
  std::vector<StoreMove> moves;  ///< those that `known` does not have, in journal order
  /// central's own since `known`; nothing: it tells levels alone.
  std::optional<std::vector<CentralMove>> central_moves;
};

struct StockReview {
  Decimal level;            ///< the store's: what is on the shelf
  Decimal central_moved;    ///< by central itself, since `known`
  bool order_known = true;  ///< false: there was a count, and central does not tell when it moved
  std::vector<ConflictFact> found;
};
StockReview review_stock(const StockCase& what, const ConflictPolicies& policies);

/// central's own movements in a stock view's optional `movements`: [{"id","quantity_delta","at"}]; nothing
/// where it has none or one of them cannot be read. Those in `before` are left out.
std::optional<std::vector<CentralMove>> central_moves_of(const json::Value& now, const json::Value& before);

}  // namespace tillsync
