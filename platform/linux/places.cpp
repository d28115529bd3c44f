#include "platform/service/places.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace tillsync {

std::string settings_file_default() {
  return "/etc/tillsync/tillsync.toml";
}
std::string data_folder_default() {
  return "/var/lib/tillsync";
}
std::string till_socket_default() {
  return "/run/tillsync/till.sock";
}

// Debian package tzdata.
std::string zone_rules(const std::string& iana_name) {
  const std::filesystem::path path = "/usr/share/zoneinfo/" + iana_name;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return {};  // "Europe" is a folder
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace tillsync
