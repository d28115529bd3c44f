#include "tests/simulation/world/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/random.h"

namespace tillsync::sim {
namespace {

constexpr std::int64_t kDayS = 86'400;
constexpr std::int64_t kTradingS = 12 * 3'600;
constexpr std::int64_t kTenYearsS = 10 * 365 * kDayS;

const char* name(What what) {
  static constexpr const char* kNames[] = {
      "post",   "repost",  "changed post", "till crash", "till away", "power loss", "kill",
      "stop",   "suspend", "wall step",    "wall drift", "network",   "central",    "forget keys",
      "poison", "disk",    "operator",     "pause",      "routes",    "report"};
  return kNames[static_cast<std::size_t>(what)];
}

class Planner {
 public:
  Planner(std::uint64_t seed, int days) : random_(seed * 0x9e3779b97f4a7c15ULL + 1) {
    plan_.seed = seed;
    plan_.days = days;
  }

  Plan make() {
    plan_.tills = static_cast<int>(1 + below(4));
    plan_.routes = static_cast<int>(below(3));
    plan_.batch_max = static_cast<int>(one_in(2) ? 1 : 2 + below(7));
    static constexpr std::int64_t kWindows[] = {0, 1'800, 3'600, 6 * 3'600, kDayS};
    plan_.key_window_s = kWindows[below(5)];
    static constexpr std::int64_t kCheckpoints[] = {64 * 1024, 512 * 1024, 4 * 1024 * 1024};
    plan_.checkpoint_bytes = kCheckpoints[below(3)];
    plan_.retention_trading_days = one_in(3) ? 10 + below(6) : 0;
    plan_.background_per_million = one_in(4) ? 0 : 1'000 + below(20'000);
    for (int day = 0; day < plan_.days; ++day) trading_day(day * kDayS);
    std::stable_sort(plan_.items.begin(), plan_.items.end(),
                     [](const Item& x, const Item& y) { return x.when < y.when; });
    return std::move(plan_);
  }

 private:
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(bound)));
  }
  bool one_in(std::int64_t n) { return below(n) == 0; }
  std::int64_t any() { return static_cast<std::int64_t>(random_.next() >> 2); }

  void add(std::int64_t second, What what, std::int64_t a = 0, std::int64_t b = 0, std::int64_t c = 0) {
    plan_.items.push_back(
        Item{std::chrono::seconds(second) + std::chrono::microseconds(below(1'000'000)), what, a, b, c});
  }
  /// Seconds: mostly short, at times very long.
  std::int64_t while_s(std::int64_t usual, std::int64_t longest) {
    return one_in(6) ? 1 + below(longest) : 1 + below(usual);
  }

  void trading_day(std::int64_t begin) {
    const auto time = [&] { return begin + below(kTradingS); };
    const auto times = [&](std::int64_t most, auto add_one) {
      for (auto left = below(most + 1); left > 0; --left) add_one();
    };
    const auto target = [&] { return below(kTargets); };
    // Sales come in bursts, so that tills, the network and the disk meet.
    for (std::int64_t burst = 1 + below(5); burst > 0; --burst) {
      const auto from = time();
      for (std::int64_t left = 1 + below(7); left > 0; --left)
        add(from + below(one_in(2) ? 5 : 600), What::kPost, below(plan_.tills), any());
    }
    times(3, [&] { add(time(), What::kRepost, below(plan_.tills), any()); });
    times(1, [&] { add(time(), What::kChangedPost, below(plan_.tills), any()); });
    times(1, [&] { add(time(), What::kTillCrash, below(plan_.tills)); });
    if (one_in(6)) add(time(), What::kTillAway, below(plan_.tills), while_s(7'200, 7 * kDayS));
    // Crashes come where there is work: most of them within a commit near a post.
    times(2, [&] { crash(What::kPowerLoss, near_post(begin)); });
    times(2, [&] {
      const auto at = near_post(begin);
      crash(What::kKill, at);
      // What the process left in the system's cache is soon put to the proof.
      if (one_in(3)) crash(What::kPowerLoss, at + 1 + below(30));
    });
    if (one_in(4)) add(time(), What::kStop, while_s(60, 6 * 3'600));
    if (one_in(10)) add(time(), What::kSuspend, while_s(3'600, 3 * kDayS));
    if (one_in(5))
      add(time(), What::kWallStep, one_in(2) ? below(7'200) - 3'600 : below(2 * kTenYearsS) - kTenYearsS);
    if (one_in(8)) add(time(), What::kWallDrift, below(2'000) - 1'000);
    times(3, [&] {
      const auto at = near_post(begin);
      const auto to = target();
      if (one_in(2)) return outage(at, to);
      add(at, What::kNetwork, to, below(static_cast<int>(NetworkMode::kCount)), while_s(1'800, 9 * 3'600));
    });
    times(3, [&] {
      add(near_post(begin), What::kCentral, target(), below(static_cast<int>(CentralMode::kCount)),
          while_s(1'800, 9 * 3'600));
    });
    if (one_in(5)) add(time(), What::kForget, target());
    if (one_in(2)) add(time(), What::kPoison, target(), below(kSkus), while_s(7'200, 2 * kDayS));
    times(2, [&] {
      const auto at = near_post(begin);
      const auto mode = one_in(3) ? static_cast<std::int64_t>(DiskMode::kSyncErrors)
                                  : below(static_cast<int>(DiskMode::kCount));
      add(at, What::kDisk, mode, any(), while_s(120, 3'600));
      // A disk that fails is often the first sign of worse.
      if (one_in(2)) crash(one_in(3) ? What::kKill : What::kPowerLoss, at + below(40));
    });
    if (one_in(3)) hiccup(near_post(begin));
    times(4, [&] { add(time(), What::kOperator, below(6), any()); });
    if (one_in(5)) add(time(), What::kPause, target(), 0, while_s(1'800, kDayS));
    if (one_in(8)) add(time(), What::kRoutes, below(3));
    if (one_in(2)) add(time(), What::kReport, any());
  }

  /// As outages come: replies are lost first, then nothing goes, for longer than central remembers keys.
  void outage(std::int64_t at, std::int64_t target) {
    const auto lossy = 5 + below(60);
    add(at, What::kNetwork, target, static_cast<int>(one_in(2) ? NetworkMode::kLossy : NetworkMode::kStorm),
        2 * lossy);
    add(at + lossy, What::kNetwork, target, static_cast<int>(NetworkMode::kDown), 1'800 + below(9 * 3'600));
  }

  /// The disk's controller hangs, somebody restarts the service, it goes on as if nothing had been, and later
  /// the power goes: what was taken for durable is put to the proof.
  void hiccup(std::int64_t at) {
    const auto lasts = 10 + below(60);
    add(at, What::kDisk, static_cast<int>(DiskMode::kSyncErrors), 195'000, lasts);
    add(at + below(lasts), What::kKill, one_in(2) ? 0 : 1 + below(20), below(5));
    add(at + lasts + 1 + below(600), What::kPowerLoss, 0, below(20));
  }

  /// Mostly within a commit; the machine is back soon, or when central has forgotten.
  void crash(What what, std::int64_t at) {
    add(at, what, one_in(4) ? 0 : 1 + below(40), one_in(3) ? 1'800 + below(5 * 3'600) : below(20));
  }

  /// Shortly before or after some post of the day.
  std::int64_t near_post(std::int64_t begin) {
    std::vector<std::int64_t> posts;
    for (const auto& item : plan_.items) {
      const auto second = std::chrono::duration_cast<std::chrono::seconds>(item.when).count();
      if (item.what == What::kPost && second >= begin) posts.push_back(second);
    }
    const auto at = posts[static_cast<std::size_t>(below(static_cast<std::int64_t>(posts.size())))];
    return std::max(begin, at + below(20) - 5);
  }

  SeededRandom random_;
  Plan plan_;
};

}  // namespace

std::string text(const Item& item) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(item.when).count();
  return fmt::format("{:>12}.{:03} s  {} {} {} {}", ms / 1000, ms % 1000, name(item.what), item.a, item.b,
                     item.c);
}

Plan make_plan(std::uint64_t seed, int days) {
  return Planner(seed, days).make();
}

}  // namespace tillsync::sim
