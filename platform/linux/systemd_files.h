// What the Debian package has for systemd, in the program (tillsync_embed in CMake): one source for both
// ways.
#pragma once

#include <string_view>

namespace tillsync {

extern const std::string_view kSystemdUnit;   ///< packaging/systemd/tillsync.service
extern const std::string_view kSystemdUsers;  ///< packaging/systemd/tillsync.sysusers

}  // namespace tillsync
