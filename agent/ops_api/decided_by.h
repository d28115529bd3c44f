// Whose name a decision carries.
#pragma once

#include <string>

#include "agent/http_server/server.h"

namespace tillsync {

/// The name in the body where nobody had to show who it is; else the one that was shown, with the body's
/// beside it where it is another: "head-office (for jane)".
inline std::string decided_by(const ServerRequest& request, const std::string& by) {
  if (request.caller.empty()) return by;
  return by.empty() || by == request.caller ? request.caller : request.caller + " (for " + by + ")";
}

}  // namespace tillsync
