// Who may do what with a folder: administrators and the system all, the service what it needs, nobody else
// anything. For the files of this folder.
#pragma once

#include <string>

#include "platform/base/result.h"

namespace tillsync {

enum class Rights { kRead, kChange };  ///< of the service

/// Replaces the folder's rights, and what lies in it takes them on; nothing is inherited from above.
/// kStorage.
Result<void> protect_folder(const std::string& path, Rights service);

}  // namespace tillsync
