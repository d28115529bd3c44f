// Where things lie on this kind of system. No operating-system header comes with it; one .cpp per system
// implements it. Paths with "/" on every system.
#pragma once

#include <string>

namespace tillsync {

/// "/etc/tillsync/tillsync.toml"; "C:/ProgramData/tillsync/tillsync.toml".
std::string settings_file_default();
/// The journal's folder: "/var/lib/tillsync"; "C:/ProgramData/tillsync/journal".
std::string data_folder_default();
/// The tills' Unix socket: "/run/tillsync/till.sock"; "" (none) on Windows, where tills take TCP.
std::string till_socket_default();
/// The compiled rules (RFC 8536) of a zone of the IANA database; "" where there is none of that name.
std::string zone_rules(const std::string& iana_name);

}  // namespace tillsync
