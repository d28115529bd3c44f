#include "agent/connectors/pace_limits.h"

#include <doctest/doctest.h>

using namespace tillsync;
using std::chrono::seconds;

TEST_CASE("pace limits: the settings', else the connector file's, else none") {
  TargetSettings settings;
  const PaceLimits none = pace_limits(settings, nullptr);
  CHECK(none.burst_requests == 0);
  CHECK(none.burst_window == seconds(10));
  CHECK(none.day_requests == 0);
  CHECK(none.day_kept_back_percent == 20);

  CHECK(none.concurrency_max == 0);

  Connector connector;
  connector.concurrency_max = 4;
  connector.limits = {100, seconds(300), 250'000, std::nullopt};
  const PaceLimits file = pace_limits(settings, &connector);
  CHECK(file.burst_requests == 100);
  CHECK(file.burst_window == seconds(300));
  CHECK(file.day_requests == 250'000);
  CHECK(file.concurrency_max == 4);

  settings.burst_requests = 190;
  settings.day_requests = 0;
  settings.day_kept_back_percent = 0;
  const PaceLimits mixed = pace_limits(settings, &connector);
  CHECK(mixed.burst_requests == 190);
  CHECK(mixed.burst_window == seconds(300));
  CHECK(mixed.day_requests == 0);
  CHECK(mixed.day_kept_back_percent == 0);
  settings.burst_window = seconds(1);
  CHECK(pace_limits(settings, &connector).burst_window == seconds(1));
}
