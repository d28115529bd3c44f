// The network between the store and its targets: it loses requests before and after the server's commit,
// delays, doubles and reorders them, leaves connections half open, and is cut per target.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "platform/base/random.h"
#include "platform/http/client.h"
#include "tests/simulation/world/central.h"
#include "tests/simulation/world/plan.h"
#include "tests/simulation/world/timeline.h"

namespace tillsync::sim {

class SimNetwork {
 public:
  SimNetwork(Timeline& timeline, std::array<SimCentral*, kTargets> centrals,
             std::int64_t background_per_million, std::uint64_t seed)
      : timeline_(timeline), centrals_(centrals), background_(background_per_million), random_(seed) {}

  void set_mode(int target, std::optional<NetworkMode> mode) {
    modes_[static_cast<std::size_t>(target)] = mode;
  }
  void heal() {
    modes_ = {};
    background_ = 0;
  }
  /// Sends; `done` comes once, at the latest at the request's time-out.
  void send(http::Request request, std::function<void(http::Exchange)> done);
  /// Index of the target that the URL leads to.
  static int target_of(const std::string& url);

  /// Longer than this nothing stays under way.
  static constexpr Moment kLatest = std::chrono::minutes(10);

 private:
  /// Chances of one request, in millionths.
  struct Weather {
    std::int64_t refused = 0, lost_before = 0, lost_after = 0, doubled = 0, late = 0;
    bool slow = false;
  };
  Weather weather(int target) const;
  bool strikes(std::int64_t per_million) {
    return per_million > 0 && static_cast<std::int64_t>(random_.below(1'000'000)) < per_million;
  }
  Moment latency(bool slow);
  Moment long_delay() { return std::chrono::milliseconds(1 + random_.below(600'000)); }

  Timeline& timeline_;
  const std::array<SimCentral*, kTargets> centrals_;
  std::int64_t background_;
  SeededRandom random_;
  std::array<std::optional<NetworkMode>, kTargets> modes_;
};

/// Base URL of a target.
std::string base_url(int target);
inline constexpr const char* kTargetNames[kTargets] = {"erp", "crm"};

}  // namespace tillsync::sim
