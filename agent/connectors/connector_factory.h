// Builds, from a target's settings, what speaks to it.
#pragma once

#include <memory>
#include <string>

#include "agent/connectors/credentials.h"
#include "config/settings.h"
#include "outbox/delivery/target_port.h"
#include "platform/base/time.h"
#include "platform/http/client.h"
#include "reconcile/central_view/read_back_port.h"

namespace tillsync {

/// For the delivery thread. `client` and `clock` outlive the port. `name` is the target's, for messages.
/// kInvalid with the cure: unknown connector, unusable base_url or auth.
Result<std::unique_ptr<TargetPort>> make_target_port(const std::string& name, const TargetSettings& settings,
                                                     const std::string& store, http::Transport& client,
                                                     const Clock& clock,
                                                     Credentials::ReadSecret read = read_secret);

/// For the reconcile thread; it brings its own HTTP client. `clock` outlives the port. Errors as above.
Result<std::unique_ptr<ReadBackPort>> make_read_back(const std::string& name, const TargetSettings& settings,
                                                     const std::string& store, const Clock& clock,
                                                     Credentials::ReadSecret read = read_secret);

}  // namespace tillsync
