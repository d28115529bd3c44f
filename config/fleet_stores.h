// stores.toml: the stores whose reports head office pulls together.
//
//   [stores.0417]
//   url = "https://till-0417.example.com:7412"   # the store's ops API
//   token = "file:/etc/tillsync/0417.token"      # a secret reference; "" for none
//   key = "5e0f...c2"                            # `tillsync report key` of that store, or a file that has it
//   ca_file = ""                                 # PEM; "" for the system's store
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/settings.h"

namespace tillsync {

struct FleetStore {
  std::string url;
  SecretReference token;
  std::string key;
  std::string ca_file;
  std::int64_t line = 0;  ///< of [stores.ID]
};

inline constexpr std::size_t kFleetStoresMax = 20'000;

struct LoadedFleet {
  std::map<std::string, FleetStore> stores;  ///< by the store's id
  std::vector<SettingsMistake> mistakes;     ///< every one, in the order of the file
};

/// Paths that do not begin with / are meant from the file's folder. Never throws.
LoadedFleet load_fleet(const std::string& file);
/// The same for text, with `file` as its name in messages.
LoadedFleet parse_fleet(const std::string& text, const std::string& file);

}  // namespace tillsync
