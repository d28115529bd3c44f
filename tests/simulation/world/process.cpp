#include "tests/simulation/world/process.h"

#include "agent/connectors/connector_factory.h"

namespace tillsync::sim {
namespace {

constexpr Moment kTurnCost = std::chrono::microseconds(100);
constexpr std::size_t kGroupTasksMax = 16;

/// Small, so that a few documents meet every limit.
DeliveryDriverLimits small_limits() {
  DeliveryDriverLimits limits;
  limits.unrecorded_max = 8;
  limits.scheduler.window_max = 4;
  limits.scheduler.held_max = 24;
  limits.scheduler.page_documents = 3;
  limits.scheduler.reserve_ahead = 4;
  limits.scheduler.frontier_lag_max = 9;
  limits.scheduler.frontier_step = 2;
  limits.scheduler.live.after = std::chrono::milliseconds(500);
  limits.scheduler.live.span = std::chrono::seconds(30);
  limits.scheduler.live.deliveries_max = 6;
  limits.scheduler.live.keys_max = 60;
  limits.scheduler.reserved_ahead_max = 3;
  return limits;
}

TargetSettings settings_of(int target, int batch_max) {
  TargetSettings settings;
  settings.base_url = base_url(target);
  settings.token = SecretReference{"file:" + std::string(kTargetNames[target])};
  settings.concurrency = target == 0 ? 3 : 2;
  settings.batch_max = target == 1 ? batch_max : 1;
  settings.backoff_max = std::chrono::seconds(120);
  if (target == 1) {
    settings.burst_requests = 40;
    settings.burst_window = std::chrono::seconds(10);
    settings.day_requests = 20'000;
  }
  return settings;
}

}  // namespace

/// Lets requests out while the process lives, and answers in.
class StoreProcess::Transport final : public http::Transport {
 public:
  explicit Transport(StoreProcess& process) : process_(process) {}
  void start(http::Request request, std::function<void(http::Exchange)> done) override {
    if (process_.around_.disk.crashed()) return;  // it died a moment ago
    process_.around_.on_send(SimNetwork::target_of(request.url), request);
    process_.around_.network.send(std::move(request), [weak = process_.weak_from_this(),
                                                       done = std::move(done)](http::Exchange exchange) {
      if (const auto process = weak.lock())
        process->later(Moment(0), [done, exchange = std::move(exchange)] { done(exchange); });
    });
  }

 private:
  StoreProcess& process_;
};

Result<std::shared_ptr<StoreProcess>> StoreProcess::start(const Surroundings& around,
                                                          const ProcessOptions& options) {
  std::shared_ptr<StoreProcess> process(new StoreProcess(around));
  if (auto opened = process->open(options); !opened) return opened.error();
  process->wake_driver(Moment(0));
  return process;
}

StoreProcess::StoreProcess(const Surroundings& around) : around_(around) {}
StoreProcess::~StoreProcess() = default;

Result<void> StoreProcess::open(const ProcessOptions& options) {
  auto journal = Journal::open(JournalOptions{kFolder, around_.disk.vfs(), around_.on_damage}, around_.clock);
  if (!journal) return journal.error();
  if (auto begun = (*journal)->begin(); !begun) return begun.error();
  if (auto set = (*journal)->set_routes(options.routes); !set) return set.error();
  if (auto committed = (*journal)->commit(); !committed) return committed.error();
  std::map<std::string, LaneMemory> lanes;
  for (const char* name : kTargetNames) {
    auto lane = (*journal)->lane(name);
    if (!lane) return lane.error();
    lanes[name] = *lane;
  }
  started_at_ = (*journal)->head().sequence;
  GroupCommitLimits limits;
  limits.wal_passive_bytes = options.checkpoint_bytes;
  limits.wal_truncate_bytes = 8 * options.checkpoint_bytes;
  limits.retention_trading_days = options.retention_trading_days;
  limits.retention_records_max = 20;
  commit_.emplace(std::move(*journal), around_.clock, limits, GroupCommit::Hooks{});
  auto reader = JournalReader::open(kFolder, around_.disk.vfs());
  if (!reader) return reader.error();
  reader_ = std::move(*reader);
  transport_ = std::make_unique<Transport>(*this);
  driver_.emplace(DeliveryDriver::Parts{kStore, *this, *reader_, around_.clock, around_.random,
                                        [this](std::function<void()> event) {
                                          events_.push_back(std::move(event));
                                          wake_driver(Moment(0));
                                        },
                                        around_.on_outcome, around_.on_damage},
                  small_limits());
  for (int target = 0; target < kTargets; ++target) {
    const auto settings = settings_of(target, options.batch_max);
    auto port =
        make_target_port(kTargetNames[target], settings, kStore, *transport_, around_.clock,
                         [secret = around_.secret, target](const SecretReference&) -> Result<std::string> {
                           return secret(target);
                         });
    if (!port) return port.error();
    driver_->add_target(kTargetNames[target], lane_options(settings), lanes[kTargetNames[target]],
                        started_at_, std::move(*port));
  }
  return ok();
}

void StoreProcess::later(Moment delay, std::function<void()> event) {
  around_.timeline.after(delay, [weak = weak_from_this(), event = std::move(event)] {
    const auto process = weak.lock();
    if (!process || process->stopped_) return;
    const auto awake = process->around_.awake_at();
    if (awake > process->around_.timeline.now()) {
      return process->later(awake - process->around_.timeline.now(), event);
    }
    event();
    process->wake_driver(Moment(0));
    process->around_.after_event();
  });
}

void StoreProcess::wake_driver(Moment delay) {
  const auto when = around_.timeline.now() + delay;
  if (turn_at_ && *turn_at_ <= when) return;
  turn_at_ = when;
  around_.timeline.at(when, [weak = weak_from_this(), when] {
    const auto process = weak.lock();
    if (!process || process->stopped_ || process->turn_at_ != when) return;
    process->turn_at_.reset();
    const auto awake = process->around_.awake_at();
    if (awake > when) return process->wake_driver(awake - when);
    process->turn();
    process->around_.after_event();
  });
}

void StoreProcess::turn() {
  if (around_.disk.crashed()) return;
  for (auto& event : std::exchange(events_, {})) event();
  driver_->head_is(head());
  driver_->turn(true);
  if (const auto wake = driver_->next_wake(true)) {
    const auto when = around_.clock.moment_of(*wake);
    const auto now = around_.timeline.now();
    wake_driver(std::max(kTurnCost, when > now ? when - now : Moment(0)));
  }
}

void StoreProcess::run(std::function<Result<void>(Journal&)> apply, std::function<void(Result<void>)> done) {
  queue_.push_back(JournalTask{std::move(apply), std::move(done), 0});
  commit_soon();
}

void StoreProcess::post(DocumentPost post, std::function<void(Result<PostAnswer>)> done) {
  std::vector<DocumentPost> posts;
  posts.push_back(std::move(post));
  queue_.push_back(
      post_task(std::move(posts), [this, done = std::move(done)](std::vector<Result<PostAnswer>> answers) {
        if (!around_.disk.crashed()) done(std::move(answers[0]));
      }));
  commit_soon();
}

void StoreProcess::decide(const DecisionFact& fact, std::function<void(Result<void>)> done) {
  auto target = std::make_shared<std::string>();
  run(
      [fact, target](Journal& journal) -> Result<void> {
        auto decided = journal.decide(fact);
        if (!decided) return decided.error();
        *target = *decided;
        return ok();
      },
      [this, fact, target, done = std::move(done)](Result<void> result) {
        if (result) {
          auto complete = fact;
          complete.target = *target;
          events_.emplace_back([this, complete = std::move(complete)] { driver_->apply(complete); });
        }
        if (!around_.disk.crashed()) done(std::move(result));
      });
}

void StoreProcess::commit_soon() {
  if (std::exchange(commit_scheduled_, true)) return;
  later(std::chrono::microseconds(500 + around_.random.below(4'000)), [this] { commit_round(); });
}

void StoreProcess::commit_round() {
  commit_scheduled_ = false;
  std::vector<JournalTask> group;
  while (!queue_.empty() && group.size() < kGroupTasksMax) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (!group.empty()) commit_->commit(group);
  if (around_.disk.crashed()) return;
  commit_->keep_house();
  if (!queue_.empty()) commit_soon();
}

void StoreProcess::stop() {
  driver_->turn(false);
  while (!queue_.empty() && !around_.disk.crashed()) commit_round();
  commit_->close();
  stopped_ = true;
}

}  // namespace tillsync::sim
