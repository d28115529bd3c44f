// What the service manager hears of a reload; beside service_host.h, which has the rest of that conversation.
#pragma once

#include "platform/base/result.h"

namespace tillsync {

/// RELOADING=1: the settings are read again; notify_ready() says that this is over.
Result<void> notify_reloading();

}  // namespace tillsync
