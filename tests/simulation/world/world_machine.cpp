// The machine: it boots, crashes, sleeps; and the process on it.
#include <algorithm>

#include "tests/simulation/world/world_impl.h"

namespace tillsync::sim {

Surroundings World::surroundings() {
  return Surroundings{timeline_,
                      clock_,
                      disk_,
                      network_,
                      random_,
                      [this] { return awake_at_; },
                      [this](int target) { return secrets_[static_cast<std::size_t>(target)]; },
                      [this](int target, const http::Request& request) {
                        trace([&] {
                          return fmt::format("store -> {} {} {}", kTargetNames[target], request.method,
                                             request.url);
                        });
                        checker_.sending(target, request);
                      },
                      [this] { after_event(); }};
}

void World::boot() {
  if (process_) return;
  const auto not_before = std::max(awake_at_, stopped_until_);
  if (not_before > timeline_.now()) return timeline_.at(not_before, [this] { boot(); });
  ProcessOptions options;
  options.routes = routes_of(variant_);
  options.batch_max = plan_.batch_max;
  options.retention_trading_days = plan_.retention_trading_days;
  auto started = StoreProcess::start(surroundings(), options);
  if (!started || disk_.crashed()) {
    ++statistics_.failed_starts;
    trace([&] {
      return "the store does not start: " + (started ? std::string("power") : started.error().detail);
    });
    if (started) started->reset();
    if (disk_.crashed()) return power_loss();
    disk_.kill();
    if (settling_ && !started)
      checker_.violate("the journal does not open, on a disk without faults: " + started.error().detail);
    return timeline_.after(seconds(10), [this] { boot(); });
  }
  process_ = std::move(*started);
  ++statistics_.starts;
  trace([&] { return fmt::format("the store starts, head {}", process_->head().value); });
  checker_.started(process_->started_at(), variant_);
  look_after_start();
  for (auto& one : tills_) post_next(one);
}

void World::look_after_start() {
  calm_disk();
  checker_.after_start(process_->reader(), check_random_);
  disk_.trouble(trouble_);
  if (crash_armed_) disk_.crash_at_change(crash_armed_);
}

void World::calm_disk() {
  disk_.trouble(DiskTrouble{});
  disk_.fail_call(0, false);
}

void World::after_event() {
  if (process_ && disk_.crashed()) power_loss();
}

void World::drop_process() {
  process_.reset();
  for (auto& one : tills_) {
    if (std::exchange(one.posting, false)) retry_later(one);
  }
}

void World::power_loss() {
  ++statistics_.crashes;
  trace([] { return "the power goes"; });
  crash_armed_ = 0;
  if (dies_only_) {
    disk_.kill();
  } else {
    disk_.power_loss();
    clock_.boot();
  }
  drop_process();
  timeline_.after(milliseconds(500 + random_.below(20'000)), [this] { boot(); });
}

void World::arm_crash(std::int64_t at_change, bool dies_only) {
  dies_only_ = dies_only;
  if (at_change == 0 || !process_) {
    if (!process_ && !dies_only) disk_.power_loss();
    if (process_) power_loss();
    return;
  }
  crash_armed_ = static_cast<std::uint64_t>(at_change);
  disk_.crash_at_change(crash_armed_);
}

void World::stop_for(seconds duration) {
  if (!process_) return;
  stopped_until_ = timeline_.now() + duration;
  process_->stop();
  if (disk_.crashed()) return power_loss();
  drop_process();
  timeline_.at(stopped_until_, [this] { boot(); });
}

}  // namespace tillsync::sim
