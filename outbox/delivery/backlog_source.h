// The port through which the scheduler reads what is owed, a page at a time, in journal order. Nothing else
// of the journal is known to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "outbox/delivery/delivery_state.h"
#include "outbox/delivery/outgoing_document.h"
#include "outbox/planner/planner.h"
#include "platform/base/ids.h"
#include "platform/base/time.h"

namespace tillsync {

/// An unsettled delivery as the journal has it.
struct BacklogEntry {
  DeliveryKey key;
  std::vector<OrderingKey> keys;
  /// Steps of the same document that must be settled before, and are not yet. A step that a person discarded
  /// is settled: the person has decided, and nothing waits for it.
  std::vector<std::string> needs;
  DeliveryState state = DeliveryState::kPending;
  int attempts = 0;
  bool on_record = false;  ///< the journal holds a state row for it (it was attempted, or parked)
  UtcTime recorded_at{};   ///< of the document
  /// What its first attempt sends, where the source had it at hand and has room to keep it. Only of one that
  /// is not on record: what is may have been amended.
  std::shared_ptr<const OutgoingDocument> document = nullptr;
  // Of read_live() alone.
  bool overtakes = false;         ///< it is of a kind that may go before earlier documents, as its keys allow
  std::vector<Sequence> follows;  ///< documents of this store that it names and that are not settled yet
};

struct BacklogPage {
  std::vector<BacklogEntry> entries;  ///< unsettled deliveries of the target, by sequence
  Sequence through;                   ///< everything up to here has been looked at
};

/// What later documents may have to wait for, in a stretch of the backlog.
struct BacklogKeys {
  struct Use {
    OrderingKey key;
    Sequence document;
  };
  std::vector<Use> uses;
  Sequence through;  ///< everything up to here has been looked at
};

class BacklogSource {
 public:
  virtual ~BacklogSource() = default;
  /// Unsettled deliveries of `target` in documents with sequence > `after`, looking at no more than
  /// `documents_max` documents. What was told to the scheduler as an outcome before this call is reflected in
  /// it.
  virtual Result<BacklogPage> read(const std::string& target, Sequence after, std::size_t documents_max) = 0;
  /// Unsettled deliveries of `target` that are on record, in documents with sequence <= `through` (at most
  /// `limit`, by sequence).
  virtual Result<std::vector<BacklogEntry>> read_on_record(const std::string& target, Sequence through,
                                                           std::size_t limit) = 0;
  /// As read(), each entry with what decides whether it may go before an unread backlog.
  virtual Result<BacklogPage> read_live(const std::string& target, Sequence after,
                                        std::size_t documents_max) = 0;
  /// Ordering keys of documents with sequence in (`after`, `through`], amended forms as well; at most those
  /// of `documents_max` documents. Of sales, adjustments and transfers none: they share their SKUs, and who
  /// names a sale has it in `follows`.
  virtual Result<BacklogKeys> read_keys(const std::string& target, Sequence after, Sequence through,
                                        std::size_t documents_max) = 0;
};

}  // namespace tillsync
