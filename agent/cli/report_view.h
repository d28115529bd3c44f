// The reconciliation report (CONTRACT section 5) as text for a person. Pure.
#pragma once

#include <string>

#include "platform/json/json.h"

namespace tillsync::cli {

/// Entries of a list that are shown; the rest is counted.
inline constexpr std::size_t kListShownMax = 20;

bool report_balanced(const json::Value& report);
/// A trial balance; widths as below.
std::string trial_balance_text(const json::Value& balance, std::size_t width);
/// Lines of at most `width` columns where they can be (0: no limit).
std::string report_text(const json::Value& report, std::size_t width);

}  // namespace tillsync::cli
