// Who waits for whom because their order matters (I4): per ordering key, its users in journal order.
//
// A shared use waits for every earlier exclusive use; an exclusive use waits for every earlier use. Uses of
// one document never wait for each other. A user stays until it is settled, quarantined ones too. Adding at
// the end and removing cost O(log n) a key, and each wait ends once: a SKU with thousands of shared users is
// never scanned. Single-threaded.
#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <unordered_map>
#include <vector>

#include "outbox/planner/planner.h"
#include "platform/base/ids.h"

namespace tillsync {

struct KeyQueue;

struct KeyUser;

struct JournalOrder {
  /// For searches: everything after a document.
  struct After {
    Sequence document;
  };
  using is_transparent = void;
  bool operator()(const KeyUser* a, const KeyUser* b) const;
  bool operator()(const KeyUser* a, After b) const;
  bool operator()(After a, const KeyUser* b) const;
};

using KeyUsers = std::set<KeyUser*, JournalOrder>;

/// What uses keys. Lives where its owner wants, at a fixed address, as long as it is in a table.
struct KeyUser {
  struct Use {
    KeyQueue* queue;
    bool exclusive;
    KeyUsers::iterator place;  ///< in the queue
  };
  DeliveryKey key;
  std::vector<Use> uses;        ///< written by KeyTable
  std::uint32_t key_waits = 0;  ///< keys on which it waits for an earlier user; written by KeyTable
};

inline bool JournalOrder::operator()(const KeyUser* a, const KeyUser* b) const {
  return a->key < b->key;
}
inline bool JournalOrder::operator()(const KeyUser* a, After b) const {
  return a->key.document <= b.document;
}
inline bool JournalOrder::operator()(After a, const KeyUser* b) const {
  return a.document < b->key.document;
}

inline constexpr Sequence kNoSequence{std::numeric_limits<std::int64_t>::max()};

/// The users of one key.
struct KeyQueue {
  using Users = KeyUsers;
  std::uint64_t hash = 0;
  Users shared;
  Users exclusive;
  /// The first held user, and the first held exclusive one (held.h keeps them): every exclusive use after the
  /// former is held, and every use after the latter.
  Sequence held_from = kNoSequence;
  Sequence held_exclusive_from = kNoSequence;
};

class KeyTable {
 public:
  /// Enters `user` with `keys` at its place in journal order. `changed` gets the other users that began to
  /// wait or wait no longer (a user may be named twice).
  void add(KeyUser& user, std::vector<OrderingKey> keys, std::vector<KeyUser*>& changed);
  /// Takes `user` out. `changed` as above.
  void remove(KeyUser& user, std::vector<KeyUser*>& changed);

  std::size_t keys() const { return queues_.size(); }

 private:
  std::unordered_map<std::uint64_t, KeyQueue> queues_;
};

}  // namespace tillsync
