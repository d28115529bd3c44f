// The service objectives as metrics. Internal to this folder.
#pragma once

#include "agent/ops_api/metric_families.h"
#include "agent/reconcile_loop/service_watch.h"

namespace tillsync {

void add_service(Families& out, const ServiceSample& sample, UtcTime now);

}  // namespace tillsync
