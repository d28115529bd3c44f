// Whose rows of central the store wants: the SKUs that it trades and the customers that it serves, as its own
// journal tells.
#pragma once

#include <cstddef>

#include "outbox/journal/reader.h"
#include "reconcile/central_facts/facts_writer.h"
#include "reconcile/central_view/read_back.h"

namespace tillsync {

struct WantedLimits {
  std::size_t records_at_once = 500;  ///< of the journal; what they name is noted in one transaction
  std::size_t records_max = 200'000;  ///< in a call; the next one goes on there
};

struct WantedFound {
  std::size_t records = 0;
  std::size_t added = 0;
  bool at_head = false;  ///< nothing is left to look at
};

/// Looks at what the journal has recorded since the last call, documents and amendments. Ends early at a
/// limit or where `until` says so; what was found by then is kept.
Result<WantedFound> collect_wanted(JournalReader& reader, CentralFacts& facts, const Clock& clock,
                                   const ReadBackUntil& until, const FactsRoom& room = {},
                                   const WantedLimits& limits = {});

}  // namespace tillsync
