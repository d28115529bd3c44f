#include "agent/assembly/daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

#include "agent/assembly/damaged.h"
#include "agent/assembly/descriptors.h"
#include "agent/assembly/disk_guard.h"
#include "agent/assembly/doors.h"
#include "agent/assembly/memory_keeper.h"
#include "agent/assembly/protocol_error.h"
#include "agent/assembly/reloader.h"
#include "agent/assembly/report_key.h"
#include "agent/assembly/works.h"
#include "agent/http_server/server.h"
#include "agent/till_api/till_api.h"
#include "agent/workers/worker_pool.h"
#include "outbox/document/currency.h"
#include "outbox/journal/recover.h"
#include "outbox/journal/schema.h"
#include "outbox/journal/verify.h"
#include "platform/log/log.h"
#include "platform/service/service_host.h"

namespace tillsync {
namespace {

constexpr std::size_t kWorkers = 2;
/// Beside the journal: whose it is. The store's id is part of every reference, so that a delivery whose fate
/// is unknown would have a second effect under another id (I3).
constexpr const char* kOwnerFile = "store";
constexpr std::uint64_t kOpsBodyBytesMax = 2 * 1024 * 1024;  // an amended document and its reason

/// Everything that lives while the daemon runs. Built in the order of its members and taken down in the
/// reverse, but for what shut_down() does first: tills before the journal, deliveries before it, and the
/// journal last.
class Daemon {
 public:
  Daemon(const Settings& settings, ReadSettings read, const Clock& clock)
      : settings_(settings), read_(std::move(read)), clock_(clock) {}
  ~Daemon() {
    if (works_) works_->stop();  // its threads use what is destroyed before it
  }

  Result<void> start() {
    auto defaults = store_defaults(settings_);
    if (!defaults) return defaults.error();
    store_.emplace(std::move(*defaults));
    for (auto step : {&Daemon::open_journal, &Daemon::start_works, &Daemon::start_apis}) {
      if (auto done = (this->*step)(); !done) return done.error();
    }
    return doors_->listen(*till_server_, *ops_server_);
  }

  /// Why the journal must not be used any more; known after start() or run().
  const std::optional<Error>& damage() const { return damage_; }
  /// Why it cannot go on; known after run().
  const std::optional<Error>& failure() const { return failure_; }

  void run() {
    loop_.on_stop_signal([this] { shut_down(); });
    loop_.on_reload_signal([this] { reloader_->reload(); });
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
    reloader_->join();
    workers_->stop();
    works_->stop();
    journal_.reset();  // commits what waits
    log::info("daemon.stopped");
  }

 private:
  Result<void> open_journal();
  Result<void> start_works();
  Result<void> start_apis();
  void start_reloader();
  AuditSink audit();
  Works::Host host();
  std::shared_ptr<Works> works() const;
  void put_to_work(std::unique_ptr<Works> works);
  Result<void> take_over(const Settings& settings);
  void decided(const DecisionFact& fact, std::function<void()> then);
  void committed(const CommitNews& news);
  void open_key();
  void damaged(const Error& error);
  void shut_down();
  void feed_watchdog();
  bool accepting() const { return !stopping_ && disk_->has_room() && journal_->healthy(); }
  Health health() const;

  static void log_quietly(Result<void> done) {
    if (!done) log::warning("service_manager.unreachable", {{"detail", done.error().detail}});
  }

  /// A decision that waits for the next deliveries, and who waits for it.
  struct Held {
    DecisionFact fact;
    std::function<void()> then;
  };

  const Settings& settings_;  ///< as they were at the start; what needs a restart stays so
  const ReadSettings read_;
  const Clock& clock_;
  const UtcTime started_at_ = clock_.utc_now();
  SystemRandom random_;
  EventLoop loop_;
  Metrics metrics_;
  std::optional<StoreDefaults> store_;
  std::optional<FileLock> lock_;
  std::optional<SigningKey> report_key_;  ///< none where it cannot be read: then reports are not signed
  std::unique_ptr<DiskGuard> disk_;
  std::unique_ptr<TillApi> till_api_;
  std::unique_ptr<TradeIndex> trade_;
  mutable std::mutex mutex_;
  std::shared_ptr<Works> works_;  ///< guarded by mutex_; stopped before the journal, gone after it
  bool working_ = false;          ///< guarded by mutex_: its deliveries take commits and decisions
  std::vector<Held> held_;        ///< guarded by mutex_: decisions while they do not
  std::unique_ptr<JournalThread> journal_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<Doors> doors_;  ///< outlives the servers
  std::unique_ptr<HttpServer> till_server_;
  std::unique_ptr<HttpServer> ops_server_;
  std::optional<MemoryKeeper> memory_;
  std::atomic<bool> till_api_runs_{false};
  bool stopping_ = false;
  std::optional<Error> damage_, failure_;
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
  if (auto marked = mark_journal_owner(settings_); !marked) return marked.error();
  open_key();
  JournalThreadLimits limits;
  limits.retention_trading_days = settings_.journal.retention_trading_days;
  journal_ = std::make_unique<JournalThread>(
      std::move(*journal), clock_, limits, [this](const CommitNews& news) { committed(news); },
      [this] { return disk_->make_room(); });
  return ok();
}

// On the journal thread.
void Daemon::committed(const CommitNews& news) {
  metrics_.commit(news.took, news.tasks);
  if (till_api_runs_) till_api_->committed(news);
  std::shared_ptr<Works> works;
  {
    const std::lock_guard lock(mutex_);
    if (working_) works = works_;
  }
  if (works) works->delivery().committed(news);
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

Works::Host Daemon::host() {
  return {clock_,
          random_,
          *store_,
          *journal_,
          *trade_,
          *disk_,
          *workers_,
          metrics_,
          report_key_ ? &*report_key_ : nullptr,
          [this](const Error& error) { damaged(error); },
          [this] { return accepting(); },
          [this] { return doors_->sample(); },
          [this] { return reloader_->state(); },
          [this](const DecisionFact& fact, std::function<void()> then) { decided(fact, std::move(then)); },
          started_at_};
}

Result<void> Daemon::start_works() {
  disk_->watch(loop_);
  auto workers =
      WorkerPool::start(settings_.journal.path, kWorkers, [this](const Error& error) { damaged(error); });
  if (!workers) return workers.error();
  workers_ = std::move(*workers);
  auto trade = TradeIndex::open(settings_.journal.path);
  if (!trade) return trade.error();
  trade_ = std::move(*trade);
  auto works = Works::start(settings_, host());
  if (!works) return works.error();
  put_to_work(std::move(*works));
  return ok();
}

std::shared_ptr<Works> Daemon::works() const {
  const std::lock_guard lock(mutex_);
  return works_;
}

// The one before lives for as long as an answer of it is under way, and is then gone on the loop's thread:
// whoever has the last answer may be a thread that must not wait.
void Daemon::put_to_work(std::unique_ptr<Works> works) {
  const std::shared_ptr<Works> shared(
      works.release(), [this](Works* gone) { loop_.post([owned = std::shared_ptr<Works>(gone)] {}); });
  std::vector<Held> held;
  {
    const std::lock_guard lock(mutex_);
    works_ = shared;
    working_ = true;
    held.swap(held_);
  }
  shared->delivery().committed(CommitNews{journal_->head(), {}, {}, 0});  // meanwhile
  for (auto& each : held) shared->delivery().decided(each.fact, std::move(each.then));
}

// The lock is held on: who takes the deliveries away must not come in between.
void Daemon::decided(const DecisionFact& fact, std::function<void()> then) {
  const std::lock_guard lock(mutex_);
  if (working_) {
    works_->delivery().decided(fact, std::move(then));
  } else {
    held_.push_back({fact, std::move(then)});
  }
}

// On the reloader's thread. Tills post on meanwhile, and operators are answered by the old one's views.
Result<void> Daemon::take_over(const Settings& settings) {
  const auto before = works();
  {
    const std::lock_guard lock(mutex_);
    working_ = false;
  }
  before->stop();
  std::optional<Error> refused;
  auto works = Works::start(settings, host());
  if (!works) {
    refused = works.error();
    works = Works::start(before->settings(), host());
  }
  if (works) {
    put_to_work(std::move(*works));
  } else {
    // Neither the new nor the old: the service manager's turn. Every post that was answered is on disk.
    loop_.post([this, error = works.error()] {
      if (!failure_) failure_ = error;
      shut_down();
    });
  }
  if (refused) return *refused;
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
  till_api_runs_ = true;
  start_reloader();
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
    const auto serving = works();
    serving->ops_api().handle(
        std::move(request),
        [serving, respond = std::move(respond)](ServerResponse response) { respond(std::move(response)); });
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

void Daemon::start_reloader() {
  reloader_ = std::make_unique<Reloader>(
      settings_, Reloader::Parts{loop_, clock_, read_,
                                 [this](const Settings& settings) {
                                   // More targets may want more descriptors.
                                   if (auto shares = connection_shares(settings); !shares)
                                     return Result<void>(shares.error());
                                   return take_over(settings);
                                 },
                                 [this](const Settings& settings) { doors_->reload(settings); }, audit()});
}

Health Daemon::health() const {
  Health health;
  health.accepting = accepting();
  health.backlog = journal_->counts().backlog();
  for (const auto& [name, view] : works()->delivery().targets()) {
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
  reloader_->stop();
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

Result<void> run_daemon(const Settings& settings, ReadSettings read, const Clock& clock) {
  std::optional<Error> damage;
  {
    Daemon daemon(settings, std::move(read), clock);
    auto started = daemon.start();
    if (started) daemon.run();
    damage = daemon.damage();
    if (!started && !damage) return started.error();
    if (daemon.failure() && !damage) return *daemon.failure();
  }
  return damage ? run_damaged(settings, *damage, clock) : ok();
}

}  // namespace tillsync
