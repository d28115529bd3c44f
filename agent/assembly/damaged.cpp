#include "agent/assembly/damaged.h"

#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "agent/assembly/daemon.h"
#include "agent/assembly/doors.h"
#include "agent/assembly/protocol_error.h"
#include "agent/http_server/problems.h"
#include "agent/http_server/server.h"
#include "agent/ops_api/journal_reads.h"
#include "agent/ops_api/metrics.h"
#include "agent/ops_api/report_answers.h"
#include "agent/reconcile_loop/report_query.h"
#include "agent/till_api/answers.h"
#include "agent/views/document_view.h"
#include "agent/views/status_view.h"
#include "agent/workers/worker_pool.h"
#include "outbox/journal/recover.h"
#include "outbox/journal/verify.h"
#include "platform/log/log.h"
#include "platform/service/service_host.h"
#include "reconcile/central_view/central_view.h"

namespace tillsync {
namespace {

/// Damage from a crash or a dying disk lies where was written last; these take some tens of milliseconds.
constexpr std::int64_t kRecordsChecked = 4'096;
constexpr const char* kCure = "stop tillsync, run `tillsync journal recover`, and start it again";
constexpr std::uint64_t kBodyBytesMax = 64 * 1024 * 1024;  // read, so that the answer is not lost; not kept

Error damaged(const std::string& what) {
  return Error{ErrorKind::kCorrupt, "journal-damaged", what};
}

class DamagedService {
 public:
  DamagedService(const Settings& settings, const Error& damage, const Clock& clock)
      : settings_(settings), clock_(clock), reason_(damage.detail) {}
  ~DamagedService() {
    stop_ = true;
    if (walking_.joinable()) walking_.join();
  }

  Result<void> start() {
    auto lock = FileLock::acquire(settings_.journal.path + "/lock");
    if (!lock) return lock.error();
    lock_.emplace(std::move(*lock));
    log::error("journal.damaged", {{"detail", reason_}, {"cure", kCure}});
    if (auto workers = WorkerPool::start(settings_.journal.path, 1)) workers_ = std::move(*workers);
    walking_ = std::thread([this] { walk(); });
    return listen();
  }

  void run() {
    loop_.on_stop_signal([this] {
      stop_ = true;
      till_->shut_down(kShutDownPatience,
                       [this] { ops_->shut_down(kShutDownPatience, [this] { loop_.stop(); }); });
    });
    feed_watchdog();
    (void)notify_ready().has_value();
    (void)notify_status("the journal is damaged: nothing is stored or delivered").has_value();
    loop_.run();
    if (workers_) workers_->stop();
    log::info("daemon.stopped");
  }

 private:
  Result<void> listen() {
    auto doors = Doors::open(settings_, clock_, audit_to_log());
    if (!doors) return doors.error();
    doors_ = std::move(*doors);
    ServerOptions options;
    options.body_bytes_max = [](const ServerRequest&) { return kBodyBytesMax; };
    options.protocol_error = protocol_error;
    ServerOptions till_options = options, ops_options = options;
    doors_->guard(till_options, ops_options);
    till_ = std::make_unique<HttpServer>(
        loop_, till_options,
        [this](ServerRequest request, Responder respond) { till(request, std::move(respond)); });
    ops_ = std::make_unique<HttpServer>(loop_, ops_options, [this](ServerRequest request, Responder respond) {
      ops(request, std::move(respond));
    });
    doors_->watch(loop_);
    loop_.on_reload_signal([this] { doors_->reload(settings_); });  // the rest waits for the recovery
    return doors_->listen(*till_, *ops_);
  }

  void feed_watchdog() {
    const auto interval = watchdog_interval();
    if (!interval) return;
    (void)notify_watchdog().has_value();
    loop_.call_after(*interval, [this] { feed_watchdog(); });
  }

  // The start sees the end of the journal; this sees all of it.
  void walk() {
    auto reader = JournalReader::open(settings_.journal.path);
    auto found = reader ? verify_journal(**reader, {}, &stop_) : Result<Verification>(reader.error());
    if (stop_) return;
    std::string reason;
    std::optional<Sequence> from;
    if (!found) {
      reason = found.error().detail;
    } else if (!found->whole) {
      reason = (found->derived_differ ? "the records are whole, tables derived from them differ: " : "") +
               found->reason;
      from = found->first_bad;
    }
    log::error(
        "journal.walked",
        {{"from_sequence", from ? from->value : 0},
         {"detail", reason.empty() ? "every record and table was found right: the damage may have been "
                                     "the memory's or the disk's; check both, and start tillsync again"
                                   : reason},
         {"cure", kCure}});
    const std::lock_guard lock(mutex_);
    from_ = from;
    if (!reason.empty()) reason_ = reason;
  }

  void till(const ServerRequest& request, Responder respond) {
    const auto path = request.segments();
    const bool versioned = path.size() >= 2 && path[0] == "v1";
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (versioned && path.size() == 2 && path[1] == "documents")
      return respond(request.method == "POST" ? journal_damaged_answer() : not_allowed("POST"));
    if (versioned && path.size() == 2 && path[1] == "health") {
      return respond(reads ? json_response(json::Object{{"status", "damaged"},
                                                        {"accepting", false},
                                                        {"backlog", json::Value()},
                                                        {"targets", json::Object{}}})
                           : not_allowed("GET"));
    }
    if (versioned && path.size() == 3 && path[1] == "documents") {
      if (!reads) return respond(not_allowed("GET"));
      return read(std::move(respond), [id = path[2]](JournalReader& reader) {
        auto view = document_view(reader, id);
        if (!view) return journal_error_answer(view.error());
        if (!*view) return not_found("No document with this id can be read.");
        ServerResponse response;
        response.body = std::move(**view);
        return response;
      });
    }
    if (versioned && path.size() == 2 && path[1] == "events") return respond(journal_damaged_answer());
    respond(not_found("The till API has /v1/documents, /v1/documents/{id}, /v1/events and /v1/health."));
  }

  void ops(const ServerRequest& request, Responder respond) {
    const auto path = request.segments();
    const auto is = [&path](std::initializer_list<std::string_view> wanted) {
      return std::equal(path.begin(), path.end(), wanted.begin(), wanted.end());
    };
    if (request.method != "GET" && request.method != "HEAD") return respond(journal_damaged_answer());
    if (is({"healthz"})) return respond(text("ok\n", 200));
    if (is({"readyz"})) return respond(text("the journal is damaged\n", 503));
    if (is({"metrics"})) return respond(text_response(200, damaged_metrics_text(), kMetricsMediaType));
    if (is({"v1", "status"})) return status(std::move(respond));
    if (is({"v1", "reports", "reconciliation"})) return report(request, std::move(respond));
    if (is({"v1", "quarantine"})) return read(std::move(respond), quarantine_response);
    if (is({"v1", "journal"})) {
      const auto page = read_page(request);
      if (!page) return respond(bad_request(page.error().detail));
      return read(std::move(respond),
                  [page = *page](JournalReader& reader) { return records_response(reader, page); });
    }
    if (path.size() == 4 && path[0] == "v1" && path[1] == "documents" && path[3] == "story") {
      return read(std::move(respond),
                  [id = path[2]](JournalReader& reader) { return story_response(reader, id); });
    }
    respond(
        not_found("While the journal is damaged there are /healthz, /readyz, /metrics, /v1/status, "
                  "/v1/reports/reconciliation, /v1/quarantine, /v1/journal and /v1/documents/{id}/story."));
  }

  static ServerResponse text(const char* body, int status) {
    ServerResponse response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.body = body;
    return response;
  }

  json::Value damage_json() {
    const std::lock_guard lock(mutex_);
    return json::Object{{"reason", reason_},
                        {"from_sequence", from_ ? json::Value(from_->value) : json::Value()},
                        {"cure", kCure}};
  }

  /// With what the journal's own counts say, where they can be read.
  void status(Responder respond) {
    const auto answer = [this](const StatusSample& sample) {
      auto view = status_view(sample);
      view.as_object()->emplace_back("damaged", damage_json());
      return json_response(view);
    };
    StatusSample sample{settings_.store.id, false, {}, {}, 0, std::nullopt, {}};
    for (const auto& [name, target] : settings_.targets)
      sample.targets[name].status.state = TargetState::kHalted;
    const bool queued = workers_ && workers_->run([answer, sample, respond](JournalReader& reader) mutable {
      if (auto counts = reader.counts()) sample.counts = *counts;
      if (auto oldest = reader.oldest_open()) sample.oldest = *oldest;
      if (auto recoveries = reader.recoveries()) sample.recoveries = *recoveries;
      respond(answer(sample));
    });
    if (!queued) respond(answer(sample));
  }

  void report(const ServerRequest& request, Responder respond) {
    auto period = read_period(request);
    if (!period) return respond(bad_request(period.error().detail));
    read(std::move(respond),
         [this, period = *period, accept = std::string(request.header("accept"))](JournalReader& reader) {
           auto view = CentralView::open(settings_.journal.path, CentralView::Mode::kReadOnly);
           if (!view) return error_response(view.error());
           auto made = build_report(reader, **view,
                                    report_query(settings_, period.from, period.to, clock_.utc_now()));
           // Not signed: a damaged journal proves nothing.
           return made ? report_response(*std::move(made), accept, nullptr) : error_response(made.error());
         });
  }

  void read(Responder respond, std::function<ServerResponse(JournalReader&)> make) {
    const bool queued = workers_ && workers_->run([respond, make = std::move(make)](JournalReader& reader) {
      respond(make(reader));
    });
    if (!queued) respond(journal_damaged_answer());
  }

  const Settings& settings_;
  const Clock& clock_;
  EventLoop loop_;
  std::optional<FileLock> lock_;
  std::mutex mutex_;
  std::string reason_;            // guarded by mutex_
  std::optional<Sequence> from_;  // guarded by mutex_
  std::atomic<bool> stop_{false};
  std::thread walking_;
  std::unique_ptr<WorkerPool> workers_;  // none where SQLite cannot open the journal
  std::unique_ptr<Doors> doors_;         ///< outlives the servers
  std::unique_ptr<HttpServer> till_, ops_;
};

}  // namespace

Result<std::unique_ptr<Journal>> open_sound_journal(JournalOptions options, const Clock& clock) {
  const auto folder = options.folder;
  if (std::error_code ignored; std::filesystem::exists(folder + "/" + kRecoveryMark, ignored)) {
    return damaged("a recovery of the journal was begun and did not end; `tillsync journal recover` ends it");
  }
  auto journal = Journal::open(std::move(options), clock);
  if (!journal) return journal;
  auto reader = JournalReader::open(folder);
  if (!reader) return reader.error();
  auto end = verify_journal_end(**reader, kRecordsChecked);
  if (!end) return end.error();
  if (end->whole) return journal;
  return damaged((end->first_bad ? "sequence " + std::to_string(end->first_bad->value) + ": " : "") +
                 end->reason);
}

Result<void> run_damaged(const Settings& settings, const Error& damage, const Clock& clock) {
  DamagedService service(settings, damage, clock);
  if (auto started = service.start(); !started) return started.error();
  service.run();
  return ok();
}

}  // namespace tillsync
