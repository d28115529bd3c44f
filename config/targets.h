// The [targets.NAME] and [routes] tables, which have rules across several keys.
#pragma once

#include "config/mistakes.h"
#include "config/settings.h"
#include "config/toml_tree.h"

namespace tillsync::config {

/// Most targets of one store; each owns connections and a queue.
inline constexpr std::size_t kTargetsMax = 64;
/// Most steps of one route.
inline constexpr std::size_t kRouteStepsMax = 64;

void read_targets(const Node& table, Settings& settings, Mistakes& mistakes);
/// `table` nullptr: every type goes to every target. Names of targets are looked up in `target_names`, which
/// holds also the ones with mistakes of their own.
void read_routes(const Node* table, const std::vector<std::string>& target_names, Settings& settings,
                 Mistakes& mistakes);

}  // namespace tillsync::config
