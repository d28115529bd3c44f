// Whether the money of a sale or return adds up (CONTRACT sections 1 and 8). Internal to this folder.
#pragma once

#include "outbox/document/object_reader.h"

namespace tillsync {

/// Notes a fault at a line's `amount` that is more than one minor unit away from quantity x unit_price.
void check_line_amount(const TradeLine& line, int currency_decimals, ObjectReader& reader);
/// Notes faults at `total` and `tenders` that do not fit the lines' sum, exact or rounded to the minor unit.
void check_trade_sums(const Trade& trade, int currency_decimals, ObjectReader& reader);

}  // namespace tillsync
