// The inner part of a recovery: which records the chain proves, and the journal made of them. Private to
// outbox/journal.
#pragma once

#include <functional>
#include <string>

#include "outbox/journal/recover.h"

namespace tillsync {

/// Makes `place`/journal.db out of what can be read of `folder`'s, with `fact` (its ranges filled in) as its
/// last record. The file is complete but not synced when this returns. `scratch`: an empty folder.
Result<Recovery> carry_over(const std::string& folder, const std::string& place, const std::string& scratch,
                            RecoveredFact fact, const Clock& clock,
                            const std::function<void(Sequence)>& progress);

}  // namespace tillsync
