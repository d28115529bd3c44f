// What central answers to `GET /documents/digest` (agent/DESIGN.md), from its JSON text.
#pragma once

#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/base/result.h"
#include "platform/base/time.h"
#include "reconcile/central_view/row_digest.h"

namespace tillsync {

/// `{"days":[{"business_day","count","sums"}]}`. kInvalid kDigestShape names what is wrong; so for a day that
/// comes twice or is not of `from` to `to`.
Result<std::map<BusinessDay, RangeSum>> parse_digest_days(std::string_view text, BusinessDay from,
                                                          BusinessDay to);

/// `{"parts":[{"prefix","count","sums"}]}`. kInvalid likewise.
Result<std::vector<std::pair<KeyPrefix, RangeSum>>> parse_digest_parts(std::string_view text);

}  // namespace tillsync
