// Targets that take files: [targets.NAME.file] and the rules across it, base_url and auth.
#pragma once

#include <string>
#include <string_view>

#include "config/mistakes.h"
#include "config/settings.h"
#include "config/toml_tree.h"

namespace tillsync::config {

/// The connector's name in the settings.
inline constexpr std::string_view kFileConnector = "file";
/// Batches under way at once: one after the other is written, so more would only wait.
inline constexpr std::int64_t kFileConcurrencyMax = 8;

/// Reads the table `file` of a target and holds the target's keys against its connector.
void read_file_target(const Node& table, const std::string& name, TargetSettings& target, Mistakes& mistakes);

/// A route that sends to a file target what its format has no place for.
void check_file_routes(const Node& root, const Settings& settings, Mistakes& mistakes);

/// Whether documents of that type have a place in the format.
bool format_takes(std::string_view format, std::string_view document_type);

}  // namespace tillsync::config
