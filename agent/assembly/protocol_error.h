// Answers to what is no request, or one too many; the same on every listener.
#pragma once

#include "agent/http_server/server.h"

namespace tillsync {

/// For ServerOptions::protocol_error.
ServerResponse protocol_error(ProtocolError error);

}  // namespace tillsync
