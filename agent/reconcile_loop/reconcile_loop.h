// The reconcile thread: reads central back, and asks it what it knows, on a schedule and after each drained
// backlog; and makes reports on request.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "agent/reconcile_loop/conflict_keeper.h"
#include "agent/reconcile_loop/facts_keeper.h"
#include "agent/reconcile_loop/service_watch.h"
#include "config/settings.h"
#include "outbox/document/validation.h"
#include "outbox/journal/reader.h"
#include "platform/base/time.h"
#include "reconcile/central_view/central_view.h"
#include "reconcile/central_view/read_back.h"
#include "reconcile/reports/report.h"

namespace tillsync {

struct ReconcileLoopLimits {
  std::chrono::milliseconds report_refresh_max{
      10'000};                            ///< CONTRACT section 8: how long a report waits for central
  std::chrono::milliseconds settle{500};  ///< after a drained backlog: more may drain with it
  std::chrono::minutes day_max{30};       ///< one day of one target
  std::chrono::minutes facts_max{5};      ///< what one target knows
  std::chrono::seconds news_every{10};    ///< at most: drains of a busy store are many
};

/// One at a time, waited for with a limit. (std::timed_mutex does the same, but GCC 12's ThreadSanitizer does
/// not know its lock.)
class Turn {
 public:
  class Held {
   public:
    explicit Held(Turn* turn) : turn_(turn) {}
    Held(Held&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
    Held& operator=(Held&&) = delete;
    ~Held();
    explicit operator bool() const { return turn_ != nullptr; }

   private:
    Turn* turn_;
  };
  /// False where it did not come within `patience`.
  Held take(std::chrono::milliseconds patience);

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;  // guarded by mutex_
};

class ReconcileLoop {
 public:
  struct Parts {
    const Settings& settings;
    StoreDefaults store;
    const Clock& clock;
    /// Null: nobody can be asked what this target has, and its reports stay without a read-back.
    std::function<Result<std::unique_ptr<ReadBackPort>>(const std::string& name)> make_port;
    /// Asked where the view finds no room on the disk; true: some was made. Any thread.
    std::function<bool()> make_room;
    /// A read of the journal met damage; on the reconcile thread, perhaps often.
    std::function<void(const Error& error)> damaged = {};
    /// Who tells what central knows; null: that target cannot.
    std::function<Result<std::unique_ptr<FetchPort>>(const std::string& name)> make_fetch = {};
    /// Both or neither: where conflicts become facts, and what they are looked for with.
    JournalQueue* journal = nullptr;
    TradeIndex* trade = nullptr;
  };
  static Result<std::unique_ptr<ReconcileLoop>> start(Parts parts, ReconcileLoopLimits limits = {});
  ~ReconcileLoop();
  /// Ends the thread, and whatever reads central back: from then on reports come from what is held.
  void stop();

  /// A backlog has drained; `was_away`: its target could not be reached meanwhile. From any thread.
  void drained(bool was_away);
  /// What is held of central; from any thread.
  FactsSummary facts() const { return facts_ ? facts_->summary() : FactsSummary{}; }
  /// The report of a period; `refresh` first reads back what is stale, for at most report_refresh_max. From
  /// any one worker thread at a time per reader.
  Result<Report> report(JournalReader& reader, BusinessDay from, BusinessDay to, bool refresh);
  /// When each target's list was last read back and nothing was left to read; until then the start. From any
  /// thread.
  std::map<std::string, UtcTime> caught_up() const {
    const std::lock_guard lock(mutex_);
    return caught_up_;
  }
  /// How the service objectives stood when they were last measured; nothing before the first time. Any
  /// thread.
  std::optional<ServiceSample> service() const { return service_.sample(); }

 private:
  ReconcileLoop(Parts parts, ReconcileLoopLimits limits);
  void loop();
  Result<void> drop_foreign_view();
  Result<void> start_facts();
  void read_due_days();
  bool read_days_of(const std::string& target, ReadBackPort& port);
  void measure_service();
  Result<std::optional<ServiceSample>> service_sample();
  bool fetch_facts(bool was_away);
  void look_for_conflicts();
  Result<ReadBackMark> read_back(JournalReader& reader, const std::string& target, ReadBackPort& port,
                                 BusinessDay day, BusinessDay last, const ReadBackUntil& until);
  void refresh(JournalReader& reader, BusinessDay from, BusinessDay to);

  Parts parts_;
  const ReconcileLoopLimits limits_;
  std::unique_ptr<JournalReader> reader_;                       // reconcile thread only
  Turn turn_;                                                   // held by who reads central back
  std::unique_ptr<CentralView> view_;                           // guarded by turn_
  std::unique_ptr<ReadBack> read_back_;                         // guarded by turn_
  std::map<std::string, std::unique_ptr<ReadBackPort>> ports_;  // guarded by turn_

  std::unique_ptr<FactsKeeper> facts_;  // null: nobody is asked; reconcile thread, but for its summary()
  SteadyTime news_at_, all_facts_at_;   // when the last round ended; reconcile thread only
  bool news_wanted_ = false;            // a backlog drained since; reconcile thread only
  std::unique_ptr<ConflictKeeper> conflicts_;  // null: nobody looks; reconcile thread only
  std::set<std::pair<std::string, BusinessDay>>
      days_read_;  // guarded by turn_: not looked at for conflicts yet

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool drained_ = false;                      // guarded by mutex_
  bool was_away_ = false;                     // guarded by mutex_
  std::map<std::string, UtcTime> caught_up_;  // guarded by mutex_
  ServiceWatch service_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace tillsync
