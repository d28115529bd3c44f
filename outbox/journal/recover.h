// A fresh journal out of a damaged one: everything that the hash chain proves, and a record of what is lost.
// An operator's word, offline: the caller holds the journal's lock.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "outbox/journal/reader.h"

namespace tillsync {

/// Beside the journal while a recovery puts its result in place; names the folder of the damaged files. With
/// it there the journal must not be used: `tillsync journal recover` ends what was begun.
inline constexpr const char* kRecoveryMark = "recovering";

struct RecoverOptions {
  std::string folder;  ///< the damaged journal's
  std::string into;    ///< where the result goes; "": in place, the damaged files into a sub-folder
  std::string reason;  ///< what the operator says, kept in the journal
  std::string by;
};

struct Recovery {
  bool needed = true;             ///< false: the journal was whole, and was left as it is
  bool finished_earlier = false;  ///< only the end of an interrupted recovery was left to do
  std::int64_t carried = 0;       ///< records
  std::int64_t documents = 0;     ///< of these
  std::vector<PrunedRange> lost;
  bool end_unknown = false;  ///< the damaged head could not be read: more may have followed
  std::string aside;         ///< path of the folder with the damaged files; "" where they stay
  JournalHead head;          ///< of the result
};

/// Carries over, with their sequences and hashes, all records whose own hash verifies against the stored hash
/// before it; the ranges between are lost, and a `recovered` record tells of them. Derived tables are made
/// anew. Nothing is deleted, and nothing in place changes before the result is complete and verified: an
/// interruption leaves the journal as it was, or marked for the next call to finish. kCorrupt
/// `nothing-readable` where no record can be proven; kInvalid where it is no journal, a newer version's, or
/// `into` has one; kStorage.
Result<Recovery> recover_journal(const RecoverOptions& options, const Clock& clock,
                                 const std::function<void(Sequence)>& progress = {});

}  // namespace tillsync
