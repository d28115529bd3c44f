// Live trade before a backlog: which documents count as live, and what they may not overtake (I4).
//
// A lane that has been behind for a while sends what was recorded in the last minute or two before the rest.
// What it has not read of its backlog is known by its ordering keys alone; whatever might depend on any of it
// waits for its place in the order. Plain values, single-threaded, bounded (I8).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "outbox/delivery/backlog_source.h"
#include "platform/base/time.h"

namespace tillsync {

struct LiveWindowLimits {
  std::chrono::milliseconds after{5'000};  ///< a lane that is behind for so long tells live from backlog
  std::chrono::milliseconds span{60'000};  ///< what was recorded in the last one to two spans is live
  std::size_t deliveries_max = 1'024;      ///< live ones in memory, beside the window
  std::size_t keys_max = 200'000;          ///< of the unread backlog; beyond them nothing overtakes it
};

class LiveWindow {
 public:
  explicit LiveWindow(const LiveWindowLimits& limits) : limits_(limits) {}

  /// Lets the time pass. `cursor`: how far the backlog has been read in order. `behind`: there is more than
  /// can be under way; `flows`: the target takes what is sent. True where other documents are live now.
  bool time_is(SteadyTime now, Sequence head, Sequence cursor, bool behind, bool flows);

  bool on() const { return on_; }
  bool is_live(Sequence document) const { return on_ && document > from_; }
  /// Everything after it is live.
  Sequence from() const { return from_; }
  /// Where live documents are read on; at or before the cursor where nothing unread lies between.
  Sequence position() const { return position_; }
  /// Everything up to `through` has been read, or been left to its place with add().
  void read_to(Sequence through) { position_ = known_through_ = through; }
  /// The first document of the stretch that is read without a gap: what is reserved for sending begins here.
  Sequence stretch_from() const { return stretch_from_; }

  /// Which part of the backlog up to position() is still to be looked at before anything overtakes it:
  /// documents after this; nothing where all is known.
  std::optional<Sequence> unknown_after(Sequence cursor) const;
  /// What read_keys() found, and how far it looked.
  void add(const BacklogKeys& keys);
  /// A document that stays where it is, in the unread backlog.
  void add(const std::vector<OrderingKey>& keys, Sequence document);
  /// More keys than may be kept: nothing overtakes until the lane has caught up.
  bool full() const { return behind_.size() > limits_.keys_max; }

  /// Whether nothing in the backlog after `cursor` has to reach the target before it.
  bool may_overtake(const BacklogEntry& entry, Sequence cursor) const;

 private:
  struct LastUse {
    Sequence exclusive;
    Sequence shared;
  };
  void note(const OrderingKey& key, Sequence document);

  const LiveWindowLimits limits_;
  bool on_ = false;
  Sequence from_, next_from_;  ///< next_from_: the head when from_ was last set
  Sequence position_, stretch_from_, known_through_;
  SteadyTime moved_at_{};
  std::optional<SteadyTime> behind_since_;
  std::unordered_map<std::uint64_t, LastUse> behind_;  ///< by key, the last use in the unread backlog
};

}  // namespace tillsync
