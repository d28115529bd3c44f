// What a person's choice on a conflict means for the deliveries that waited for it. Pure.
#pragma once

#include <vector>

#include "outbox/journal/conflict_facts.h"
#include "outbox/journal/facts.h"

namespace tillsync {

/// `resolved`: with its resolution; `all`: every conflict of its document. Decisions on the steps that were
/// held: they are sent again once nothing is open any more, and given up where the choice says so. Empty
/// where nothing was held. A step that is not quarantined (any more) needs none: Journal::decide() says
/// which.
std::vector<DecisionFact> consequences(const ConflictView& resolved, const std::vector<ConflictView>& all);

}  // namespace tillsync
