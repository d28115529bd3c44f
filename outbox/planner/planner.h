// Which deliveries a document needs, and what each must wait for. Pure functions of a document and the routes
// in force.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/settings.h"
#include "outbox/document/document.h"

namespace tillsync {

/// Steps by document type. The routes in force when a document was journaled decide its plan for ever: they
/// are a fact of the journal, so that a changed setting never rewrites what is owed.
struct Routes {
  std::map<DocumentType, std::vector<RouteStep>> steps;
  bool operator==(const Routes&) const = default;

  const std::vector<RouteStep>& plan(DocumentType type) const;
};

/// From checked settings.
Routes routes_from(const Settings& settings);

/// How a delivery uses an ordering key (I4).
enum class KeyUse : unsigned char {
  kShared,     ///< commutes with other shared uses of the same key
  kExclusive,  ///< waits for every earlier use, and every later use waits for it
};

/// A thing whose deliveries to one target may have to keep journal order, as a 64-bit hash of its name. A
/// collision makes two deliveries wait for each other needlessly; it never reorders.
struct OrderingKey {
  std::uint64_t hash = 0;
  KeyUse use = KeyUse::kShared;
  bool operator==(const OrderingKey&) const = default;
};

/// - "document:ID": a sale uses its own exclusively, a return its own exclusively and its original's shared
/// (so a return waits for its
///   sale, and returns of one sale do not wait for each other). The original counts where it names this store
///   or none; id or receipt.
/// - "sku:SKU": sales, returns, adjustments and transfers share it; a count is exclusive.
/// - "customer:NUMBER": a customer update is exclusive.
/// Each key once (exclusive wins over shared), sorted by hash. Hashes are FNV-1a 64 of that name: seedless,
/// the same everywhere.
std::vector<OrderingKey> ordering_keys(const Document& document, const std::string& store_id);

/// Ids of documents of this store that a return names as its sale: those whose "document:ID" it shares.
std::vector<std::string> originals(const Document& document, const std::string& store_id);
/// Whether its deliveries may go before earlier ones that its keys do not forbid: what uses more than itself
/// exclusively is told by its keys alone only where all earlier ones are known.
bool may_overtake(DocumentType type);

/// Sorts by hash and leaves each key once (exclusive wins over shared).
void normalise(std::vector<OrderingKey>& keys);

}  // namespace tillsync
