// [conflicts], and the single fields in [conflicts.customer_fields].
#pragma once

#include "config/mistakes.h"
#include "config/settings.h"
#include "config/toml_tree.h"

namespace tillsync::config {

void read_conflicts(const Node& table, Settings& settings, Mistakes& mistakes);

}  // namespace tillsync::config
