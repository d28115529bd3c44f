// What is left to do for central's facts, as FactsWriter notes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "reconcile/central_facts/facts_writer.h"

namespace tillsync {

struct WantedKey {
  std::int64_t number = 0;  ///< in the order in which they were first wanted
  std::string key;
};

/// A row still to be fetched; `number` says in which order.
struct PendingRow {
  std::int64_t number = 0;
  FactKind kind = FactKind::kCustomer;
  std::string key;
};
/// Of all sources, with a number above `after`, in order.
Result<std::vector<PendingRow>> pending_rows(CentralFacts& facts, std::int64_t after, std::size_t limit);
/// The number of the last of them; 0: there is none.
Result<std::int64_t> last_pending(CentralFacts& facts);
/// Wanted keys with a number above `after`, in the order of their numbers.
Result<std::vector<WantedKey>> wanted_keys(CentralFacts& facts, WantedKind what, std::int64_t after,
                                           std::size_t limit);
Result<bool> is_wanted(CentralFacts& facts, WantedKind what, const std::string& key);
Result<std::int64_t> progress(CentralFacts& facts, const std::string& name);
/// "": from the start.
Result<std::string> list_cursor(CentralFacts& facts, FactKind kind);

}  // namespace tillsync
