#include "platform/service/places.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "platform/windows/handle.h"
#include "platform/windows/resources.h"

namespace tillsync {
namespace {

/// The machine's folder for data of programs: the variable may be missing in a service's environment, its
/// usual value is as old as the folder.
std::string program_data() {
  std::string folder = environment(L"ProgramData");
  if (folder.empty()) folder = "C:/ProgramData";
  std::replace(folder.begin(), folder.end(), '\\', '/');
  return folder + "/tillsync";
}

std::string beside_program(const std::string& name) {
  std::string path = narrow(own_path());
  std::replace(path.begin(), path.end(), '\\', '/');
  return path.substr(0, path.rfind('/') + 1) + name;
}

/// Of the resource: for each zone the sizes of name and rules (32 bits, little-endian), the name, the rules.
std::string built_in_rules(std::string_view name) {
  const auto resource = ::FindResourceW(nullptr, MAKEINTRESOURCEW(TILLSYNC_ZONES),
                                        MAKEINTRESOURCEW(10));  // RT_RCDATA, whose own definition is not wide
  if (resource == nullptr) return {};
  const auto loaded = ::LoadResource(nullptr, resource);
  std::string_view zones(static_cast<const char*>(::LockResource(loaded)),
                         ::SizeofResource(nullptr, resource));
  constexpr std::size_t kSizes = 8;
  const auto number_at = [&](std::size_t at) {
    std::size_t value = 0;
    for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(zones[at + i]);
    return value;
  };
  while (zones.size() >= kSizes) {
    const std::size_t name_bytes = number_at(0);
    const std::size_t rules_bytes = number_at(4);
    const auto at = zones.substr(kSizes);
    if (at.substr(0, name_bytes) == name) return std::string(at.substr(name_bytes, rules_bytes));
    zones = at.substr(std::min(at.size(), name_bytes + rules_bytes));
  }
  return {};
}

}  // namespace

std::string settings_file_default() {
  return program_data() + "/tillsync.toml";
}
std::string data_folder_default() {
  return program_data() + "/journal";
}
std::string till_socket_default() {
  return "";
}

// What lies beside the program goes first, so that a zone whose government has changed its mind needs no new
// program.
std::string zone_rules(const std::string& iana_name) {
  std::ifstream file(beside_program("zoneinfo/") + iana_name, std::ios::binary);
  if (!file) return built_in_rules(iana_name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace tillsync
