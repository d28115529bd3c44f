// Central's own sums, straight from the canonical JSON: an independent count to hold the store's against.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/decimal.h"
#include "platform/json/json.h"
#include "tests/central/ledger.h"

namespace tillsync::central {

/// The document's `total`, else the exact sum of its lines less discounts, plus taxes where prices exclude
/// them. Nothing for a document without money.
std::optional<std::string> document_total_text(const json::Value& document);
/// Adds `effect` to net totals per currency: sales count up, returns down.
void add_net(std::map<std::string, Decimal>& totals, const Effect& effect);
/// How far `document` moves the stock of `sku`, from `before`: sales, transfers out take; returns, transfers
/// in add; adjustments add their delta; a count sets.
Decimal stock_after(const Decimal& before, const json::Value& document, std::string_view sku);

}  // namespace tillsync::central
