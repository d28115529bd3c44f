// Makes every derived table of a journal anew from its records. Private to outbox/journal.
#pragma once

#include <map>

#include "outbox/journal/derivation.h"
#include "platform/sqlite/database.h"

namespace tillsync {

/// The tables must be empty, and the caller's transaction open. All that is not settled counts as maybe sent
/// (lane.reserved is `head`), so that it is looked up before it is sent (I3); lanes start behind what is
/// settled or on record. Returns the documents counted.
Result<std::int64_t> rebuild_derived(sqlite::Database& database, Sequence head,
                                     const std::map<Sequence, DerivedGap>& gaps);

}  // namespace tillsync
