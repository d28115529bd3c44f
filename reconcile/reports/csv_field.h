// What a report's CSV does to text that others wrote. Internal to this folder.
#pragma once

#include <string>

#include "platform/base/csv.h"
#include "platform/base/decimal.h"

namespace tillsync {

/// What a spreadsheet might run as a formula is made text; a negative number stays one.
inline std::string harmless_csv_field(const std::string& field) {
  return is_csv_formula(field) && !Decimal::parse(field, Decimal::kDecimals) ? "'" + field : field;
}

}  // namespace tillsync
