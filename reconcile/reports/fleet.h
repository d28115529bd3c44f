// Many stores' signed reports as one: who is balanced, who is late, who cannot be trusted or reached, and
// what all of them come to. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "outbox/document/document.h"
#include "platform/base/result.h"
#include "platform/json/json.h"
#include "reconcile/matching/findings.h"

namespace tillsync {

enum class StoreVerdict : unsigned char {
  kBalanced,
  kNotBalanced,  ///< something differs, or a person is needed
  kLate,         ///< nothing differs, but it is not all delivered, or not all read back
  kUnreachable,  ///< no report came
  kNotTrusted,   ///< not signed by the store's key, or not the report that was asked for
};
std::string_view verdict_name(StoreVerdict verdict);

struct FleetTotals {
  std::map<std::string, TypeSum> documents;  ///< by type; gross
  void add(const FleetTotals& other);
};

struct FleetEntry {
  std::string store;
  StoreVerdict verdict = StoreVerdict::kUnreachable;
  std::string reason;  ///< "" for a balanced one
  std::string generated_at;
  std::int64_t pending = 0, quarantined = 0, missing = 0, unexpected = 0, different = 0;  ///< of all targets
  FleetTotals totals;
};

/// What a store's answer amounts to. `key`: the 32 bytes that its signature must be by.
FleetEntry fleet_entry(const std::string& store, BusinessDay day, std::string_view answer,
                       const std::string& key);
FleetEntry unreachable_entry(const std::string& store, std::string reason);

struct FleetReport {
  BusinessDay day;
  UtcTime generated_at{};
  std::vector<FleetEntry> stores;  ///< by id
  bool balanced() const;
  std::int64_t count(StoreVerdict verdict) const;
  FleetTotals totals() const;  ///< of those whose report is trusted
};

/// {"day","generated_at","balanced","counts":{VERDICT:N},"documents":{type:{"count","total"}},"stores":
/// [{"store","verdict","reason","generated_at","pending",...,"documents"}]}
json::Value fleet_json(const FleetReport& report);
/// RFC 4180, CRLF: a row a store, then a row a type and currency.
std::string fleet_csv(const FleetReport& report);
/// One self-contained page.
std::string fleet_html(const FleetReport& report);

}  // namespace tillsync
