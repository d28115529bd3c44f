// Where two documents differ, member by member. Pure functions of two JSON trees.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "platform/json/json.h"

namespace tillsync {

/// One member that is not the same on both sides.
struct Difference {
  std::string member;   ///< JSON Pointer (RFC 6901) into the document
  json::Value journal;  ///< null where the journal has no such member
  json::Value central;  ///< null where central has none
  bool operator==(const Difference&) const = default;
};

/// A document that differs everywhere is one finding, not a thousand.
inline constexpr std::size_t kDifferencesMax = 32;
/// A value of a difference that is longer as JSON is cut, and says so.
inline constexpr std::size_t kDifferenceValueBytesMax = 1024;

struct Differences {
  std::vector<Difference> list;  ///< at most kDifferencesMax, in the journal's member order
  std::size_t more = 0;          ///< how many more members differ
  bool empty() const { return list.empty() && more == 0; }
  bool operator==(const Differences&) const = default;
};

/// Compares canonical documents. Member order does not count; neither do "2.5" against "2.50" nor 2.5 against
/// "2.5" in members that the model says are decimals; a null member is an absent one. Where one array is
/// longer, its first extra element stands for the rest.
Differences compare_documents(const json::Value& journal, const json::Value& central);

/// As text for storage, and back; bad text gives no differences (it is a cache that held it).
std::string encode_differences(const Differences& differences);
Differences decode_differences(std::string_view text);

}  // namespace tillsync
