#include "tests/simulation/world/world.h"

#include <algorithm>

#include "tests/simulation/world/world_impl.h"

namespace tillsync::sim {
namespace {

constexpr int kEventsPerSecondMax = 20'000;

}  // namespace

World::World(const Plan& plan, const RunOptions& options)
    : plan_(plan),
      options_(options),
      variant_(plan.routes),
      random_(plan.seed * 0xd1342543de82ef95ULL + 7),
      clock_(timeline_),
      disk_(plan.seed),
      centrals_{SimCentral(timeline_, kTargetNames[0], seconds(plan.key_window_s), plan.seed * 2 + 1,
                           effects_ever_),
                SimCentral(timeline_, kTargetNames[1], seconds(plan.key_window_s), plan.seed * 2 + 2,
                           effects_ever_)},
      network_(timeline_, {&centrals_[0], &centrals_[1]}, plan.background_per_million, plan.seed + 77),
      checker_(plan),
      store_(StoreDefaults{
          kStore, "GBP", BusinessCalendar(TimeZone::find("Europe/London").value(), std::chrono::hours(4))}) {
  tills_.resize(static_cast<std::size_t>(plan.tills));
  for (int i = 0; i < plan.tills; ++i) tills_[static_cast<std::size_t>(i)].number = i;
  for (int target = 0; target < kTargets; ++target) {
    secrets_[static_cast<std::size_t>(target)] = central(target).credential();
    central(target).on_effect = [this, target](const Effect& effect) {
      trace([&] {
        return fmt::format("{} takes {} (sequence {})", kTargetNames[target], effect.reference,
                           effect.sequence);
      });
      checker_.effect(target, effect);
    };
  }
}

Verdict World::run() {
  for (const auto& item : plan_.items) timeline_.at(item.when, [this, &item] { begin(item); });
  boot();
  const Moment end = std::max(Moment(std::chrono::hours(24)) * plan_.days,
                              plan_.items.empty() ? Moment(0) : plan_.items.back().when);
  advance(end);
  if (!checker_.violation()) settle();
  if (!checker_.violation()) look_at_the_end();
  Verdict verdict;
  verdict.violation = checker_.violation();
  verdict.statistics = statistics_;
  verdict.statistics.documents = static_cast<std::int64_t>(checker_.documents());
  for (const auto& one : centrals_)
    verdict.statistics.effects += static_cast<std::int64_t>(one.effects().size());
  verdict.statistics.disk_changes = static_cast<std::int64_t>(disk_.changes());
  verdict.trace = std::move(trace_);
  return verdict;
}

void World::advance(Moment until) {
  std::int64_t second = -1;
  int events = 0;
  while (!checker_.violation() && timeline_.step(until)) {
    const auto now = std::chrono::duration_cast<seconds>(timeline_.now()).count();
    if (now != second) {
      second = now;
      events = 0;
    }
    if (++events > kEventsPerSecondMax) checker_.violate("I8: the process spins");
  }
}

void World::begin(const Item& item) {
  trace([&] { return "--- " + text(item); });
  const auto then = [&](std::int64_t after_s, auto event) { timeline_.after(seconds(after_s), event); };
  const int target = static_cast<int>(item.a % kTargets);
  switch (item.what) {
    case What::kPost:
      return make(till(item.a), static_cast<std::uint64_t>(item.b));
    case What::kRepost:
      return post_again(till(item.a), static_cast<std::uint64_t>(item.b));
    case What::kChangedPost:
      return post_changed(till(item.a), static_cast<std::uint64_t>(item.b));
    case What::kTillCrash:
      return forget_answer(till(item.a));
    case What::kTillAway:
      till(item.a).away_until = timeline_.now() + seconds(item.b);
      return then(item.b, [this, number = item.a] { post_next(till(number)); });
    case What::kPowerLoss:
      return arm_crash(item);
    case What::kKill:
      return arm_crash(item);
    case What::kStop:
      return stop_for(seconds(item.a));
    case What::kSuspend:
      return suspend(seconds(item.a));
    case What::kWallStep:
      return clock_.step_wall(seconds(item.a));
    case What::kWallDrift:
      return clock_.drift(item.a);
    case What::kNetwork:
      return change_network(target, static_cast<NetworkMode>(item.b), item.c);
    case What::kCentral:
      return change_central(target, static_cast<CentralMode>(item.b), item.c);
    case What::kForget:
      return central(target).forget_keys();
    case What::kPoison:
      central(target).poison(sku_name(item.b), true);
      return then(item.c, [this, target, sku = item.b] { central(target).poison(sku_name(sku), false); });
    case What::kDisk:
      return change_disk(static_cast<DiskMode>(item.a), static_cast<std::uint64_t>(item.b), item.c);
    case What::kOperator:
      return look_at_quarantine(item.a, static_cast<std::uint64_t>(item.b));
    case What::kPause:
      decide_target(target, true);
      return then(item.c, [this, target] { decide_target(target, false); });
    case What::kRoutes:
      variant_ = static_cast<int>(item.a);
      return;
    case What::kReport:
      return report_under_way(static_cast<std::uint64_t>(item.a));
  }
}

// One that sleeps already sleeps on, if need be.
void World::suspend(seconds duration) {
  awake_at_ = std::max(awake_at_, timeline_.now() + duration);
}

// Each change lasts its time, or until the next one.
void World::change_network(int target, NetworkMode mode, std::int64_t for_s) {
  network_.set_mode(target, mode);
  const auto change = ++network_changes_[static_cast<std::size_t>(target)];
  timeline_.after(seconds(for_s), [this, target, change] {
    if (network_changes_[static_cast<std::size_t>(target)] == change) network_.set_mode(target, std::nullopt);
  });
}

void World::change_central(int target, CentralMode mode, std::int64_t for_s) {
  if (mode == CentralMode::kCredential) {
    central(target).rotate_credential();
    return timeline_.after(seconds(for_s), [this, target] {
      secrets_[static_cast<std::size_t>(target)] = central(target).credential();
    });
  }
  central(target).set_mode(mode);
  const auto change = ++central_changes_[static_cast<std::size_t>(target)];
  timeline_.after(seconds(for_s), [this, target, change] {
    if (central_changes_[static_cast<std::size_t>(target)] == change) central(target).set_mode(std::nullopt);
  });
}

void World::change_disk(DiskMode mode, std::uint64_t choice, std::int64_t for_s) {
  const int chance = static_cast<int>(1'000 + choice % 200'000);
  trouble_ = DiskTrouble{};
  switch (mode) {
    case DiskMode::kReadErrors:
      trouble_.read_error = chance / 10;
      break;
    case DiskMode::kWriteErrors:
      trouble_.write_error = trouble_.short_write = chance;
      break;
    case DiskMode::kSyncErrors:
      trouble_.sync_error = 4 * chance;
      break;
    case DiskMode::kFull:
      disk_.capacity(disk_.bytes() + choice % 100'000);
      break;
    case DiskMode::kOpenErrors:
      trouble_.open_error = trouble_.truncate_error = trouble_.delete_error = 4 * chance;
      break;
    case DiskMode::kCount:
      break;
  }
  disk_.trouble(trouble_);
  timeline_.after(seconds(for_s), [this, change = ++disk_changes_] {
    if (disk_changes_ == change) heal_disk();
  });
}

void World::heal_disk() {
  trouble_ = DiskTrouble{};
  disk_.trouble(trouble_);
  disk_.capacity(0);
}

Statistics& Statistics::operator+=(const Statistics& other) {
  documents += other.documents;
  effects += other.effects;
  starts += other.starts;
  crashes += other.crashes;
  failed_starts += other.failed_starts;
  refused_posts += other.refused_posts;
  disk_changes += other.disk_changes;
  settled_after = std::max(settled_after, other.settled_after);
  return *this;
}

Verdict run_plan(const Plan& plan, const RunOptions& options) {
  return World(plan, options).run();
}

}  // namespace tillsync::sim
