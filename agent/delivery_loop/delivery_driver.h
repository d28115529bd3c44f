// What the delivery thread does, without the thread: it does what the scheduler says, through the connectors,
// and gives every outcome to the journal before anything may build on it. Single-threaded, so that the
// simulator drives the very code that a store runs.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

#include "config/settings.h"
#include "outbox/delivery/scheduler.h"
#include "outbox/journal/group_commit.h"
#include "outbox/journal/journal_backlog.h"
#include "platform/base/random.h"

namespace tillsync {

struct DeliveryDriverLimits {
  std::size_t unrecorded_max =
      4'096;  ///< outcomes that the journal could not take yet; beyond it nothing more is sent
  std::size_t recorded_at_once_max = 256;  ///< outcomes in one commit: a till's post may have to wait for it
  std::size_t recorded_beside_posts_max = 32;  ///< the same while tills post
  std::chrono::milliseconds posts_last{100};   ///< after one they count as posting for so long
  std::chrono::milliseconds record_every{
      2};  ///< commits of outcomes under load, unless there are many already
  std::chrono::milliseconds record_again{1'000};  ///< when they are tried again
  SchedulerLimits scheduler;
};

/// How a target is sent to, from its settings; its limits are its port's to tell.
LaneOptions lane_options(const TargetSettings& target);

class DeliveryDriver {
 public:
  struct Parts {
    std::string store_id;
    JournalQueue& journal;
    JournalReader& reader;  ///< used by this object alone
    const Clock& clock;
    Random& random;
    /// Runs an event in a later turn; called from the journal's thread. Events of an object that is gone must
    /// not run.
    std::function<void(std::function<void()>)> tell;
    /// What a target has just answered, or that it did not; for the view on it.
    std::function<void(const std::string& target, const Outcome& outcome)> note;
    /// The journal's bytes are not what was written: told as often as it is met. May be empty.
    std::function<void(const Error& error)> damaged = {};
    DocumentsAhead* ahead = nullptr;  ///< may be none: then the backlog is read in turns alone
  };

  explicit DeliveryDriver(Parts parts, DeliveryDriverLimits limits = {});
  ~DeliveryDriver();

  /// Once per target, before the first turn. `head`: the journal's last sequence.
  void add_target(const std::string& name, const LaneOptions& options, const LaneMemory& memory,
                  Sequence head, std::unique_ptr<TargetPort> port);
  void head_is(Sequence head) { scheduler_->head_is(head); }
  /// When a document was last committed.
  void posted_at(SteadyTime at) { posted_at_ = at; }
  bool wants_documents() const { return scheduler_->wants_documents(); }
  /// An operator's decision, after the journal has it.
  void apply(const DecisionFact& fact);

  /// Hands outcomes to the journal, then, where `sending`, does what the scheduler says. True where it said
  /// something.
  bool turn(bool sending);
  /// When the next turn has something to do if nothing else happens.
  std::optional<SteadyTime> next_wake(bool sending) const;
  /// Whether something that was told is not durable yet.
  bool owes_journal() const { return durable_count_ < told_count_; }

  const Scheduler& scheduler() const { return *scheduler_; }

 private:
  class FreshBacklog;
  /// What the journal has to learn, in the order in which it came about.
  using Told = std::variant<OutcomeFact, LookUpFact, Park>;
  using Reservation = std::variant<Reserve, ReserveDay>;
  struct PendingFrontier {
    std::int64_t builds_on;  ///< so many of what was told must be durable first
    Sequence frontier;
  };

  SteadyTime now() const;
  bool step(SteadyTime at);
  void act(Action action);
  void reserve(Reservation action);
  void send(Send action);
  void look_up(LookUp action);
  std::optional<OutgoingDelivery> load(const std::string& target, Attempt& attempt);
  Result<std::shared_ptr<const OutgoingDocument>> read(const Attempt& attempt);
  void record(const std::string& target, const Attempt& attempt, Outcome outcome, bool looked_up);
  void looked_up(const std::string& target, const Attempt& attempt, LookUpAnswer answer);
  void tell_journal(Told told);
  /// When the journal gets what waits.
  SteadyTime due_of_told() const;
  bool tills_post(SteadyTime at) const;
  std::size_t recorded_at_once(SteadyTime at) const;
  void submit_told(std::size_t at_most);
  void told_journal(const std::vector<Told>& told, const Result<void>& done);
  void save_frontiers();
  void note_damage(const Error& error) const;

  const Parts parts_;
  const DeliveryDriverLimits limits_;
  SeededRandom spans_;  ///< ids of spans have to differ, no more: the system's generator takes a microsecond
  std::unordered_set<DeliveryKey> settled_;  ///< told to the scheduler, not yet durable
  std::unique_ptr<FreshBacklog> backlog_;
  std::unique_ptr<Scheduler> scheduler_;
  std::map<std::string, std::unique_ptr<TargetPort>> ports_;

  std::deque<Told> told_;                ///< waits for its turn
  bool telling_ = false;                 ///< the journal has some of it under way: one at a time, or a failed
                                         ///< outcome would come behind a later one
  std::int64_t told_count_ = 0;          ///< ever
  std::int64_t durable_count_ = 0;       ///< of them, in order
  std::vector<Reservation> unreserved_;  ///< the journal failed; tried again
  SteadyTime posted_at_ = SteadyTime::min();
  SteadyTime record_due_;               ///< before that the journal is not tried again
  SteadyTime told_due_{};               ///< before that it gets outcomes only where there are many
  std::optional<SteadyTime> step_due_;  ///< the backlog could not be read; tried again
  std::map<std::string, PendingFrontier> frontiers_;
};

}  // namespace tillsync
