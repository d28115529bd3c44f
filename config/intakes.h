// The [intake.NAME] tables.
#pragma once

#include "config/mistakes.h"
#include "config/settings.h"
#include "config/toml_tree.h"

namespace tillsync::config {

/// Each has a thread of its own.
inline constexpr std::size_t kIntakesMax = 16;

void read_intakes(const Node& table, Settings& settings, Mistakes& mistakes);

/// What can be told only once paths are resolved: two intakes must not take from one folder, and none from
/// the journal's.
void check_intake_folders(const Settings& settings, Mistakes& mistakes);

}  // namespace tillsync::config
