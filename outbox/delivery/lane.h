// One target's part of the scheduler: what of its backlog is in memory, what of that is due, and what is sent
// now. Private to outbox/delivery; scheduler.h says what it promises, DESIGN.md how the parts play together.
// Single-threaded.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "outbox/delivery/breaker.h"
#include "outbox/delivery/memory.h"
#include "outbox/delivery/pace.h"

namespace tillsync {

class Lane {
 public:
  Lane(std::string name, const LaneOptions& options, const LaneMemory& memory, Sequence head, Shared& shared);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  const std::string& name() const { return name_; }
  void head_is(Sequence head);
  /// Whether one that comes now would be read, or has to wait for one that leaves.
  bool wants_documents() const;

  /// Lets the time pass: what was waiting for it becomes ready.
  void time_is(SteadyTime now);
  /// Reads on in the backlog where there is room. kPagesPerStep bounds the work of one call.
  Result<void> admit(BacklogSource& source);
  /// Everything that can be done now.
  void act(std::vector<Action>& actions);
  std::optional<SteadyTime> wake() const;

  void outcome(const Attempt& attempt, const Outcome& outcome);
  void look_up_answer(const Attempt& attempt, const LookUpAnswer& answer);
  void not_attempted(const Attempt& attempt);
  void reserved(Sequence through, std::optional<Sequence> from);
  void day_reserved(SteadyTime full_at);

  void pause() { paused_ = true; }
  void resume() { paused_ = false; }
  void retry(const DeliveryKey& key);
  void discard(const DeliveryKey& key);
  void amend(const DeliveryKey& key, std::vector<OrderingKey> keys);

  TargetStatus status() const;
  void blocked(std::vector<DeliveryKey>& into) const;

  // For the other lanes and for held.h.
  Delivery* find(const DeliveryKey& key);
  /// Its needs or marks have changed.
  void recount(Delivery& delivery);
  /// Puts it into the queue where it belongs now.
  void place(Delivery& delivery);
  void clear_held();
  void mark_quarantined_held();
  std::size_t held() const { return held_; }
  bool halted() const { return held_ > shared_.limits.held_max; }

 private:
  /// A request under way. Its signal is told to the breaker once, when all its parts are back.
  struct Request {
    std::size_t parts = 0;
    bool probe = false;
    int charged = 0;  ///< requests that it may take
    int used = 0;     ///< that it took, as its outcomes say
    std::optional<TargetSignal> signal;
    std::optional<std::chrono::milliseconds> retry_after;
    LimitsLeft left;
  };

  // Admission (lane_admission.cpp).
  bool wants_page() const;
  bool wants_backlog() const;
  std::size_t room() const;
  /// Room for which reading a page is worth it: a quarter of the window.
  std::size_t page_worth() const;
  Result<void> read_on(BacklogSource& source);
  Result<void> admit_on_record(BacklogSource& source);
  Result<bool> admit_page(BacklogSource& source);
  void enter(BacklogEntry entry);
  bool maybe_sent_before(Sequence document) const;
  Sequence frontier() const;
  void park(std::vector<Action>& actions);
  void save_frontier(std::vector<Action>& actions);

  // Live trade before the backlog (lane_live.cpp).
  void move_live_window();
  bool wants_live_documents() const;
  bool wants_live_page() const;
  Result<void> admit_live(BacklogSource& source);
  bool may_overtake(const BacklogEntry& entry) const;
  Claim claim_of(const Delivery& delivery) const;
  bool is_live(const Delivery& delivery) const { return live_.is_live(delivery.key.document); }
  void reserve_live(Sequence document, std::vector<Action>& actions);
  void join_reserved_ahead(std::vector<Action>& actions);

  // Sending (lane_sending.cpp).
  /// Deliveries that can be under way at once.
  std::size_t under_way_max() const {
    return static_cast<std::size_t>(options_.concurrency) * static_cast<std::size_t>(options_.batch_max);
  }
  void dispatch(std::vector<Action>& actions);
  bool has_slot() const;
  Delivery* probe_candidate() const;
  /// Whose turn it is, the next best behind it; either may be missing.
  std::array<Delivery*, 2> candidates() const;
  /// Starts it, unless it has to wait for a reservation or for its pace.
  bool try_start(Delivery& first, std::vector<Action>& actions);
  int cost(Delivery& first) const;
  bool reserve_day(int requests, std::vector<Action>& actions);
  /// Whether it is looked up, not sent, when its turn comes (I3).
  bool must_ask(const Delivery& delivery) const;
  bool may_send(const Delivery& delivery) const;
  bool reserve_for(const Delivery& delivery, std::vector<Action>& actions);
  void reserve_on(std::vector<Action>& actions);
  /// How far is reserved where this document is to be sent.
  Sequence reserve_through(Sequence document) const;
  void reserve_beyond(Sequence document, std::vector<Action>& actions);
  std::int64_t reserve_ahead() const;
  void start(Delivery& first, int charged, std::vector<Action>& actions);
  std::vector<Delivery*> batch(Delivery& first) const;

  // Answers (lane_answers.cpp).
  Delivery& answered(const Attempt& attempt, bool look_up);
  /// `outcome`: nothing where the part was not attempted.
  void finish_part(std::uint64_t request, const Outcome* outcome, TargetSignal signal);
  void delay(Delivery& delivery, const Outcome& outcome, bool at_once);
  void release_target_waiters();
  void settle(Delivery& delivery);
  void quarantine(Delivery& delivery);
  void put_on_record(Delivery& delivery);
  void release_quarantined(Delivery& delivery);
  void due_at(Delivery& delivery, SteadyTime due);
  void unplace(Delivery& delivery);
  void place_all(const std::vector<KeyUser*>& users);
  std::size_t& counter(Delivery::Counted counted);

  using InOrder = std::set<Delivery*, JournalOrder>;

  // Constant after construction.
  const std::string name_;
  const LaneOptions options_;
  const Sequence maybe_sent_through_;  ///< unsettled up to here: may have been sent by the process before
  const std::vector<SequenceRange> maybe_sent_ahead_;  ///< and in these
  const Sequence started_from_;                        ///< the frontier at the start
  Shared& shared_;

  SteadyTime now_{};
  Sequence head_;
  bool paused_;

  // What is in memory.
  std::map<DeliveryKey, Delivery> deliveries_;
  KeyTable keys_;
  InOrder ready_;                                     ///< due, waits for nothing but its turn
  std::set<std::pair<SteadyTime, Delivery*>> timed_;  ///< waits for a time
  InOrder waits_for_target_;  ///< part of timed_: waits because the target failed, not for its own sake
  InOrder absent_;  ///< a look-up did not find them; where requests are few they go first, while that is true
  InOrder quarantined_;
  InOrder off_record_;  ///< no state row in the journal: they hold the frontier back
  std::size_t held_ = 0;
  std::size_t needing_ = 0;
  std::size_t sendable_ = 0;

  // How far the backlog has been read.
  Sequence cursor_;
  Sequence saved_frontier_;
  bool on_record_read_ = false;
  bool source_is_dry_ = false;  ///< the last page brought nothing; until the head moves
  SteadyTime read_again_at_ = SteadyTime::min();
  LiveWindow live_;
  std::size_t live_count_ = 0;  ///< in memory
  bool live_is_dry_ = false;

  // Sending.
  std::unordered_map<std::uint64_t, Request> requests_;
  std::uint64_t last_request_ = 0;
  Sequence reserved_;
  bool reserving_ = false;
  std::vector<SequenceRange> reserved_ahead_;  ///< ascending
  bool reserving_ahead_ = false;
  Sequence sent_through_;  ///< the last document that was sent in its order
  Backoff backoff_;
  Breaker breaker_;
  Pace pace_;
  std::chrono::nanoseconds day_owed_at_start_;
  SteadyTime day_reserved_ = SteadyTime::min();  ///< the day's requests may be used up so far
  bool reserving_day_ = false;
  int live_turn_ = 0;                        ///< live ones started since the backlog had its turn
  std::optional<DeliveryKey> failed_probe_;  ///< others get their turn before it is the probe again
};

}  // namespace tillsync
