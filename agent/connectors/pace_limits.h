// The limits that a target's pace has to keep: the settings', and else its connector file's.
#pragma once

#include "agent/connectors/mapped/connector.h"
#include "config/settings.h"
#include "outbox/delivery/pace.h"

namespace tillsync {

/// `connector`: null for the built-in `rest`, which has no limits of its own.
PaceLimits pace_limits(const TargetSettings& settings, const Connector* connector);

}  // namespace tillsync
