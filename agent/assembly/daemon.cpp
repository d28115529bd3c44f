#include "agent/assembly/daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>

#include "agent/assembly/damaged.h"
#include "agent/assembly/descriptors.h"
#include "agent/assembly/disk_guard.h"
#include "agent/assembly/doors.h"
#include "agent/assembly/memory_keeper.h"
#include "agent/assembly/protocol_error.h"
#include "agent/assembly/report_key.h"
#include "agent/connectors/connector_factory.h"
#include "agent/delivery_loop/delivery_loop.h"
#include "agent/file_intake/file_intake.h"
#include "agent/http_server/server.h"
#include "agent/ops_api/metrics.h"
#include "agent/ops_api/ops_api.h"
#include "agent/reconcile_loop/reconcile_loop.h"
#include "agent/review/reviewing_port.h"
#include "agent/till_api/till_api.h"
#include "agent/workers/worker_pool.h"
#include "outbox/document/currency.h"
#include "outbox/journal/recover.h"
#include "outbox/journal/schema.h"
#include "outbox/journal/verify.h"
#include "platform/log/log.h"
#include "platform/service/child_process.h"
#include "platform/service/service_host.h"

namespace tillsync {
namespace {

constexpr std::size_t kWorkers = 2;
/// Beside the journal: whose it is. The store's id is part of every reference, so that a delivery whose fate
/// is unknown would have a second effect under another id (I3).
constexpr const char* kOwnerFile = "store";
constexpr std::chrono::milliseconds kShutDownPatience{10'000};
constexpr std::uint64_t kOpsBodyBytesMax = 2 * 1024 * 1024;  // an amended document and its reason

/// Everything that lives while the daemon runs. Built in the order of its members and taken down in the
/// reverse, but for what shut_down() does first: tills before the journal, deliveries before it, and the
/// journal last.
class Daemon {
 public:
  Daemon(const Settings& settings, const Clock& clock) : settings_(settings), clock_(clock) {}
  ~Daemon() {
    if (reviewer_) reviewer_->stop();
    if (delivery_) delivery_->stop();  // its thread uses what is destroyed before it
  }

  Result<void> start() {
    auto defaults = store_defaults(settings_);
    if (!defaults) return defaults.error();
    store_.emplace(std::move(*defaults));
    for (auto step : {&Daemon::open_journal, &Daemon::start_loops, &Daemon::start_apis}) {
      if (auto done = (this->*step)(); !done) return done.error();
    }
    if (auto done = doors_->listen(*till_server_, *ops_server_); !done) return done.error();
    return start_intakes();
  }

  /// Why the journal must not be used any more; known after start() or run().
  const std::optional<Error>& damage() const { return damage_; }

  void run() {
    loop_.on_stop_signal([this] { shut_down(); });
    feed_watchdog();
    doors_->watch(loop_);
    memory_.emplace(MemoryKeeperOptions{[this] { return journal_->head(); }});
    memory_->watch(loop_);
    log_quietly(notify_ready());
    log::info("daemon.ready", {{"store", settings_.store.id},
                               {"unix_socket", settings_.till.unix_socket},
                               {"till_port", till_server_->tcp_port()},
                               {"ops_port", ops_server_->tcp_port()},
                               {"backlog", journal_->counts().backlog()}});
    loop_.run();
    intakes_.clear();
    workers_->stop();
    reviewer_->stop();  // what waits there is put off
    delivery_->stop();
    reconcile_.reset();
    journal_.reset();  // commits what waits; its answers still reach the delivery loop's object
    log::info("daemon.stopped");
  }

 private:
  Result<void> open_journal();
  Result<void> start_loops();
  void start_reviewer(const std::function<void(const Error&)>& on_damage);
  Result<std::unique_ptr<TargetPort>> target_port(const std::string& name, http::Client& client,
                                                  const DeliveryLoop::Parts::Post& post);
  Result<void> start_apis();
  Result<void> start_intakes();
  AuditSink audit();
  void open_key();
  void damaged(const Error& error);
  void shut_down();
  void feed_watchdog();
  bool accepting() const { return !stopping_ && disk_->has_room() && journal_->healthy(); }
  Health health() const;

  static void log_quietly(Result<void> done) {
    if (!done) log::warning("service_manager.unreachable", {{"detail", done.error().detail}});
  }

  const Settings& settings_;
  const Clock& clock_;
  SystemRandom random_;
  FetchAllowances allowances_{clock_};
  EventLoop loop_;
  Metrics metrics_;
  std::optional<StoreDefaults> store_;
  std::optional<FileLock> lock_;
  std::optional<SigningKey> report_key_;  ///< none where it cannot be read: then reports are not signed
  std::map<std::string, LaneMemory> lanes_;
  Sequence head_;
  std::unique_ptr<DiskGuard> disk_;
  std::unique_ptr<TillApi> till_api_;
  std::unique_ptr<DeliveryLoop> delivery_;
  std::unique_ptr<jq::Mapper> mapper_;  ///< where a target has a connector file; ends before what it answers
  std::unique_ptr<JournalThread> journal_;
  std::unique_ptr<TradeIndex> trade_;
  std::unique_ptr<Reviewer> reviewer_;
  std::unique_ptr<ReconcileLoop> reconcile_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<OpsApi> ops_api_;
  std::unique_ptr<Doors> doors_;  ///< outlives the servers
  std::unique_ptr<HttpServer> till_server_;
  std::unique_ptr<HttpServer> ops_server_;
  FileIntakes intakes_;
  std::optional<MemoryKeeper> memory_;
  std::atomic<bool> running_{false};  ///< the parts that on_commit tells are all there
  bool stopping_ = false;
  std::optional<Error> damage_;
};

Result<void> mark_journal_owner(const Settings& settings) {
  const std::string path = settings.journal.path + "/" + kOwnerFile;
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) return ok();
  std::ofstream(path) << settings.store.id << '\n';
  if (auto synced = fsync_file(path); !synced) return synced.error();
  return fsync_directory(settings.journal.path);
}

Result<void> Daemon::open_journal() {
  // First of all: where a newer version wrote the journal, nothing in its folder changes, the lock's content
  // included.
  if (auto known = check_journal_file(settings_.journal.path); !known) return known.error();
  std::error_code ignored;
  std::filesystem::create_directories(settings_.journal.path, ignored);
  auto lock = FileLock::acquire(settings_.journal.path + "/lock");
  if (!lock) return lock.error();
  lock_.emplace(std::move(*lock));
  if (auto ours = check_journal_owner(settings_); !ours) return ours.error();
  // Before the journal: opening it takes room, which on a full disk is the reserve's to give.
  disk_ = std::make_unique<DiskGuard>(
      DiskGuardOptions{settings_.journal.path, settings_.journal.disk_reserve_mib * 1024 * 1024});
  disk_->start();
  // Of damage that shows later the loop is told: it takes all down, and the damaged mode takes over.
  auto journal = open_sound_journal(
      JournalOptions{settings_.journal.path, "", [this](const Error& error) { damaged(error); }}, clock_);
  if (!journal) {
    if (journal.error().kind == ErrorKind::kCorrupt) damage_ = journal.error();
    return journal.error();
  }
  if (auto begun = (*journal)->begin(); !begun) return begun.error();
  if (auto set = (*journal)->set_routes(routes_from(settings_)); !set) return set.error();
  if (auto committed = (*journal)->commit(); !committed) return committed.error();
  if (auto marked = mark_journal_owner(settings_); !marked) return marked.error();
  open_key();
  for (const auto& [name, target] : settings_.targets) {
    auto lane = (*journal)->lane(name);
    if (!lane) return lane.error();
    lanes_[name] = *lane;
  }
  head_ = (*journal)->head().sequence;
  JournalThreadLimits limits;
  limits.retention_trading_days = settings_.journal.retention_trading_days;
  journal_ = std::make_unique<JournalThread>(
      std::move(*journal), clock_, limits,
      [this](const CommitNews& news) {
        metrics_.commit(news.took, news.tasks);
        if (!running_) return;
        till_api_->committed(news);
        delivery_->committed(news);
      },
      [this] { return disk_->make_room(); });
  return ok();
}

// A store that cannot sign its reports trades all the same.
void Daemon::open_key() {
  auto key = open_report_key(settings_.journal.path);
  if (key) {
    report_key_.emplace(*std::move(key));
  } else {
    log::warning("reports.not_signed", {{"detail", key.error().detail}});
  }
}

// From any thread, perhaps often: the first word counts.
void Daemon::damaged(const Error& error) {
  loop_.post([this, error] {
    if (!damage_) damage_ = error;
    shut_down();
  });
}

Result<std::unique_ptr<TargetPort>> Daemon::target_port(const std::string& name, http::Client& client,
                                                        const DeliveryLoop::Parts::Post& post) {
  std::optional<Mapping> mapping;
  if (mapper_) mapping.emplace(*mapper_, post);
  const file::FileHost files{settings_.journal.path, post, [this] { return disk_->make_room(); }};
  auto port = make_target_port(name, settings_.targets.at(name), settings_.store.id, client, clock_,
                               read_secret, mapping, files);
  if (!port || !reviewer_->wants_any()) return port;
  return std::unique_ptr<TargetPort>(
      std::make_unique<ReviewingPort>(name, std::move(*port), *reviewer_, post));
}

void Daemon::start_reviewer(const std::function<void(const Error&)>& on_damage) {
  reviewer_ = std::make_unique<Reviewer>(
      Reviewer::Parts{settings_, *store_, routes_from(settings_), *journal_, *trade_, clock_,
                      [this](const std::string& name) {
                        return make_fetch(name, settings_.targets.at(name), settings_.store.id, clock_,
                                          read_secret, mapper_.get(), &allowances_);
                      },
                      on_damage});
}

Result<void> Daemon::start_loops() {
  disk_->watch(loop_);
  const auto on_damage = [this](const Error& error) { damaged(error); };
  auto workers = WorkerPool::start(settings_.journal.path, kWorkers, on_damage);
  if (!workers) return workers.error();
  workers_ = std::move(*workers);
  const auto& targets = settings_.targets;
  if (std::any_of(targets.begin(), targets.end(),
                  [](const auto& each) { return !each.second.connector_file.empty(); }))
    mapper_ = std::make_unique<jq::Mapper>(std::vector<std::string>{own_program(), "jq-worker"});
  auto trade = TradeIndex::open(settings_.journal.path);
  if (!trade) return trade.error();
  trade_ = std::move(*trade);
  start_reviewer(on_damage);
  auto reconcile = ReconcileLoop::start(ReconcileLoop::Parts{
      settings_, *store_, clock_,
      [this](const std::string& name) {
        return make_read_back(name, settings_.targets.at(name), settings_.store.id, clock_, read_secret,
                              mapper_.get());
      },
      // Half of the reserve is for outcomes and decisions alone: a read-back can be had again.
      [this] { return disk_->make_room(settings_.journal.disk_reserve_mib * 1024 * 1024 / 2); }, on_damage,
      [this](const std::string& name) {
        return make_fetch(name, settings_.targets.at(name), settings_.store.id, clock_, read_secret,
                          mapper_.get(), &allowances_);
      },
      journal_.get(), trade_.get()});
  if (!reconcile) return reconcile.error();
  reconcile_ = std::move(*reconcile);
  auto delivery = DeliveryLoop::start(
      DeliveryLoop::Parts{
          settings_, *journal_, clock_, random_,
          [this](const std::string& name, http::Client& client, const DeliveryLoop::Parts::Post& post) {
            return target_port(name, client, post);
          },
          [this](const std::string&, bool was_away) { reconcile_->drained(was_away); },
          [this](const Error& error) { damaged(error); }},
      lanes_, head_);
  if (!delivery) return delivery.error();
  delivery_ = std::move(*delivery);
  return ok();
}

Result<ConnectionShares> connection_shares(const Settings& settings) {
  std::uint64_t outgoing = 0;
  for (const auto& [name, target] : settings.targets)
    outgoing += static_cast<std::uint64_t>(target.concurrency) + 2;  // one reads back, one asks what it knows
  const auto wanted = descriptors_wanted(outgoing);
  const auto limit = raise_open_files_max(wanted);
  if (limit < kDescriptorsMin) {
    return Error{
        ErrorKind::kInvalid, "few-descriptors",
        fmt::format("this process may open only {} files and sockets at once; it needs {}, and {} to "
                    "serve all tills: raise `ulimit -Hn`, or LimitNOFILE= of its service",
                    limit, kDescriptorsMin, wanted)};
  }
  const auto shares = share_descriptors(limit, outgoing);
  if (!shares.enough) {
    log::warning("daemon.few_descriptors", {{"limit", limit},
                                            {"wanted", wanted},
                                            {"till_connections_max", shares.tills},
                                            {"ops_connections_max", shares.ops}});
  }
  return shares;
}

Result<void> Daemon::start_apis() {
  auto doors = Doors::open(settings_, clock_, audit());
  if (!doors) return doors.error();
  doors_ = std::move(*doors);
  const auto shares = connection_shares(settings_);
  if (!shares) return shares.error();
  TillApiLimits limits;
  // Who reads events keeps a connection for good: most of them stay for posts.
  limits.events.readers_max = std::min(limits.events.readers_max, shares->tills / 4);
  till_api_ = std::make_unique<TillApi>(
      TillApi::Parts{loop_, *journal_, *workers_, *store_, [this] { return health(); },
                     [this] { return disk_->has_room(); }},
      limits);
  ops_api_ = std::make_unique<OpsApi>(
      OpsApi::Parts{settings_, *store_, *journal_, *delivery_, *reconcile_, *workers_, metrics_,
                    [this] { return accepting(); },
                    [this] {
                      return DiskSample{disk_->free_bytes(), disk_->reserve_bytes()};
                    },
                    clock_,
                    [this] {
                      std::map<std::string, IntakeCounts> counts;
                      for (const auto& [name, intake] : intakes_) counts[name] = intake->counts();
                      return counts;
                    },
                    report_key_ ? &*report_key_ : nullptr, [this] { return doors_->sample(); }});
  running_ = true;
  // What was committed while the parts were being built.
  delivery_->committed(CommitNews{journal_->head(), {}, {}, 0});
  ServerOptions till;
  till.connections_max = shares->tills;
  till.descriptors_max = shares->till_descriptors_max;
  till.body_bytes_max = [this](const ServerRequest& head) { return till_api_->body_bytes_max(head); };
  till.protocol_error = protocol_error;
  ServerOptions ops;
  ops.connections_max = shares->ops;
  ops.descriptors_max = shares->ops_descriptors_max;
  ops.body_bytes_max = [](const ServerRequest&) { return kOpsBodyBytesMax; };
  ops.protocol_error = protocol_error;
  doors_->guard(till, ops);
  till_server_ = std::make_unique<HttpServer>(loop_, till, [this](ServerRequest request, Responder respond) {
    till_api_->handle(std::move(request), std::move(respond));
  });
  ops_server_ = std::make_unique<HttpServer>(loop_, ops, [this](ServerRequest request, Responder respond) {
    ops_api_->handle(std::move(request), std::move(respond));
  });
  return ok();
}

/// Into the log and the journal's chain.
AuditSink Daemon::audit() {
  return [this, log = audit_to_log()](const AuditEvent& event) {
    log(event);
    journal_->run([event](Journal& journal) { return journal.note_audit(event); });
  };
}

Result<void> Daemon::start_intakes() {
  if (settings_.intakes.empty()) return ok();
  const auto zone = TimeZone::find(settings_.store.time_zone);
  if (!zone) return zone.error();
  for (const auto& [name, settings] : settings_.intakes) {
    auto intake = FileIntake::start(
        {name, settings, *journal_, *store_, *zone, [this] { return disk_->has_room(); }, clock_});
    if (!intake) return intake.error();
    intakes_[name] = std::move(*intake);
  }
  return ok();
}

Health Daemon::health() const {
  Health health;
  health.accepting = accepting();
  health.backlog = journal_->counts().backlog();
  for (const auto& [name, view] : delivery_->targets()) {
    health.targets[name] = std::string(target_state_name(view.status.state));
  }
  return health;
}

void Daemon::feed_watchdog() {
  const auto interval = watchdog_interval();
  if (!interval) return;
  log_quietly(notify_watchdog());
  // Fed only while the journal thread answers too: the next feed follows a round trip through it.
  loop_.call_after(*interval, [this] {
    journal_->run([](Journal&) { return ok(); },
                  [this](Result<void>) { loop_.post([this] { feed_watchdog(); }); });
  });
}

// Tills first: no new posts, those under way are answered; then the loop ends, and run() takes down the rest.
void Daemon::shut_down() {
  if (stopping_) return;
  stopping_ = true;
  log::info("daemon.stopping");
  log_quietly(notify_stopping());
  journal_->refuse_posts();
  till_api_->release_waiters();
  till_server_->shut_down(kShutDownPatience,
                          [this] { ops_server_->shut_down(kShutDownPatience, [this] { loop_.stop(); }); });
}

}  // namespace

Result<void> check_journal_owner(const Settings& settings) {
  std::ifstream file(settings.journal.path + "/" + kOwnerFile);
  std::string owner;
  if (!std::getline(file, owner) || owner == settings.store.id) return ok();
  return Error{ErrorKind::kInvalid, "other-store",
               "the journal in " + settings.journal.path + " is store " + owner + "'s, and [store] id is " +
                   settings.store.id + ": set it back, or give the new store a [journal] path of its own"};
}

Result<StoreDefaults> store_defaults(const Settings& settings) {
  auto zone = TimeZone::find(settings.store.time_zone);
  if (!zone) return zone.error();
  if (!currency_decimals(settings.store.currency)) {
    return Error{ErrorKind::kInvalid, "settings",
                 "[store] currency \"" + settings.store.currency +
                     "\" is not in ISO 4217; use a code such as \"GBP\""};
  }
  return StoreDefaults{settings.store.id, settings.store.currency,
                       BusinessCalendar(*zone, settings.store.day_starts_at)};
}

Result<void> run_daemon(const Settings& settings, const Clock& clock) {
  std::optional<Error> damage;
  {
    Daemon daemon(settings, clock);
    auto started = daemon.start();
    if (started) daemon.run();
    damage = daemon.damage();
    if (!started && !damage) return started.error();
  }
  return damage ? run_damaged(settings, *damage, clock) : ok();
}

}  // namespace tillsync
