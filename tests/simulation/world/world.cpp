#include "tests/simulation/world/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "outbox/document/canonical.h"
#include "reconcile/central_view/read_back.h"
#include "reconcile/reports/report.h"
#include "tests/simulation/world/till.h"

namespace tillsync::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Moment kTillPatience = seconds(5);             ///< for an answer
constexpr Moment kSettleWithin = std::chrono::hours(4);  ///< once every fault is over
constexpr int kTurnsPerSecondMax = 20'000;

class World {
 public:
  World(const Plan& plan, const RunOptions& options)
      : plan_(plan),
        options_(options),
        variant_(plan.routes),
        random_(plan.seed * 0xd1342543de82ef95ULL + 7),
        clock_(timeline_),
        disk_(plan.seed),
        centrals_{SimCentral(timeline_, kTargetNames[0], seconds(plan.key_window_s), plan.seed * 2 + 1),
                  SimCentral(timeline_, kTargetNames[1], seconds(plan.key_window_s), plan.seed * 2 + 2)},
        network_(timeline_, {&centrals_[0], &centrals_[1]}, plan.background_per_million, plan.seed + 77),
        checker_(plan),
        store_(
            StoreDefaults{kStore, "GBP",
                          BusinessCalendar(TimeZone::find("Europe/London").value(), std::chrono::hours(4))}) {
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
  ~World() { process_.reset(); }

  Verdict run() {
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

 private:
  SimCentral& central(int target) { return centrals_[static_cast<std::size_t>(target)]; }
  Till& till(std::int64_t number) { return tills_[static_cast<std::size_t>(number) % tills_.size()]; }

  template <class Say>
  void trace(Say say) {
    if (!options_.trace) return;
    const auto ms = std::chrono::duration_cast<milliseconds>(timeline_.now()).count();
    trace_.push_back(fmt::format("{:>9}.{:03}  {}", ms / 1000, ms % 1000, say()));
  }

  void advance(Moment until) {
    std::int64_t second = -1;
    int events = 0;
    while (!checker_.violation() && timeline_.step(until)) {
      const auto now = std::chrono::duration_cast<seconds>(timeline_.now()).count();
      if (now != second) {
        second = now;
        events = 0;
      }
      if (++events > kTurnsPerSecondMax) checker_.violate("I8: the process spins");
    }
  }

  // ---- the machine and its process

  Surroundings surroundings() {
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

  void boot() {
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

  /// What the checker reads must not depend on the disk's mood.
  void look_after_start() {
    calm_disk();
    checker_.after_start(process_->reader(), check_random_);
    disk_.trouble(trouble_);
    if (crash_armed_) disk_.crash_at_change(crash_armed_);
  }
  void calm_disk() {
    disk_.trouble(DiskTrouble{});
    disk_.fail_call(0, false);
  }

  void after_event() {
    if (process_ && disk_.crashed()) power_loss();
  }

  void drop_process() {
    process_.reset();
    for (auto& one : tills_) {
      if (std::exchange(one.posting, false)) retry_later(one);
    }
  }

  void power_loss() {
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

  void arm_crash(std::int64_t at_change, bool dies_only) {
    dies_only_ = dies_only;
    if (at_change == 0 || !process_) {
      if (!process_ && !dies_only) disk_.power_loss();
      if (process_) power_loss();
      return;
    }
    crash_armed_ = static_cast<std::uint64_t>(at_change);
    disk_.crash_at_change(crash_armed_);
  }

  void stop_for(seconds duration) {
    if (!process_) return;
    stopped_until_ = timeline_.now() + duration;
    process_->stop();
    if (disk_.crashed()) return power_loss();
    drop_process();
    timeline_.at(stopped_until_, [this] { boot(); });
  }

  // ---- what the plan says

  void begin(const Item& item) {
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
        return arm_crash(item.a, false);
      case What::kKill:
        return arm_crash(item.a, true);
      case What::kStop:
        return stop_for(seconds(item.a));
      case What::kSuspend:
        awake_at_ = std::max(awake_at_, timeline_.now() + seconds(item.a));
        clock_.sleep(awake_at_ - timeline_.now());
        return;
      case What::kWallStep:
        return clock_.step_wall(seconds(item.a));
      case What::kWallDrift:
        return clock_.drift(item.a);
      case What::kNetwork:
        network_.set_mode(target, static_cast<NetworkMode>(item.b));
        return then(item.c, [this, target] { network_.set_mode(target, std::nullopt); });
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
    }
  }

  void change_central(int target, CentralMode mode, std::int64_t for_s) {
    if (mode == CentralMode::kCredential) {
      central(target).rotate_credential();
      return timeline_.after(seconds(for_s), [this, target] {
        secrets_[static_cast<std::size_t>(target)] = central(target).credential();
      });
    }
    central(target).set_mode(mode);
    timeline_.after(seconds(for_s), [this, target] { central(target).set_mode(std::nullopt); });
  }

  void change_disk(DiskMode mode, std::uint64_t choice, std::int64_t for_s) {
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
    timeline_.after(seconds(for_s), [this] { heal_disk(); });
  }
  void heal_disk() {
    trouble_ = DiskTrouble{};
    disk_.trouble(trouble_);
    disk_.capacity(0);
  }

  // ---- tills

  void make(Till& till, std::uint64_t seed) {
    SeededRandom choice(seed);
    Recipe recipe;
    recipe.id = fmt::format("T{}-{:05}", till.number + 1, ++till.made);
    recipe.till = till.number;
    recipe.now = clock_.utc_now();
    if (!till.sales.empty()) recipe.sale = till.sales[choice.below(till.sales.size())];
    recipe.seed = seed;
    auto document = make_document(recipe);
    const auto checked = parse_document(document.body, store_);
    if (const auto* refusal = std::get_if<Refusal>(&checked))
      return checker_.violate("a good document was refused: " + refusal->detail + " " + document.body);
    const auto& parsed = std::get<Document>(checked);
    document.canonical = canonical_form(parsed);
    document.business_day = parsed.business_day.text();
    if (document.type == "sale") till.sales.push_back(document.id);
    checker_.posted(document);
    till.waiting.push_back(std::move(document));
    post_next(till);
  }

  void post_again(Till& till, std::uint64_t choice) {
    // None that a long retention may have forgotten: no till keeps its documents for that long.
    if (till.answered.empty()) return;
    const auto recent = std::min<std::size_t>(till.answered.size(), 20);
    const auto& document = till.answered[till.answered.size() - 1 - choice % recent];
    send(document, [this, id = document.id](const Result<PostAnswer>& answer) {
      if (answer && answer->kind == PostAnswer::Kind::kReused)
        checker_.violate("I3: " + id + " was refused as another document");
      if (answer) checker_.acknowledged(id, answer->sequence);
    });
  }

  void post_changed(Till& till, std::uint64_t choice) {
    if (till.answered.empty()) return;
    const auto recent = std::min<std::size_t>(till.answered.size(), 20);
    const auto document = make_changed(till.answered[till.answered.size() - 1 - choice % recent]);
    send(document, [this, id = document.id](const Result<PostAnswer>& answer) {
      if (answer && answer->kind != PostAnswer::Kind::kReused) checker_.accepted_changed(id);
    });
  }

  void forget_answer(Till& till) {
    if (till.answered.empty()) return;
    till.waiting.push_front(till.answered.back());
    till.answered.pop_back();
    ++till.post;  // what is under way comes to a till that has started anew
    till.posting = false;
    post_next(till);
  }

  void send(const SimDocument& document, std::function<void(const Result<PostAnswer>&)> done) {
    if (!process_ || awake_at_ > timeline_.now()) return;
    auto checked = parse_document(document.body, store_);
    auto* parsed = std::get_if<Document>(&checked);
    if (parsed == nullptr) return checker_.violate("a good document was refused: " + document.id);
    process_->post(make_post(std::move(*parsed), DocumentMeta{}), [this, done](Result<PostAnswer> answer) {
      // The connection to the till may break at any moment too.
      const bool lost = static_cast<std::int64_t>(random_.below(1'000'000)) < plan_.background_per_million;
      if (!lost) timeline_.after(std::chrono::microseconds(100), [done, answer] { done(answer); });
    });
  }

  void post_next(Till& till) {
    if (till.posting || till.waiting.empty() || till.away_until > timeline_.now()) return;
    till.posting = true;
    const auto post = ++till.post;
    const int number = till.number;
    trace([&] { return "till posts " + till.waiting.front().id; });
    timeline_.after(kTillPatience, [this, number, post] {
      auto& slow = this->till(number);
      if (slow.post == post && std::exchange(slow.posting, false)) retry_later(slow);
    });
    send(till.waiting.front(), [this, number, post](const Result<PostAnswer>& answer) {
      answered(this->till(number), post, answer);
    });
  }

  void answered(Till& till, std::uint64_t post, const Result<PostAnswer>& answer) {
    if (till.post != post || !till.posting) return;
    till.posting = false;
    if (!answer) {
      ++statistics_.refused_posts;
      trace([&] { return "till is refused: " + answer.error().code + " " + answer.error().detail; });
      return retry_later(till);
    }
    const auto id = till.waiting.front().id;
    trace([&] { return fmt::format("till is answered {} for {}", answer->sequence.value, id); });
    if (answer->kind == PostAnswer::Kind::kReused)
      return checker_.violate("I3: " + id + " was refused as another document");
    checker_.acknowledged(id, answer->sequence);
    till.answered.push_back(std::move(till.waiting.front()));
    till.waiting.pop_front();
    post_next(till);
  }

  void retry_later(Till& till) {
    timeline_.after(milliseconds(200 + random_.below(8'000)),
                    [this, number = till.number] { post_next(this->till(number)); });
  }

  // ---- operators

  void look_at_quarantine(std::int64_t verb, std::uint64_t choice) {
    if (!process_ || awake_at_ > timeline_.now()) return;
    auto entries = process_->reader().quarantine(50);
    if (!entries || entries->empty()) return;
    const auto& entry = (*entries)[choice % entries->size()];
    DecisionFact fact;
    fact.delivery = entry.delivery;
    fact.reason = fmt::format("decision {}", ++decisions_);
    fact.by = "operator";
    fact.kind = verb == 0   ? DecisionFact::Kind::kDiscard
                : verb <= 2 ? DecisionFact::Kind::kAmend
                            : DecisionFact::Kind::kRetry;
    std::string amended;
    if (fact.kind == DecisionFact::Kind::kAmend) {
      const auto* document = checker_.document(entry.document_id);
      if (document == nullptr) return;
      auto checked = parse_document(with_sku(document->body, "FIXED"), store_);
      if (!std::holds_alternative<Document>(checked)) return;
      fact.amended = std::get<Document>(std::move(checked));
      // A till's wall clock gives the day where the body gives none; what is amended keeps the day it had.
      amended = canonical_form(*fact.amended);
    }
    decide(fact, amended);
  }

  void decide(const DecisionFact& fact, const std::string& amended) {
    trace([&] {
      return fmt::format("operator: {} of {}:{}", decision_name(fact.kind), fact.delivery.document.value,
                         fact.delivery.step);
    });
    checker_.decision_tried({fact.delivery, fact.kind, fact.reason, amended});
    process_->decide(fact, [this, tag = fact.reason](Result<void> done) {
      if (done) checker_.decision_acknowledged(tag);
    });
  }

  void decide_target(int target, bool pause) {
    if (!process_ || awake_at_ > timeline_.now()) {
      if (!pause) timeline_.after(seconds(30), [this, target] { decide_target(target, false); });
      return;
    }
    DecisionFact fact;
    fact.kind = pause ? DecisionFact::Kind::kPause : DecisionFact::Kind::kResume;
    fact.target = kTargetNames[target];
    fact.reason = fmt::format("decision {}", ++decisions_);
    fact.by = "operator";
    if (!pause) checker_.resume_tried(target);
    const auto asked = ++pause_asked_[static_cast<std::size_t>(target)];
    process_->decide(fact, [this, target, pause, asked](Result<void> done) {
      trace([&] {
        return fmt::format("operator: {} {}: {}", pause ? "pause" : "resume", kTargetNames[target],
                           done ? "done" : done.error().code);
      });
      if (pause_asked_[static_cast<std::size_t>(target)] != asked) return;
      if (done && pause) {
        // It is in force with the next turn of the delivery loop.
        timeline_.after(milliseconds(10), [this, target, asked] {
          if (pause_asked_[static_cast<std::size_t>(target)] == asked) checker_.pause_acknowledged(target);
        });
      } else if (!done && !pause) {
        timeline_.after(seconds(30), [this, target] { decide_target(target, false); });
      }
    });
  }

  // ---- the end

  void settle() {
    trace([] { return "=== every fault is over"; });
    settling_ = true;
    crash_armed_ = 0;
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

  bool is_settled() {
    if (!process_) return false;
    for (const auto& one : tills_) {
      if (!one.waiting.empty()) return false;
    }
    auto oldest = process_->reader().oldest_open();
    auto quarantine = process_->reader().quarantine(1);
    return oldest && !*oldest && quarantine && quarantine->empty();
  }

  std::string what_is_owed() {
    if (!process_) return "the process is not up";
    for (const auto& one : tills_) {
      if (!one.waiting.empty()) return "till posts " + one.waiting.front().id;
    }
    auto oldest = process_->reader().oldest_open();
    return oldest && *oldest ? (*oldest)->document.id : "quarantine";
  }

  void retry_quarantine() {
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

  void look_at_the_end();

  const Plan& plan_;
  const RunOptions options_;
  int variant_;  ///< of the routes, from the next start on
  Timeline timeline_;
  SeededRandom random_;
  SeededRandom check_random_{5};
  StoreClock clock_;
  CrashDisk disk_;
  std::array<SimCentral, kTargets> centrals_;
  SimNetwork network_;
  Checker checker_;
  const StoreDefaults store_;
  std::array<std::string, kTargets> secrets_;
  std::vector<Till> tills_;
  std::shared_ptr<StoreProcess> process_;
  DiskTrouble trouble_;
  std::uint64_t crash_armed_ = 0;
  bool dies_only_ = false;
  Moment awake_at_{0};
  Moment stopped_until_{0};
  std::int64_t decisions_ = 0;
  std::array<int, kTargets> pause_asked_{};
  bool settling_ = false;
  Statistics statistics_;
  std::vector<std::string> trace_;
};

/// Central's list, as the reconcile thread reads it.
class ListPort final : public ReadBackPort {
 public:
  explicit ListPort(const SimCentral& central) : central_(central) {}
  Result<CentralPage> read_back(BusinessDay day, const std::optional<std::string>&) override {
    return central_.list(day.text());
  }

 private:
  const SimCentral& central_;
};

void World::look_at_the_end() {
  calm_disk();
  auto& reader = process_->reader();
  checker_.at_end(reader, {&centrals_[0], &centrals_[1]});
  auto view = CentralView::open(kFolder, CentralView::Mode::kReadWrite, disk_.vfs());
  if (!view) return checker_.violate("central's view does not open: " + view.error().detail);
  const std::atomic<bool> go_on{false};
  ReadBack read_back(**view, store_, clock_);
  for (const auto& text : checker_.business_days()) {
    const auto day = BusinessDay::parse(text).value();
    for (int target = 0; target < kTargets; ++target) {
      ListPort port(central(target));
      auto sent = SentOfDay::load(reader, kTargetNames[target], day);
      auto head = reader.head();
      if (!sent || !head) return checker_.violate("the journal cannot be read for a read-back");
      auto mark =
          read_back.run(port, **sent, kTargetNames[target], day, head->sequence, {go_on, SteadyTime::max()});
      if (!mark) return checker_.violate("the read-back of " + text + " fails: " + mark.error().detail);
    }
    auto report = build_report(
        reader, **view, ReportQuery{kStore, {kTargetNames[0], kTargetNames[1]}, day, day, clock_.utc_now()});
    if (!report) return checker_.violate("there is no report of " + text + ": " + report.error().detail);
    checker_.report_of_day(*report, text);
  }
}

}  // namespace

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
