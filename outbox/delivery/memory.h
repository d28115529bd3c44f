// Deliveries as the scheduler holds them, and what its lanes share. Private to outbox/delivery.
// Single-threaded.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "outbox/delivery/delivery_state.h"
#include "outbox/delivery/key_table.h"
#include "outbox/delivery/scheduler.h"

namespace tillsync {

class Lane;

/// One unsettled delivery in memory.
struct Delivery : KeyUser {
  /// Which of the lane's counters it is in.
  enum class Counted : unsigned char { kNowhere, kSendable, kNeeding, kHeld };
  /// Which of the lane's queues it is in: due, waiting for a time, or none (it waits for another, for an
  /// answer or for a person).
  enum class Queued : unsigned char { kNowhere, kReady, kTimed };

  Lane* lane = nullptr;
  std::vector<std::string> needs;                    ///< steps of its document that are not settled yet
  std::shared_ptr<const OutgoingDocument> document;  ///< until its first attempt, or until it is held
  UtcTime recorded_at{};
  SteadyTime due = SteadyTime::min();  ///< not tried before
  std::uint64_t request = 0;           ///< the request it is part of, 0 for none
  int attempts = 0;                    ///< made so far
  int failures = 0;                    ///< in a row, for the backoff
  DeliveryState state = DeliveryState::kPending;
  bool on_record = false;      ///< the journal holds a state row for it
  bool look_up_first = false;  ///< it may have been sent: ask before sending (I3)
  /// An attempt's fate was unknown once: its request may still arrive, so that "absent" holds for a moment
  /// only.
  bool maybe_sent = false;
  /// Central answered "later" (429, 503): it did not have it then, but a copy of the request may still
  /// arrive. Like maybe_sent, but for the look-up before each attempt.
  bool put_off = false;
  SteadyTime absent_at{};  ///< when a look-up last said so, or when it was first put off
  bool asked = false;      ///< the request under way is a look-up
  bool held = false;       ///< quarantined, or waits for one that is held (held.h)
  bool discarded = false;  ///< a person discarded it while a request was under way
  Counted counted = Counted::kNowhere;
  Queued queued = Queued::kNowhere;

  bool in_flight() const { return request != 0; }
  bool waits_for_another() const { return key_waits > 0 || !needs.empty(); }
};

/// Who waits for a step of its own document, in whatever lane.
class NeedTable {
 public:
  void wait(const DeliveryKey& needed, Delivery& waiter) { waiters_[needed].push_back(&waiter); }
  /// Takes out all waits of `waiter`.
  void forget(Delivery& waiter);
  /// `needed` is settled: those who waited for it, their need taken off.
  std::vector<Delivery*> settled(const DeliveryKey& needed);
  const std::vector<Delivery*>& waiters(const DeliveryKey& needed) const;

 private:
  std::unordered_map<DeliveryKey, std::vector<Delivery*>> waiters_;
};

/// What the lanes of one scheduler have in common.
struct Shared {
  Random& random;
  SchedulerLimits limits;
  NeedTable needs;
  std::vector<Lane*> lanes;
  bool held_is_stale = false;  ///< a held delivery was released: more may be marked as held than are
};

}  // namespace tillsync
