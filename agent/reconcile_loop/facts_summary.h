// What is held of central, for status and metrics.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reconcile/central_facts/central_facts.h"

namespace tillsync {

struct FactsSummary {
  /// Of one target that is asked.
  struct Source {
    std::optional<UtcTime> asked_at;      ///< the last round's end; nothing: none yet
    bool changes_served = false;          ///< it has a change feed
    std::optional<UtcTime> caught_up_at;  ///< when that was last followed to where it stood still
    std::optional<Error> trouble;         ///< why the last round ended before its end
  };
  std::vector<FactCount> counts;  ///< empty where nobody is asked
  std::map<std::string, Source> sources;
};

}  // namespace tillsync
