// A secret in a file that only this machine can open (Windows: DPAPI). No operating-system header comes with
// it; one .cpp per system implements it. On Linux there is none: systemd's credentials are its like.
#pragma once

#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace tillsync {

/// What the file is to hold. Whoever runs on this machine and may read the file can open it, so the file's
/// rights count as well: a copy elsewhere, in a backup or on a stolen disk's image, opens nowhere.
/// kUnavailable `no-sealing` where this system has no such means.
Result<std::string> seal_secret(std::string_view secret);
/// kInvalid where the bytes are no sealed secret of this machine.
Result<std::string> unseal_secret(std::string_view sealed);

}  // namespace tillsync
