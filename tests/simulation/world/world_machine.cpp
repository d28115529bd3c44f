// The machine: it boots, crashes, sleeps; and the process on it.
#include <algorithm>

#include "tests/simulation/world/world_impl.h"

namespace tillsync::sim {

Surroundings World::surroundings() {
  return Surroundings{
      timeline_,
      clock_,
      disk_,
      network_,
      random_,
      [this] { return awake_at_; },
      [this](int target) { return secrets_[static_cast<std::size_t>(target)]; },
      [this](int target, const http::Request& request) {
        trace([&] {
          return fmt::format("store -> {} {} {}", kTargetNames[target], request.method, request.url);
        });
        checker_.sending(target, request);
      },
      [this](const std::string& target, const Outcome& outcome) {
        trace([&] {
          return fmt::format("store <- {} {} {}", target, outcome_name(outcome.kind), outcome.reason);
        });
      },
      [this](const Error& error) {
        if (!disk_.crashed()) checker_.violate("I7: the journal says that it is damaged: " + error.detail);
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
  options.checkpoint_bytes = plan_.checkpoint_bytes;
  auto started = StoreProcess::start(surroundings(), options);
  if (!started || disk_.crashed()) {
    ++statistics_.failed_starts;
    trace([&] {
      return "the store does not start: " + (started ? std::string("power") : started.error().detail);
    });
    if (started) started->reset();
    if (disk_.crashed()) return crash();
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
  if (crash_.at_change != 0) disk_.crash_at_change(crash_.at_change);
}

void World::calm_disk() {
  disk_.trouble(DiskTrouble{});
  disk_.fail_call(0, false);
}

void World::after_event() {
  if (process_ && disk_.crashed()) crash();
}

void World::drop_process() {
  process_.reset();
  for (auto& one : tills_) {
    if (std::exchange(one.posting, false)) retry_later(one);
  }
}

void World::crash() {
  ++statistics_.crashes;
  const auto crash = std::exchange(crash_, {});
  trace([&] { return crash.dies_only ? "the process dies" : "the power goes"; });
  if (crash.dies_only) {
    disk_.kill();
  } else {
    disk_.power_loss();
    clock_.boot();
  }
  drop_process();
  stopped_until_ =
      std::max(stopped_until_, timeline_.now() + crash.back_after + milliseconds(500 + random_.below(3'000)));
  boot();
}

void World::arm_crash(const Item& item) {
  crash_ = Crash{static_cast<std::uint64_t>(item.a), item.what == What::kKill, seconds(item.b)};
  if (crash_.at_change != 0 && process_) return disk_.crash_at_change(crash_.at_change);
  if (process_) return crash();
  if (!crash_.dies_only) disk_.power_loss();
  crash_ = {};
}

void World::stop_for(seconds duration) {
  if (!process_) return;
  stopped_until_ = timeline_.now() + duration;
  process_->stop();
  if (disk_.crashed()) return crash();
  drop_process();
  timeline_.at(stopped_until_, [this] { boot(); });
}

}  // namespace tillsync::sim
