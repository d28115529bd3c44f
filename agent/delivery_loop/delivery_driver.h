// What the delivery thread does, without the thread: it does what the scheduler says, through the connectors,
// and gives every outcome to the journal before anything may build on it. Single-threaded, so that the
// simulator drives the very code that a store runs.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "outbox/delivery/scheduler.h"
#include "outbox/journal/group_commit.h"
#include "outbox/journal/journal_backlog.h"
#include "platform/base/random.h"

namespace tillsync {

struct DeliveryDriverLimits {
  std::size_t unrecorded_max =
      4'096;  ///< outcomes that the journal could not take yet; beyond it nothing more is sent
  std::chrono::milliseconds record_again{1'000};  ///< when they are tried again
  SchedulerLimits scheduler;
};

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
  };

  explicit DeliveryDriver(Parts parts, DeliveryDriverLimits limits = {});
  ~DeliveryDriver();

  /// Once per target, before the first turn. `head`: the journal's last sequence.
  void add_target(const std::string& name, const LaneOptions& options, const LaneMemory& memory,
                  Sequence head, std::unique_ptr<TargetPort> port);
  void head_is(Sequence head) { scheduler_->head_is(head); }
  /// An operator's decision, after the journal has it.
  void apply(const DecisionFact& fact);

  /// Hands outcomes to the journal, then, where `sending`, does what the scheduler says. True where it said
  /// something.
  bool turn(bool sending);
  /// When the next turn has something to do if nothing else happens.
  std::optional<SteadyTime> next_wake(bool sending) const;
  /// Whether something that was told is not durable yet.
  bool owes_journal() const { return !told_.empty() || durable_ < submitted_; }

  const Scheduler& scheduler() const { return *scheduler_; }

 private:
  class FreshBacklog;
  /// What a target has told of a delivery.
  using Told = std::variant<OutcomeFact, LookUpFact>;
  /// Work for the journal that must be durable before a frontier may pass what it is about.
  struct Ledger {
    std::function<Result<void>(Journal&)> apply;
    std::size_t facts = 0;
    std::vector<DeliveryKey> settled;  ///< what other lanes may build on before it is durable
  };
  struct PendingFrontier {
    std::int64_t ticket;  ///< ledgers that must be durable first
    Sequence frontier;
  };

  SteadyTime now() const;
  bool step(SteadyTime at);
  void act(Action action);
  void reserve(Reserve action);
  void record_again(SteadyTime at);
  void send(Send action);
  void look_up(LookUp action);
  std::optional<OutgoingDelivery> load(const std::string& target, const Attempt& attempt);
  Result<OutgoingDelivery> read(const Attempt& attempt);
  void record(const std::string& target, const Attempt& attempt, const Outcome& outcome, bool looked_up);
  void looked_up(const std::string& target, const Attempt& attempt, const LookUpAnswer& answer);
  void submit_told();
  void submit(std::shared_ptr<Ledger> ledger);
  void save_frontiers();

  const Parts parts_;
  const DeliveryDriverLimits limits_;
  std::set<DeliveryKey> settled_;  ///< told to the scheduler, not yet durable
  std::unique_ptr<BacklogSource> backlog_;
  std::unique_ptr<Scheduler> scheduler_;
  std::map<std::string, std::unique_ptr<TargetPort>> ports_;

  std::vector<Told> told_;           ///< of this turn, recorded together
  std::vector<Ledger> unrecorded_;   ///< the journal failed; tried again
  std::vector<Reserve> unreserved_;  ///< likewise
  SteadyTime record_due_;
  std::optional<SteadyTime> step_due_;  ///< the backlog could not be read; tried again
  std::int64_t submitted_ = 0;          ///< ledgers handed to the journal
  std::int64_t durable_ = 0;            ///< those it has committed, in order
  std::map<std::string, PendingFrontier> frontiers_;
};

}  // namespace tillsync
