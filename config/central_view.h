// [central_view]: which target is asked what central knows.
#pragma once

#include "config/keys.h"
#include "config/mistakes.h"
#include "config/toml_tree.h"

namespace tillsync::config {

/// Behind the section's keys, targets and routes: fills in what the file leaves out, and holds the names
/// against the targets.
void settle_central_view(const Node& root, Settings& settings, Mistakes& mistakes);

}  // namespace tillsync::config
