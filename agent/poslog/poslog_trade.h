// A RetailTransaction as a sale, a return, or both of an exchange. Internal to this folder.
#pragma once

#include <optional>
#include <pugixml.hpp>
#include <string>
#include <vector>

#include "agent/poslog/poslog_lines.h"
#include "platform/json/json.h"

namespace tillsync::poslog {

/// One side of a trade: what is read of it, in the members of the contract.
struct Side {
  bool is_return = false;
  json::Object members;                  ///< lines, tenders, total, prices_include_tax, original
  std::vector<std::string> line_xpaths;  ///< of each line
};

struct TradeParts {
  std::vector<Side> sides;  ///< one; of an exchange the sale, then the return
  std::optional<std::string> customer;
  json::Object extensions;  ///< what the model has no place for
};

/// What a return's TransactionLink says of the sale, where it says something; `store_id` is the return's own.
using OriginalOf = std::optional<json::Object> (*)(pugi::xml_node link, const std::string& store_id);

/// Where it cannot be read as a whole, `money` has the faults.
TradeParts read_trade(pugi::xml_node retail, const std::string& xpath, const std::string& store_id,
                      OriginalOf original_of, Money& money);

}  // namespace tillsync::poslog
