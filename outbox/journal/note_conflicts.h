// Conflicts into the journal, from any thread but its own.
#pragma once

#include <vector>

#include "outbox/journal/conflict_facts.h"
#include "outbox/journal/group_commit.h"

namespace tillsync {

/// Blocks until those that are new are durable facts (Journal::note_conflict).
Result<void> note_conflicts(JournalQueue& journal, std::vector<ConflictFact> found);

}  // namespace tillsync
