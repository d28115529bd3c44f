// Whom the machine trusts, where libcurl was built without knowing: distributions keep it at different
// places.
#pragma once

#include <string>

namespace tillsync::http {

/// PEM of the system's authorities; "" where libcurl knows its own place, or none of the known ones is there.
const std::string& system_ca_file();

}  // namespace tillsync::http
