// The body of whoever decides: {"reason","by"}, and what else the call takes.
#pragma once

#include <string>

#include "agent/http_server/server.h"
#include "platform/base/result.h"
#include "platform/json/json.h"

namespace tillsync {

struct SignedBody {
  json::Value body;
  std::string reason, by;
};
/// Who decides must say why; both end up in the journal. `by` may be left out by who showed a token or
/// certificate (decided_by.h). kInvalid says what the body must be.
Result<SignedBody> read_signed(const ServerRequest& request);

}  // namespace tillsync
