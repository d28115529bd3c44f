// Conflicts as the ops API shows them.
#pragma once

#include "outbox/journal/conflict_facts.h"
#include "platform/json/json.h"

namespace tillsync {

/// CONTRACT section 5's members, then the rest: both sides, and what a person may choose.
json::Value conflict_view(const ConflictView& conflict);

}  // namespace tillsync
