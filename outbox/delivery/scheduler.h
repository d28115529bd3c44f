// When, in which order and how fast: the scheduler decides what to send now, and nothing else does
// (ARCHITECTURE, "Delivery").
//
// A plain single-threaded object without I/O of its own: it reads the backlog through a port, is told what
// happened, and says what to do in step(now). All its times are steady (I5). Its memory is bounded by
// SchedulerLimits, whatever the backlog (I8).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "outbox/delivery/backlog_source.h"
#include "outbox/delivery/live_window.h"
#include "outbox/delivery/outcome.h"
#include "outbox/delivery/pace.h"
#include "outbox/delivery/target_port.h"
#include "platform/base/random.h"
#include "platform/base/time.h"

namespace tillsync {

/// Pace of one target, from its settings.
struct LaneOptions {
  int concurrency = 8;  ///< requests under way at most
  int batch_max = 1;    ///< deliveries a request at most
  std::chrono::milliseconds backoff_min{1'000};
  std::chrono::milliseconds backoff_max{300'000};
  PaceLimits pace;
  /// Requests that sending so many deliveries together, or looking one up, may take at most.
  std::function<int(std::size_t deliveries)> requests_max = [](std::size_t) { return 1; };
};

struct SchedulerLimits {
  std::size_t window_max =
      8'192;  ///< deliveries held in memory per target that could be sent; more is read when there is room
  /// Quarantined deliveries and those that wait for them, per target. Beyond it the target halts: it rejects
  /// so much that a person must look before more is sent. Nothing is lost: the backlog waits in the journal.
  std::size_t held_max = 20'000;
  std::size_t page_documents = 1'024;  ///< documents a backlog page looks at
  /// See Reserve: so far ahead of what is sent, or as far as can be under way at once where that is more.
  std::int64_t reserve_ahead = 512;
  std::size_t reserve_wave_max = 8'192;   ///< but no further than this
  std::int64_t frontier_lag_max = 4'096;  ///< see Park
  std::int64_t frontier_step = 256;       ///< documents between two SaveFrontier under load
  int breaker_failures = 3;               ///< failures of a target in a row that open its circuit breaker
  std::chrono::milliseconds retry_after_max{3'600'000};  ///< a longer Retry-After is cut to this
  LiveWindowLimits live;
  /// Stretches of documents reserved out of their order; with more of them the last one grows over a gap.
  std::size_t reserved_ahead_max = 16;
};

/// Documents from `first` to `last`, both counted in.
struct SequenceRange {
  Sequence first;
  Sequence last;
  bool operator==(const SequenceRange&) const = default;
};
bool in_any(const std::vector<SequenceRange>& ranges, Sequence document);

/// What of a lane outlives the process.
struct LaneMemory {
  Sequence frontier;  ///< every delivery of documents up to here is settled or on record
  Sequence reserved;  ///< no delivery of a document beyond this was ever sent, but in `reserved_ahead`
  bool paused = false;
  std::vector<SequenceRange> reserved_ahead = {};  ///< ascending
  std::chrono::nanoseconds day_owed{0};  ///< how long until the target's day of requests is whole again
};

/// A delivery as handed out: what the caller needs to load and send it.
struct Attempt {
  DeliveryKey key;
  int attempt = 1;
  bool on_record = true;  ///< the journal has, or gets, a state row for it: it may have been amended
  std::shared_ptr<const OutgoingDocument> document = nullptr;  ///< as BacklogEntry has it
};

/// One request with these deliveries (batch_max at most); none depends on another.
struct Send {
  std::string target;
  std::vector<Attempt> attempts;
};
/// Ask whether central has it: the last attempt's fate is unknown, or the process died while it may have been
/// under way (I3).
struct LookUp {
  std::string target;
  Attempt attempt;
};
/// Record durably that documents up to `through` may from now on be sent, then call reserved(). Before that
/// none of them is. After a crash every unsettled delivery up to there counts as maybe sent, and is looked up
/// first; what lies beyond was never sent.
struct Reserve {
  std::string target;
  Sequence through;
  /// Only the documents from here on, in the place of what was recorded for the same `from`: live trade that
  /// goes before a backlog.
  std::optional<Sequence> from = std::nullopt;
};
/// Record durably that the target's requests of the day may be used up until `full_at`, then call
/// day_reserved(). Before that no further request is made; after a crash that much counts as used.
struct ReserveDay {
  std::string target;
  SteadyTime full_at;
};
/// Record `frontier` (an optimisation for the next start; no answer needed).
struct SaveFrontier {
  std::string target;
  Sequence frontier;
};
/// Put state rows for these never attempted, waiting deliveries on record, so that the frontier can pass them
/// (no answer needed).
struct Park {
  std::string target;
  std::vector<DeliveryKey> deliveries;
};
using Action = std::variant<Send, LookUp, Reserve, ReserveDay, SaveFrontier, Park>;

enum class TargetState : unsigned char { kUp, kDown, kPaused, kThrottled, kHalted };
std::string_view target_state_name(TargetState state);

struct TargetStatus {
  TargetState state = TargetState::kUp;
  std::size_t in_flight = 0;            ///< requests under way
  std::size_t held = 0;                 ///< quarantined deliveries in memory
  std::size_t blocked = 0;              ///< deliveries that wait, directly or not, for a quarantined one
  std::optional<SteadyTime> retry_at;   ///< when a target that is down or throttled is tried again
  std::optional<Sequence> oldest_open;  ///< document of the oldest delivery still open
  std::optional<UtcTime> oldest_open_recorded_at;
};

class Scheduler {
 public:
  /// `head`: the journal's last sequence now. Everything unsettled up to min(memory.reserved, head) counts as
  /// maybe sent.
  Scheduler(BacklogSource& source, Random& random, SchedulerLimits limits = {});
  ~Scheduler();

  /// Adds a target; once per target, before the first step().
  void add_target(const std::string& name, const LaneOptions& options, const LaneMemory& memory,
                  Sequence head);

  /// The journal has grown to `head`.
  void head_is(Sequence head);
  /// Whether some target has a use for further documents. Where none has, head_is() may come with whatever
  /// else happens next: during an outage each post would wake the caller for nothing.
  bool wants_documents() const;
  /// What to do now. The caller does all of it, and tells what became of each Send and LookUp. A backlog page
  /// that cannot be read is an error (nothing is lost; the next step tries again).
  Result<std::vector<Action>> step(SteadyTime now);
  /// When step() has something to do again if nothing else happens; nothing: not before an event.
  std::optional<SteadyTime> next_wake() const;

  void outcome(const std::string& target, const Attempt& attempt, const Outcome& outcome, SteadyTime now);
  void look_up_answer(const std::string& target, const Attempt& attempt, const LookUpAnswer& answer,
                      SteadyTime now);
  /// The attempt was never made (its document could not be read, the process is stopping): back to where it
  /// was, tried again after `backoff_min`.
  void not_attempted(const std::string& target, const Attempt& attempt, SteadyTime now);
  void reserved(const std::string& target, Sequence through, std::optional<Sequence> from = std::nullopt);
  void day_reserved(const std::string& target, SteadyTime full_at);

  void pause(const std::string& target);
  void resume(const std::string& target);
  /// An operator's decisions on a quarantined delivery, after the journal has them. `retry` of one that is
  /// waiting out a backoff makes it due now. Unknown keys are ignored (a delivery that is not in memory is
  /// read again in its time).
  void retry(const std::string& target, const DeliveryKey& key);
  void discard(const std::string& target, const DeliveryKey& key);
  /// Its content has changed: `keys` are the new ordering keys, in the old place of the order; then as
  /// retry().
  void amend(const std::string& target, const DeliveryKey& key, std::vector<OrderingKey> keys);

  TargetStatus status(const std::string& target) const;
  /// Deliveries (of any target) that wait, directly or not, for a quarantined one: what no waiting will
  /// settle.
  std::vector<DeliveryKey> blocked() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync
