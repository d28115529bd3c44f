#include "outbox/planner/planner.h"

#include <algorithm>
#include <string_view>

#include "platform/base/mutation.h"

namespace tillsync {
namespace {

/// FNV-1a, 64 bits (Fowler, Noll, Vo): seedless, so that a test or a log means the same key on every machine.
std::uint64_t fnv1a(std::string_view kind, std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  };
  mix(kind);
  mix(name);
  return hash;
}

class KeyList {
 public:
  explicit KeyList(const Document& document) : document_(document) {}

  void use_document(std::string_view id, KeyUse use) { keys_.push_back({fnv1a("document:", id), use}); }
  void use_customer(std::string_view number) {
    keys_.push_back({fnv1a("customer:", number), KeyUse::kExclusive});
  }
  template <class Lines>
  void use_skus(const Lines& lines, KeyUse use) {
    for (const auto& line : lines) keys_.push_back({fnv1a("sku:", line.sku), use});
  }

  void use_trade(const Trade& trade, const std::string& store_id) {
    use_document(document_.id, KeyUse::kExclusive);
    use_skus(trade.lines, KeyUse::kShared);
    for (const std::string& id : originals(document_, store_id)) use_document(id, KeyUse::kShared);
  }

  std::vector<OrderingKey> take() {
    if (mutated("no-exclusive-keys")) {
      for (auto& key : keys_) key.use = KeyUse::kShared;
    }
    normalise(keys_);
    return std::move(keys_);
  }

 private:
  const Document& document_;
  std::vector<OrderingKey> keys_;
};

}  // namespace

std::vector<std::string> originals(const Document& document, const std::string& store_id) {
  const auto* trade = std::get_if<Trade>(&document.content);
  if (document.type != DocumentType::kReturn || trade == nullptr || !trade->original) return {};
  const OriginalSale& original = *trade->original;
  std::vector<std::string> ids;
  if (original.store && *original.store != store_id) return ids;
  if (original.id) ids.push_back(*original.id);
  if (original.receipt) ids.push_back(*original.receipt);
  return ids;
}

bool may_overtake(DocumentType type) {
  return type != DocumentType::kStockCount && type != DocumentType::kCustomerUpdate;
}

void normalise(std::vector<OrderingKey>& keys) {
  // Exclusive before shared within a hash: unique() keeps the first.
  std::sort(keys.begin(), keys.end(), [](const OrderingKey& a, const OrderingKey& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.use > b.use;
  });
  const auto same = [](const OrderingKey& a, const OrderingKey& b) { return a.hash == b.hash; };
  keys.erase(std::unique(keys.begin(), keys.end(), same), keys.end());
}

const std::vector<RouteStep>& Routes::plan(DocumentType type) const {
  static const std::vector<RouteStep> nowhere;
  const auto found = steps.find(type);
  return found == steps.end() ? nowhere : found->second;
}

Routes routes_from(const Settings& settings) {
  Routes routes;
  for (const auto& [name, steps] : settings.routes) {
    if (const auto type = type_from_name(name)) routes.steps[*type] = steps;
  }
  return routes;
}

std::vector<OrderingKey> ordering_keys(const Document& document, const std::string& store_id) {
  KeyList keys(document);
  switch (document.type) {
    case DocumentType::kSale:
    case DocumentType::kReturn:
      if (const auto* trade = std::get_if<Trade>(&document.content)) keys.use_trade(*trade, store_id);
      break;
    case DocumentType::kStockAdjustment:
      if (const auto* stock = std::get_if<StockAdjustment>(&document.content)) {
        keys.use_skus(stock->lines, KeyUse::kShared);
      }
      break;
    case DocumentType::kStockTransfer:
      if (const auto* stock = std::get_if<StockTransfer>(&document.content)) {
        keys.use_skus(stock->lines, KeyUse::kShared);
      }
      break;
    case DocumentType::kStockCount:
      if (const auto* stock = std::get_if<StockCount>(&document.content)) {
        keys.use_skus(stock->lines, KeyUse::kExclusive);
      }
      break;
    case DocumentType::kCustomerUpdate:
      if (document.customer) keys.use_customer(*document.customer);
      break;
    case DocumentType::kTillClose:
      break;
  }
  return keys.take();
}

}  // namespace tillsync
