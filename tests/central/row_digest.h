// Digests of rows, made from what central lists: written from the protocol (agent/DESIGN.md), without the
// store's own code, so that the two prove each other.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "platform/json/json.h"

namespace tillsync::central {

struct RowDigest {
  std::string key;  ///< 16 hexadecimal digits
  std::array<std::int64_t, 4> words{};
};

/// Of a row as it is listed: {"reference","step","total","currency","document",...}.
RowDigest digest_of_row(const json::Value& row);

struct RangeDigest {
  std::int64_t count = 0;
  std::array<std::int64_t, 4> sums{};
  void add(const RowDigest& row, int times);
};

}  // namespace tillsync::central
