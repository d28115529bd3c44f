// Random stores against a target that misbehaves, with crashes in between: the promises of scheduler.h hold
// whatever happens.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <set>

#include "tests/unit/outbox/delivery/bench.h"

using namespace tillsync;
using namespace tillsync::test;
using namespace std::chrono_literals;

namespace {

/// What may happen, in percent.
struct Faults {
  int lost_before = 0;  ///< no whole answer, and the target did nothing
  int lost_after = 0;   ///< no whole answer, though the target had done it
  int unreachable = 0;
  int busy = 0;  ///< 409: this one, later
  int throttled = 0;
  int unauthorized = 0;
  int unmade = 0;
};

/// A request on its way: what comes back, and when.
struct Flying {
  SteadyTime back;
  Action request;
};

class World {
 public:
  explicit World(std::uint64_t seed) : dice_(seed), random_(seed + 1) {}

  FakeJournal journal;
  SchedulerLimits limits;
  std::map<std::string, LaneOptions> targets;
  std::map<std::string, LaneMemory> memory;
  Faults faults;
  std::set<DeliveryKey> poison;
  SteadyTime now{1h};
  std::unique_ptr<Scheduler> scheduler;

  std::uint64_t below(std::uint64_t bound) { return dice_.below(bound); }
  bool happens(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }

  void crash_and_start() {
    // What was under way may still reach the target: its effect, not its answer.
    for (const Flying& flying : flying_) {
      if (const auto* send = std::get_if<Send>(&flying.request); send != nullptr && happens(50)) {
        for (const Attempt& attempt : send->attempts) take_effect(*send, attempt);
      }
    }
    flying_.clear();
    reserve_.clear();
    reserving_day_.clear();
    asked_.clear();
    started_with_.clear();
    retried_.clear();
    requests_.clear();
    scheduler = std::make_unique<Scheduler>(journal, random_, limits);
    head_at_start_ = journal.head;
    for (const auto& [name, options] : targets) {
      started_with_[name] = memory[name];
      started_with_[name].reserved = std::min(memory[name].reserved, Sequence{journal.head});
      memory[name].day_owed = std::max(day_full_at_[name] - now, std::chrono::nanoseconds(0));
      scheduler->add_target(name, options, memory[name], Sequence{journal.head});
    }
  }

  /// Lets `time` pass.
  void live(std::chrono::nanoseconds time) {
    const SteadyTime until = now + time;
    step();
    while (true) {
      SteadyTime next = until;
      for (const Flying& flying : flying_) next = std::min(next, flying.back);
      if (const auto wake = scheduler->next_wake()) next = std::min(next, std::max(*wake, now));
      if (next >= until) break;
      now = next;
      land();
      step();
    }
    now = until;
  }

  bool all_settled() const {
    return std::all_of(journal.rows.begin(), journal.rows.end(),
                       [](const auto& row) { return is_settled(row.second.state); });
  }
  const std::map<DeliveryKey, int>& effects() const { return effects_; }

  /// By looking at everybody: does it wait for a quarantined one?
  bool waits_for_quarantined(const DeliveryKey& key, std::map<DeliveryKey, bool>& known) const {
    if (const auto found = known.find(key); found != known.end()) return found->second;
    const Row& mine = journal.rows.at(key);
    bool waits = false;
    for (const auto& [other, row] : journal.rows) {
      if (is_settled(row.state) || !precedes(other, row, key, mine)) continue;
      waits = waits || row.state == DeliveryState::kQuarantined || waits_for_quarantined(other, known);
    }
    return known[key] = waits;
  }

 private:
  static bool precedes(const DeliveryKey& other, const Row& row, const DeliveryKey& key, const Row& mine) {
    if (other.document == key.document) {
      return std::find(mine.needs.begin(), mine.needs.end(), other.step) != mine.needs.end();
    }
    if (other.document > key.document || row.target != mine.target) return false;
    for (const OrderingKey& a : row.keys) {
      for (const OrderingKey& b : mine.keys) {
        if (a.hash == b.hash && (a.use == KeyUse::kExclusive || b.use == KeyUse::kExclusive)) return true;
      }
    }
    return false;
  }

  void step() {
    for (int i = 0;; ++i) {
      RC_ASSERT(i < 10'000);  // it spins
      scheduler->head_is(Sequence{journal.head});
      auto actions = scheduler->step(now);
      RC_ASSERT(actions.has_value());
      for (Action& action : *actions) take(std::move(action));
      const auto wake = scheduler->next_wake();
      if (!wake || *wake > now) return;
    }
  }

  void take(Action action) {
    if (const auto* send = std::get_if<Send>(&action)) {
      check_send(*send);
    } else if (const auto* look_up = std::get_if<LookUp>(&action)) {
      count_request(look_up->target);
      asked_.insert(look_up->attempt.key);
    } else if (const auto* saved = std::get_if<SaveFrontier>(&action)) {
      check_frontier(*saved);
      memory[saved->target].frontier = saved->frontier;
      return;
    } else if (const auto* park = std::get_if<Park>(&action)) {
      RC_ASSERT(park->deliveries.size() <= 512u);
      for (const DeliveryKey& key : park->deliveries) {
        RC_ASSERT(!journal.rows.at(key).on_record);
        journal.rows.at(key).on_record = true;
      }
      return;
    } else if (const auto* day = std::get_if<ReserveDay>(&action)) {
      RC_ASSERT(reserving_day_.insert(day->target).second);
    } else {
      const auto& reserve = std::get<Reserve>(action);
      RC_ASSERT(reserve_.insert({reserve.target, reserve.from.has_value()}).second);  // one at a time
      RC_ASSERT(memory[reserve.target].reserved_ahead.size() <= limits.reserved_ahead_max);
    }
    flying_.push_back({now + milliseconds(below(2'000)), std::move(action)});
  }

  void count_request(const std::string& target) {
    const LaneOptions& options = targets.at(target);
    std::size_t under_way = 1;
    for (const Flying& flying : flying_) {
      const auto* send = std::get_if<Send>(&flying.request);
      const auto* look_up = std::get_if<LookUp>(&flying.request);
      under_way += (send && send->target == target) || (look_up && look_up->target == target);
    }
    RC_ASSERT(under_way <= static_cast<std::size_t>(options.concurrency));
    RC_ASSERT(scheduler->status(target).in_flight <= static_cast<std::size_t>(options.concurrency));
    check_day(target);
    if (options.pace.rate_per_s <= 0 && options.pace.burst_requests <= 0) return;
    std::vector<SteadyTime>& times = requests_[target];
    times.push_back(now);
    std::int64_t in_window = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
      const double seconds = std::chrono::duration<double>(now - times[i]).count();
      const double rate = options.pace.rate_per_s;
      RC_ASSERT(rate <= 0 ||
                static_cast<double>(times.size() - i) <= std::max(1.0, rate) + rate * seconds + 1e-6);
      in_window += now - times[i] <= options.pace.burst_window ? 1 : 0;
    }
    RC_ASSERT(options.pace.burst_requests == 0 || in_window <= options.pace.burst_requests);
  }

  /// Also through crashes: what a dead process has used up stays used.
  void check_day(const std::string& target) {
    const PaceLimits& pace = targets.at(target).pace;
    if (pace.day_requests == 0) return;
    std::vector<SteadyTime>& times = of_day_[target];
    times.push_back(now);
    const auto first = std::lower_bound(times.begin(), times.end(), now - std::chrono::hours(24));
    const std::int64_t ours = pace.day_requests - pace.day_requests * pace.day_kept_back_percent / 100;
    RC_ASSERT(times.end() - first <= ours);
  }

  void check_send(const Send& send) {
    count_request(send.target);
    RC_ASSERT(send.attempts.size() <= static_cast<std::size_t>(targets.at(send.target).batch_max));
    RC_ASSERT(!send.attempts.empty());
    for (const Attempt& attempt : send.attempts) {
      const Row& row = journal.rows.at(attempt.key);
      RC_ASSERT(is_open(row.state));
      RC_ASSERT(attempt.attempt == row.attempts + 1);
      RC_ASSERT(is_reserved(memory[send.target], attempt.key.document));  // durable before it leaves
      // Nothing that may have been sent is sent again unasked.
      const bool maybe_sent = row.state == DeliveryState::kUnknown ||
                              (is_reserved(started_with_[send.target], attempt.key.document) &&
                               attempt.key.document.value <= head_at_start_);
      if (maybe_sent && !retried_.count(attempt.key)) RC_ASSERT(asked_.count(attempt.key) == 1u);
      // I4: all that must come before is settled.
      for (const auto& [other, earlier] : journal.rows) {
        if (other.document > attempt.key.document) break;
        RC_ASSERT(is_settled(earlier.state) || !precedes(other, earlier, attempt.key, row));
      }
    }
  }

  void check_frontier(const SaveFrontier& saved) {
    RC_ASSERT(saved.frontier > memory[saved.target].frontier);
    for (const auto& [key, row] : journal.rows) {
      if (key.document > saved.frontier) break;
      RC_ASSERT(row.target != saved.target || row.on_record || is_settled(row.state));
    }
  }

  void take_effect(const Send& send, const Attempt& attempt) {
    if (poison.count(attempt.key)) return;
    RC_ASSERT(++effects_[attempt.key] == 1);  // I3
    // The order in which effects arrive is the journal's where it matters. (New content may conflict with
    // what went before it was amended; check_send() sees to the rest.)
    if (amended_.count(attempt.key)) return;
    for (const auto& [other, row] : journal.rows) {
      if (effects_.count(other) == 0 || other.document <= attempt.key.document) continue;
      RC_ASSERT(!precedes(attempt.key, journal.rows.at(attempt.key), other, row));
    }
    (void)send;
  }

  void land() {
    std::vector<Flying> landed;
    for (auto it = flying_.begin(); it != flying_.end();) {
      if (it->back > now) {
        ++it;
        continue;
      }
      landed.push_back(std::move(*it));
      it = flying_.erase(it);
    }
    for (const Flying& flying : landed) {
      if (const auto* send = std::get_if<Send>(&flying.request)) answer(*send);
      if (const auto* look_up = std::get_if<LookUp>(&flying.request)) answer(*look_up);
      if (const auto* reserve = std::get_if<Reserve>(&flying.request)) {
        reserve_.erase({reserve->target, reserve->from.has_value()});
        keep(memory[reserve->target], *reserve);
        scheduler->reserved(reserve->target, reserve->through, reserve->from);
      }
      if (const auto* day = std::get_if<ReserveDay>(&flying.request)) {
        reserving_day_.erase(day->target);
        day_full_at_[day->target] = day->full_at;
        scheduler->day_reserved(day->target, day->full_at);
      }
    }
  }

  void answer(const Send& send) {
    const bool whole = happens(50);  // one fate for the request, or one each
    const std::uint64_t fate = below(100);
    for (const Attempt& attempt : send.attempts) {
      if (happens(faults.unmade)) {
        scheduler->not_attempted(send.target, attempt, now);
        continue;
      }
      const Outcome outcome = fate_of(send, attempt, whole ? fate : below(100));
      journal.record(attempt.key, attempt, outcome.kind);
      if (outcome.kind == OutcomeKind::kUnknown) {
        asked_.erase(attempt.key);
        retried_.erase(attempt.key);
      }
      scheduler->outcome(send.target, attempt, outcome, now);
    }
  }

  Outcome fate_of(const Send& send, const Attempt& attempt, std::uint64_t fate) {
    auto left = static_cast<std::int64_t>(fate);
    if ((left -= faults.lost_before) < 0) return lost();
    if ((left -= faults.unreachable) < 0) return unreachable();
    if ((left -= faults.busy) < 0) {
      return outcome_of(OutcomeKind::kRetryable, TargetSignal::kFine, milliseconds(below(3'000)));
    }
    if ((left -= faults.throttled) < 0) {
      return outcome_of(OutcomeKind::kRetryable, TargetSignal::kThrottled,
                        happens(50) ? std::optional(milliseconds(below(5'000))) : std::nullopt);
    }
    if ((left -= faults.unauthorized) < 0)
      return outcome_of(OutcomeKind::kRetryable, TargetSignal::kUnauthorized);
    if (poison.count(attempt.key)) return rejected();
    take_effect(send, attempt);
    return (left -= faults.lost_after) < 0 ? lost() : delivered();
  }

  void answer(const LookUp& look_up) {
    const DeliveryKey& key = look_up.attempt.key;
    if (happens(faults.unmade)) return scheduler->not_attempted(look_up.target, look_up.attempt, now);
    if (happens(faults.unreachable + faults.lost_before)) {
      asked_.erase(key);
      return scheduler->look_up_answer(look_up.target, look_up.attempt,
                                       {LookUpAnswer::Kind::kFailed, unreachable()}, now);
    }
    const bool found = effects_.count(key) > 0;
    if (found) journal.record(key, look_up.attempt, OutcomeKind::kDelivered);
    scheduler->look_up_answer(look_up.target, look_up.attempt,
                              {found ? LookUpAnswer::Kind::kFound : LookUpAnswer::Kind::kAbsent, delivered()},
                              now);
  }

 public:
  /// A person's decisions on everything in quarantine.
  void decide() {
    for (auto& [key, row] : journal.rows) {
      if (row.state != DeliveryState::kQuarantined) continue;
      const auto choice = below(3);
      if (choice == 0) {
        row.state = DeliveryState::kDiscarded;
        scheduler->discard(row.target, key);
        continue;
      }
      poison.erase(key);
      row.state = DeliveryState::kRetrying;
      // Its rejection was an answer: nothing of it is under way, and no look-up is owed.
      retried_.insert(key);
      if (choice == 1) {
        scheduler->retry(row.target, key);
      } else {
        row.keys = {{below(6), KeyUse::kExclusive}};
        amended_.insert(key);
        scheduler->amend(row.target, key, row.keys);
      }
    }
  }

  SeededRandom dice_;
  SeededRandom random_;
  std::vector<Flying> flying_;
  std::set<std::pair<std::string, bool>> reserve_;
  std::set<std::string> reserving_day_;
  std::map<std::string, SteadyTime> day_full_at_;
  std::map<std::string, std::vector<SteadyTime>> of_day_;
  std::set<DeliveryKey> asked_;
  std::set<DeliveryKey> retried_;
  std::set<DeliveryKey> amended_;
  std::map<std::string, LaneMemory> started_with_;
  std::map<std::string, std::vector<SteadyTime>> requests_;
  std::map<DeliveryKey, int> effects_;
  std::int64_t head_at_start_ = 0;
};

void add_document(World& world) {
  std::vector<OrderingKey> keys;
  for (auto n = world.below(4); n > 0; --n) {
    keys.push_back({world.below(12), world.happens(25) ? KeyUse::kExclusive : KeyUse::kShared});
  }
  normalise(keys);
  std::vector<RouteStep> route;
  switch (world.below(5)) {
    case 0:
      route = {{"erp", "erp", {}}};
      break;
    case 1:
      route = {{"erp", "erp", {}}, {"crm", "crm", {}}};
      break;
    case 2:
      route = {{"erp", "erp", {}}, {"crm", "crm", {"erp"}}};
      break;
    case 3:
      route = {{"check", "crm", {}}, {"erp", "erp", {"check"}}, {"done", "crm", {"erp", "check"}}};
      break;
    default:
      route = {{"a", "erp", {}}, {"b", "erp", {}}, {"c", "erp", {"a", "b"}}};
      break;
  }
  const Sequence document = world.journal.add(keys, route);
  if (world.happens(20)) world.journal.stays.insert(document);
  for (const RouteStep& step : route) {
    if (world.happens(3)) world.poison.insert({document, step.step});
  }
}

void furnish(World& world) {
  for (const char* name : {"erp", "crm"}) {
    LaneOptions options;
    options.concurrency = static_cast<int>(1 + world.below(5));
    options.batch_max = static_cast<int>(1 + world.below(4));
    options.backoff_max = 60s;
    options.pace.rate_per_s = world.happens(30) ? 0.5 + static_cast<double>(world.below(40)) : 0;
    if (world.happens(30)) {
      options.pace.burst_requests = static_cast<std::int64_t>(1 + world.below(40));
      options.pace.burst_window = milliseconds(100 + world.below(3'000));
    }
    // Enough to settle all in the hours that there are, and yet a limit in a crowd.
    if (world.happens(20)) options.pace.day_requests = static_cast<std::int64_t>(1'500 + world.below(1'000));
    world.targets[name] = options;
  }
  // The first window is smaller than the backlog; the halt at held_max has its own test.
  world.limits.window_max = 5 + world.below(60);
  world.limits.page_documents = 1 + world.below(30);
  world.limits.reserve_ahead = static_cast<std::int64_t>(world.below(20));
  world.limits.frontier_lag_max = static_cast<std::int64_t>(5 + world.below(50));
  world.limits.live.after = milliseconds(world.below(2'000));
  world.limits.live.span = milliseconds(500 + world.below(20'000));
  world.limits.live.deliveries_max = 1 + world.below(20);
  if (world.happens(20)) world.limits.live.keys_max = world.below(20);
  world.limits.reserved_ahead_max = 1 + world.below(3);
  world.faults = {static_cast<int>(world.below(10)), static_cast<int>(world.below(10)),
                  static_cast<int>(world.below(20)), static_cast<int>(world.below(10)),
                  static_cast<int>(world.below(8)),  static_cast<int>(world.below(5)),
                  static_cast<int>(world.below(4))};
}

}  // namespace

TEST_CASE("scheduler: order, one effect, limits and progress hold through faults and crashes (I3, I4, I8)") {
  const bool held = rc::check([] {
    World world(*rc::gen::noShrink(rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint64_t>())));
    furnish(world);
    world.crash_and_start();
    // Now and then so many that the frontier is saved under load.
    const std::uint64_t crowd = world.happens(10) ? 200 : 25;
    for (int episode = 0; episode < 6; ++episode) {
      for (auto n = world.below(crowd); n > 0; --n) add_document(world);
      world.live(std::chrono::seconds(world.below(60)));
      if (world.happens(40)) world.crash_and_start();
    }
    world.faults = {};
    const bool days = std::any_of(world.targets.begin(), world.targets.end(),
                                  [](const auto& target) { return target.second.pace.day_requests > 0; });
    const std::chrono::hours long_enough(days ? 120 : 2);
    world.live(long_enough);

    // All that waits for no quarantined one is done; what is blocked is what waits for one.
    std::map<DeliveryKey, bool> known;
    std::set<DeliveryKey> waiting;
    for (const auto& [key, row] : world.journal.rows) {
      if (!is_open(row.state)) continue;
      RC_ASSERT(world.waits_for_quarantined(key, known));
      waiting.insert(key);
    }
    const auto blocked = world.scheduler->blocked();
    RC_ASSERT((std::set<DeliveryKey>(blocked.begin(), blocked.end()) == waiting));

    for (int round = 0; round < 3; ++round) {
      world.decide();
      world.live(long_enough);
      if (round == 0) world.crash_and_start();
      world.live(long_enough);
    }
    // Poison behind poison comes to light in turn.
    for (int round = 0; round < 50 && !world.all_settled(); ++round) {
      world.decide();
      world.live(long_enough);
    }
    RC_ASSERT(world.all_settled());
    for (const auto& [key, row] : world.journal.rows) {
      RC_ASSERT(world.effects().count(key) == (row.state == DeliveryState::kDelivered ? 1u : 0u));
    }
    RC_ASSERT(!world.scheduler->next_wake().has_value());
    for (const auto& [name, options] : world.targets) {
      RC_ASSERT(world.memory[name].frontier.value == world.journal.head);
    }
  });
  CHECK(held);
}
