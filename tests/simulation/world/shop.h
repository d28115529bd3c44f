// What tills sell: documents made from a number each, with sums that the checker works out by itself, in
// whole ten-thousandths, apart from the code under test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "outbox/document/document.h"
#include "platform/base/random.h"
#include "platform/base/time.h"

namespace tillsync::sim {

struct SimDocument {
  std::string id;
  std::string type;
  int till = 0;
  std::string body;                   ///< JSON as the till posts it
  std::string canonical;              ///< what central is to get, byte for byte
  std::string business_day;           ///< as the canonical form has it
  std::vector<std::string> skus;      ///< of its stock movements or its count
  bool counts = false;                ///< an absolute count: it does not commute with movements of its SKUs
  std::string customer;               ///< of a customer update
  std::string original;               ///< of a return: the sale's id
  std::optional<std::int64_t> total;  ///< in 10^-4, positive; nothing where there is no money
};

std::string sku_name(std::int64_t number);
/// Exact text of an amount in 10^-4, without trailing zeros.
std::string amount_text(std::int64_t ten_thousandths);

struct Recipe {
  std::string id;
  int till = 0;
  UtcTime now{};                    ///< the till's clock
  std::optional<std::string> sale;  ///< a sale that a return may name
  std::uint64_t seed = 0;
};
/// The same document for the same recipe. `canonical` and `business_day` are left to the caller.
SimDocument make_document(const Recipe& recipe);
/// Another document of the same id and type.
SimDocument make_changed(const SimDocument& document);
/// Every SKU of the body replaced by `sku`, and nothing else: what an operator amends.
std::string with_sku(const std::string& body, const std::string& sku);

/// The canonical form as central's JSON reads, byte for byte.
std::string canonical_form(const Document& document);

}  // namespace tillsync::sim
