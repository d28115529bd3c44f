#include "agent/connectors/pace_limits.h"

namespace tillsync {

PaceLimits pace_limits(const TargetSettings& settings, const Connector* connector) {
  const ConnectorLimits otherwise = connector != nullptr ? connector->limits : ConnectorLimits{};
  return {settings.rate_per_s,
          settings.burst_requests.value_or(otherwise.burst_requests),
          settings.burst_window.value_or(otherwise.burst_window),
          settings.day_requests.value_or(otherwise.day_requests),
          settings.day_kept_back_percent,
          connector != nullptr ? connector->concurrency_max : 0};
}

}  // namespace tillsync
