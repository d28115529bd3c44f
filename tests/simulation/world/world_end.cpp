// The end of a run: every fault is over, and what is owed must be settled.
#include <algorithm>

#include "tests/simulation/world/world_impl.h"

namespace tillsync::sim {
namespace {

constexpr Moment kSettleWithin = std::chrono::hours(4);  ///< once every fault is over

}  // namespace

void World::settle() {
  trace([] { return "=== every fault is over"; });
  settling_ = true;
  crash_ = {};
  disk_.crash_at_change(0);
  heal_disk();
  network_.heal();
  for (int target = 0; target < kTargets; ++target) {
    central(target).heal();
    secrets_[static_cast<std::size_t>(target)] = central(target).credential();
  }
  // Whoever sleeps, is away or stopped is back by now, or soon.
  const auto begun = std::max(timeline_.now(), std::max(awake_at_, stopped_until_));
  advance(begun);
  for (auto& one : tills_) {
    one.away_until = Moment(0);
    post_next(one);
  }
  for (int target = 0; target < kTargets; ++target) decide_target(target, false);
  while (!checker_.violation() && timeline_.now() < begun + kSettleWithin) {
    advance(timeline_.now() + seconds(60));
    heal_disk();
    if (is_settled()) {
      statistics_.settled_after = timeline_.now() - begun;
      return;
    }
    retry_quarantine();
  }
  checker_.violate("liveness: something is still owed, four hours after the last fault: " + what_is_owed());
}

bool World::is_settled() {
  if (!process_) return false;
  for (const auto& one : tills_) {
    if (!one.waiting.empty()) return false;
  }
  auto oldest = process_->reader().oldest_open();
  auto quarantine = process_->reader().quarantine(1);
  return oldest && !*oldest && quarantine && quarantine->empty();
}

std::string World::what_is_owed() {
  if (!process_) return "the process is not up";
  for (const auto& one : tills_) {
    if (!one.waiting.empty()) return "till posts " + one.waiting.front().id;
  }
  auto oldest = process_->reader().oldest_open();
  return oldest && *oldest ? (*oldest)->document.id : "quarantine";
}

void World::retry_quarantine() {
  if (!process_) return;
  auto entries = process_->reader().quarantine(50);
  if (!entries) return;
  for (const auto& entry : *entries) {
    DecisionFact fact;
    fact.kind = DecisionFact::Kind::kRetry;
    fact.delivery = entry.delivery;
    fact.reason = fmt::format("decision {}", ++decisions_);
    fact.by = "operator";
    decide(fact, "");
  }
}

void World::look_at_the_end() {
  calm_disk();
  checker_.at_end(process_->reader(), {&centrals_[0], &centrals_[1]});
  for (const auto& day : checker_.business_days()) {
    auto report = make_report(day);
    if (!report) return checker_.violate("there is no report of " + day + ": " + report.error().detail);
    checker_.report_of_day(*report, day);
  }
}

}  // namespace tillsync::sim
