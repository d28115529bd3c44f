// Which settings a running daemon goes by: when it read them, and whether it refused the file since.
#pragma once

#include <optional>
#include <string>

#include "platform/base/time.h"

namespace tillsync {

struct SettingsState {
  UtcTime loaded_at{};  ///< when what runs was read, or last found unchanged
  struct Refusal {
    UtcTime at{};
    std::string detail;  ///< why, and the cure
  };
  std::optional<Refusal> refusal;  ///< the last one
  bool refused = false;            ///< it is newer than loaded_at: the file is not what runs
};

}  // namespace tillsync
