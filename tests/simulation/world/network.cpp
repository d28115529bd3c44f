#include "tests/simulation/world/network.h"

#include <fmt/format.h>

namespace tillsync::sim {

std::string base_url(int target) {
  return fmt::format("http://{}.sim/tillsync", kTargetNames[target]);
}

int SimNetwork::target_of(const std::string& url) {
  for (int target = 0; target < kTargets; ++target) {
    if (url.starts_with(base_url(target))) return target;
  }
  return 0;
}

SimNetwork::Weather SimNetwork::weather(int target) const {
  Weather weather{background_ / 4, background_, background_, background_, background_, false};
  const auto mode = modes_[static_cast<std::size_t>(target)];
  if (!mode) return weather;
  switch (*mode) {
    case NetworkMode::kDown:
      weather.refused = 950'000;
      break;
    case NetworkMode::kLossy:
      weather.refused = 100'000;
      weather.lost_before = weather.lost_after = 200'000;
      break;
    case NetworkMode::kHalfOpen:
      weather.late = 500'000;
      weather.lost_before = 400'000;
      break;
    case NetworkMode::kSlow:
      weather.slow = true;
      break;
    case NetworkMode::kStorm:
      weather.refused = weather.lost_before = weather.lost_after = 150'000;
      weather.doubled = weather.late = 300'000;
      weather.slow = true;
      break;
    case NetworkMode::kCount:
      break;
  }
  return weather;
}

Moment SimNetwork::latency(bool slow) {
  return std::chrono::microseconds(200 + random_.below(slow ? 8'000'000 : 40'000));
}

void SimNetwork::send(http::Request request, std::function<void(http::Exchange)> done) {
  const int target = target_of(request.url);
  auto* central = centrals_[static_cast<std::size_t>(target)];
  const auto sky = weather(target);
  auto answered = std::make_shared<bool>(false);
  auto finish = [answered, done = std::move(done)](http::Exchange exchange) {
    if (std::exchange(*answered, true)) return;
    done(std::move(exchange));
  };
  if (strikes(sky.refused)) {
    const auto when = random_.below(2) == 0 ? latency(false) : Moment(request.connect_timeout);
    return timeline_.after(when, [finish] { finish(http::Failure{false, "connect", "connection refused"}); });
  }
  timeline_.after(request.timeout, [finish] { finish(http::Failure{true, "timeout", "no answer in time"}); });
  if (strikes(sky.lost_before)) return;
  const bool lost_after = strikes(sky.lost_after);
  const bool reset = random_.below(2) == 0;
  const auto shared = std::make_shared<http::Request>(std::move(request));
  const auto arrive = [this, central, shared, finish, lost_after, reset, slow = sky.slow] {
    // It is handled when it comes; its answer takes the time of the work and the way back.
    auto made = central->handle(*shared);
    const auto back = central->working_time() + latency(slow);
    if (!made || lost_after) {
      if (reset)
        timeline_.after(back, [finish] { finish(http::Failure{true, "reset", "connection reset"}); });
      return;
    }
    timeline_.after(back, [finish, answer = std::move(*made)] { finish(http::Exchange(answer)); });
  };
  timeline_.after(strikes(sky.late) ? long_delay() : latency(sky.slow), arrive);
  if (strikes(sky.doubled))
    timeline_.after(long_delay(), [central, shared] { (void)central->handle(*shared); });
}

}  // namespace tillsync::sim
