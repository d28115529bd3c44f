// Which settings differ between two readings of a file.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace tillsync {

/// The keys whose values differ, as they stand in a file ("log.level", "targets.erp.base_url"), defaults
/// included, in the file's order of sections. A table that only one of them has is named by itself
/// ("targets.crm"), and so is one that is compared as a whole ("routes.sale", "targets.erp.parameters",
/// "ops.client_certificates").
std::vector<std::string> changed_settings(const Settings& before, const Settings& after);

}  // namespace tillsync
