// GTIN check digits (GS1 General Specifications, section 7.9).
#pragma once

#include <string_view>

namespace tillsync {

/// Whether `text` is 8, 12, 13 or 14 digits whose last is the right modulo-10 check digit.
bool is_valid_gtin(std::string_view text);

}  // namespace tillsync
