#include "config/first_settings.h"

#include <string_view>

namespace tillsync {

extern const std::string_view kExampleSettings;  // config/tillsync.example.toml (tillsync_embed in CMake)

namespace {

/// A table that says nothing while it is empty. An empty [routes] says that nothing goes anywhere.
bool is_section(std::string_view line) {
  return line.starts_with("[") && line.find('.') == std::string_view::npos && !line.starts_with("[routes]");
}

}  // namespace

std::string first_settings() {
  std::string out;
  std::string_view left = kExampleSettings;
  while (!left.empty()) {
    const auto end = std::min(left.find('\n'), left.size() - 1);
    const std::string_view line = left.substr(0, end + 1);
    left.remove_prefix(end + 1);
    const bool stays = line == "\n" || line.starts_with("#") || is_section(line);
    (out += stays ? "" : "#") += line;
  }
  return out;
}

}  // namespace tillsync
