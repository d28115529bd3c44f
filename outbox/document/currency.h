// ISO 4217 currency codes and their minor units (list one of the SIX maintenance agency).
#pragma once

#include <optional>
#include <string_view>

namespace tillsync {

/// Decimals of the currency's minor unit (GBP 2, JPY 0, BHD 3); nothing for a code that is not in ISO 4217.
std::optional<int> currency_decimals(std::string_view code);

}  // namespace tillsync
