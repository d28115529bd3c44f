// Whether what central gave as a row's value can be kept. Pure.
#pragma once

#include <string>
#include <string_view>

#include "reconcile/central_facts/central_facts.h"

namespace tillsync {

inline constexpr std::size_t kFactKeyBytesMax = 256;
inline constexpr std::size_t kFactEtagBytesMax = 1024;
inline constexpr std::size_t kFactValueBytesMax = 64 * 1024;

/// The value as compact JSON. kInvalid: `facts-too-large` beyond kFactValueBytesMax; `facts-shape` for what
/// is no object; `facts-wrong-row` where the object names itself otherwise (`id` of a customer, `sku` of
/// stock and prices, `store` of stock); `facts-card-number` (I9). The detail repeats neither value nor key.
Result<std::string> checked_value(FactKind kind, const std::string& key, const std::string& store,
                                  std::string_view text);
/// Whether a key can be kept at all: 1 to kFactKeyBytesMax bytes, none for the refund policy.
bool is_fact_key(FactKind kind, std::string_view key);

}  // namespace tillsync
