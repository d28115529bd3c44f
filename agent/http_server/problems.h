// Problem answers that every API of the agent gives alike (RFC 9457).
#pragma once

#include <string>
#include <string_view>

#include "agent/http_server/server.h"

namespace tillsync {

/// 404 not-found.
ServerResponse not_found(std::string_view detail);
/// 405 method-not-allowed, with Allow (RFC 9110 section 15.5.6); `allow` as the header has it: "GET, POST".
ServerResponse not_allowed(std::string allow);

}  // namespace tillsync
