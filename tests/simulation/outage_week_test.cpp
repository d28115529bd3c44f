// A week without a network, then the drain, at a target that limits its callers: live trade is in central
// within seconds all the while, no limit is exceeded, and each document has one effect.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <queue>
#include <set>

#include "agent/connectors/connector_factory.h"
#include "agent/delivery_loop/delivery_driver.h"
#include "outbox/document/validation.h"
#include "outbox/journal/group_commit.h"
#include "platform/json/json.h"
#include "tests/simulation/disk/crash_disk.h"
#include "tests/simulation/world/process.h"

using namespace tillsync;
using namespace tillsync::sim;
using namespace std::chrono_literals;

namespace {

using std::chrono::microseconds;

constexpr std::int64_t kDayRequests = 5'000;
constexpr std::int64_t kLiveCallsAnHour = 20;  ///< of the shop, to the same account
constexpr std::int64_t kBurstRequests = 100;   ///< in any ten seconds
constexpr int kDocumentsADay = 900;            ///< in twelve hours of trade

/// Events by their time, and the clock that they move.
class Timeline final : public Clock {
 public:
  UtcTime utc_now() const override {
    return UtcTime(std::chrono::sys_days(std::chrono::year(2026) / 3 / 2)) + now;
  }
  SteadyTime steady_now() const override { return SteadyTime(1h + now); }
  void after(microseconds delay, std::function<void()> event) {
    events_.emplace(now + delay, std::move(event));
  }
  bool next(microseconds until) {
    if (events_.empty() || events_.begin()->first > until) return false;
    auto event = events_.extract(events_.begin());
    now = std::max(now, event.key());
    event.mapped()();
    return true;
  }
  microseconds now{0};

 private:
  std::multimap<microseconds, std::function<void()>> events_;
};

/// Speaks the reference profile, 300 ms away, and refuses what goes beyond its limits.
class Central final : public http::Transport {
 public:
  explicit Central(Timeline& timeline) : timeline_(timeline) {}

  void start(http::Request request, std::function<void(http::Exchange)> done) override {
    if (!reachable) {
      return timeline_.after(20ms, [this, done = std::move(done)] {
        done(http::Failure{false, "connect", "no route to host"});
        answered();
      });
    }
    timeline_.after(150ms, [this, request = std::move(request), done = std::move(done)] {
      timeline_.after(150ms, [this, done, answer = serve(request)] {
        done(answer);
        answered();
      });
    });
  }
  void live_call() { take(); }

  std::function<void()> answered;  ///< after each answer
  bool reachable = true;
  std::map<std::string, microseconds> effects;  ///< by reference, when
  std::set<std::string> doubled;
  std::int64_t refused = 0, requests_a_day_max = 0, burst_max = 0;

 private:
  std::int64_t used_within(microseconds window) const {
    return used_.end() - std::upper_bound(used_.begin(), used_.end(), timeline_.now - window);
  }
  bool take() {
    while (!used_.empty() && used_.front() <= timeline_.now - 24h) used_.pop_front();
    if (used_within(24h) >= kDayRequests || used_within(10s) >= kBurstRequests) {
      ++refused;
      return false;
    }
    used_.push_back(timeline_.now);
    requests_a_day_max = std::max(requests_a_day_max, used_within(24h));
    burst_max = std::max(burst_max, used_within(10s));
    return true;
  }
  http::Answer serve(const http::Request& request) {
    if (!take()) return {429, {{"retry-after", "60"}}, "{}"};
    http::Answer answer{200, {}, R"({"documents":[]})"};
    answer.headers.emplace_back("ratelimit-remaining", std::to_string(kBurstRequests - used_within(10s)));
    answer.headers.emplace_back("ratelimit-reset", "10");
    if (request.method != "POST") return answer;
    const auto body = json::parse(request.body, {});
    const std::string reference(body->text_of("reference"));
    if (!effects.emplace(reference, timeline_.now).second) doubled.insert(reference);
    answer.status = 201;
    answer.body = R"({"central_reference":"C-)" + reference + "\"}";
    return answer;
  }

  Timeline& timeline_;
  std::deque<microseconds> used_;
};

/// The store's delivery, put together as the daemon does, with events in the place of threads.
class Store final : public JournalQueue {
 public:
  Store(Timeline& timeline, Central& central) : timeline_(timeline) {
    auto journal = Journal::open(JournalOptions{kFolder, disk_.vfs()}, timeline);
    REQUIRE(journal.has_value());
    commit_.emplace(std::move(*journal), timeline, GroupCommitLimits{}, GroupCommit::Hooks{});
    Routes routes;
    for (const auto type : kDocumentTypes) routes.steps[type] = {{"erp", "erp", {}}};
    run([routes](Journal& j) { return j.set_routes(routes); }, {});
    commit();
    reader_ = std::move(JournalReader::open(kFolder, disk_.vfs()).value());
    driver_.emplace(DeliveryDriver::Parts{kStore, *this, *reader_, timeline, random_,
                                          [this](std::function<void()> event) {
                                            events_.push_back(std::move(event));
                                            turn_in(0us);
                                          },
                                          [](const std::string&, const Outcome&) {}});
    TargetSettings settings;
    settings.base_url = "http://erp.sim/tillsync";
    settings.day_requests = kDayRequests;
    settings.burst_requests = kBurstRequests;
    auto port = make_target_port("erp", settings, kStore, central, timeline);
    REQUIRE(port.has_value());
    driver_->add_target("erp", lane_options(settings), LaneMemory{}, commit_->journal().head().sequence,
                        std::move(*port));
    central.answered = [this] { turn_in(0us); };
    turn_in(0us);
  }

  void post(const std::string& json) {
    auto checked = parse_document(json, store_);
    REQUIRE(std::holds_alternative<Document>(checked));
    std::vector<DocumentPost> posts{make_post(std::get<Document>(checked), {})};
    queue_.push_back(post_task(std::move(posts), [](const std::vector<Result<PostAnswer>>& answers) {
      REQUIRE(answers[0].has_value());
    }));
    commit_soon();
  }
  void run(std::function<Result<void>(Journal&)> apply, std::function<void(Result<void>)> done) override {
    queue_.push_back(JournalTask{std::move(apply), std::move(done), 0});
    commit_soon();
  }
  std::int64_t owed() const { return commit_->journal().counts().backlog(); }

 private:
  void commit_soon() {
    if (!std::exchange(commit_scheduled_, true)) timeline_.after(2ms, [this] { commit(); });
  }
  void commit() {
    commit_scheduled_ = false;
    auto group = std::exchange(queue_, {});
    commit_->commit(group);
    commit_->keep_house();
    turn_in(0us);
  }
  void turn_in(microseconds delay) {
    const auto when = timeline_.now + delay;
    if (turn_at_ && *turn_at_ <= when) return;
    turn_at_ = when;
    timeline_.after(delay, [this, when] {
      if (turn_at_ == when) turn();
    });
  }
  void turn() {
    turn_at_.reset();
    if (!driver_) return;
    for (auto& event : std::exchange(events_, {})) event();
    driver_->head_is(commit_->journal().head().sequence);
    driver_->turn(true);
    if (const auto wake = driver_->next_wake(true)) {
      const auto delay = std::chrono::ceil<microseconds>(*wake - timeline_.steady_now());
      turn_in(std::max(100us, delay));
    }
  }

  Timeline& timeline_;
  CrashDisk disk_{1};
  SeededRandom random_{7};
  std::optional<GroupCommit> commit_;
  std::unique_ptr<JournalReader> reader_;
  std::optional<DeliveryDriver> driver_;
  std::vector<JournalTask> queue_;
  std::vector<std::function<void()>> events_;
  std::optional<microseconds> turn_at_;
  bool commit_scheduled_ = false;
  const StoreDefaults store_{kStore, "GBP",
                             BusinessCalendar(TimeZone::find("UTC").value(), std::chrono::hours(4))};
};

struct Posted {
  std::string id;
  microseconds at;
  bool overtakes;  ///< it depends on nothing in the backlog
};

class Week {
 public:
  Timeline timeline;
  Central central{timeline};
  Store store{timeline, central};
  std::vector<Posted> posted;

  /// Lets a day pass, with trade from eight to eight.
  void day() {
    const auto midnight = timeline.now;
    for (int n = 0; n < kDocumentsADay; ++n) {
      pass_until(midnight + 8h + n * microseconds(12h) / kDocumentsADay);
      trade(n);
    }
    pass_until(midnight + 24h);
  }
  void pass_until(microseconds until) {
    while (timeline.next(until)) {
    }
    timeline.now = until;
  }
  void keep_calling() {
    if (central.reachable) central.live_call();
    timeline.after(microseconds(1h) / kLiveCallsAnHour, [this] { keep_calling(); });
  }

 private:
  /// Mostly sales; now and then a return of a sale of a moment ago, of one of last week, and a count.
  void trade(int n) {
    const std::string id = fmt::format("D{}", posted.size());
    const std::string head =
        fmt::format(R"({{"id":"{}","terminal":"T1","occurred_at":"{}",)", id, format_utc(timeline.utc_now()));
    const std::string lines =
        fmt::format(R"("lines":[{{"sku":"S{}","quantity":1,"unit_price":"2.50"}}]}})", n % 400);
    bool overtakes = true;
    if (n % 300 == 299) {
      store.post(head + fmt::format(R"("type":"stock_count","lines":[{{"sku":"C{}","counted":3}}]}})", n));
      overtakes = false;
    } else if (n % 40 == 39) {
      store.post(head +
                 fmt::format(R"("type":"return","original":{{"id":"{}"}},)", posted[posted.size() - 9].id) +
                 lines);
      overtakes = posted[posted.size() - 9].overtakes;
    } else if (n % 100 == 98 && posted.size() > 1'000) {
      store.post(head +
                 fmt::format(R"("type":"return","original":{{"id":"{}"}},)", posted[posted.size() - 999].id) +
                 lines);
      overtakes = false;
    } else {
      store.post(head + R"("type":"sale",)" + lines);
    }
    posted.push_back({id, timeline.now, overtakes});
  }
};

}  // namespace

TEST_CASE(
    "outage of a week: new sales are in central within seconds while it drains, and no limit is exceeded") {
  Week week;
  week.keep_calling();
  week.central.reachable = false;
  for (int day = 0; day < 7; ++day) week.day();
  const std::size_t backlog = week.posted.size();
  const auto back_at = week.timeline.now;
  week.central.reachable = true;
  int drained_on = 0;
  std::string by_day;
  for (int day = 1; day <= 10; ++day) {
    week.day();
    by_day += fmt::format(" {}", week.store.owed());
    if (drained_on == 0 && week.store.owed() == 0) drained_on = day;
  }
  CHECK(week.store.owed() == 0);
  CHECK(drained_on > 2);  // else there was no backlog beside which to trade

  // Of the days on which the backlog drained.
  std::vector<microseconds> waits;
  for (std::size_t i = backlog; i < week.posted.size(); ++i) {
    const Posted& posted = week.posted[i];
    if (posted.at > back_at + (drained_on - 1) * 24h || !posted.overtakes) continue;
    waits.push_back(week.central.effects.at(std::string(kStore) + "/" + posted.id) - posted.at);
  }
  std::sort(waits.begin(), waits.end());
  REQUIRE(waits.size() > 1'500);
  const auto seconds = [](microseconds time) { return std::chrono::duration<double>(time).count(); };
  const auto at = [&](double share) {
    return waits[static_cast<std::size_t>(share * static_cast<double>(waits.size() - 1))];
  };
  MESSAGE(fmt::format(
      "{} documents owed after seven days; owed at the end of each day:{}; drained on day {}; {} new "
      "documents meanwhile in central after {:.1f} s (median), {:.1f} s (99 %), {:.1f} s (longest); "
      "{} requests in the busiest 24 hours of {}, {} in the busiest ten seconds of {}; {} refused",
      backlog, by_day, drained_on, waits.size(), seconds(at(0.5)), seconds(at(0.99)), seconds(waits.back()),
      week.central.requests_a_day_max, kDayRequests, week.central.burst_max, kBurstRequests,
      week.central.refused));
  CHECK(at(0.5) < 2s);
  CHECK(at(0.99) < 10s);
  CHECK(week.central.requests_a_day_max <= kDayRequests);
  CHECK(week.central.refused == 0);
  CHECK(week.central.doubled.empty());
  CHECK(week.central.effects.size() == week.posted.size());
}
