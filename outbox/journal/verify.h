// Walking the chain (I7): is every record what was written, in its place, and are the derived tables true to
// it?
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "outbox/journal/reader.h"

namespace tillsync {

struct Verification {
  bool whole = true;
  std::int64_t records = 0;           ///< records that were read and found right
  JournalHead head;                   ///< as the journal says
  std::optional<Sequence> first_bad;  ///< the first at which the chain does not hold, where that can be told
  std::string reason;                 ///< what is wrong there
  /// The records are whole, and the tables derived from them differ: nothing is lost; the cure is `tillsync
  /// journal recover`, which makes them anew. Then `reason` names table and key, and first_bad is empty.
  bool derived_differ = false;
  /// What earlier recoveries from damage could not carry over. The chain over the rest holds.
  std::vector<RecoveredFact> recovered;

  std::int64_t lost_records() const;
};

/// Reads the whole journal, as it stood at the call: the chain, every derived table against what the records
/// add up to, and the database's own structure. Memory does not grow with the records. `progress` gets the
/// sequence reached now and then. An error where it cannot be read at all; a broken chain is an answer.
/// `stop`, once true, ends it with kUnavailable `stopped`.
Result<Verification> verify_journal(JournalReader& reader, const std::function<void(Sequence)>& progress = {},
                                    const std::atomic<bool>* stop = nullptr);

/// The quick form, for before a start: the head, and the chain over the last `records` records (the hash
/// before them is taken as it stands).
Result<Verification> verify_journal_end(JournalReader& reader, std::int64_t records);

}  // namespace tillsync
