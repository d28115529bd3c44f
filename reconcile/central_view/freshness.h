// Which business days must be read back from central, and whether what is held is as new as the deliveries.
// For the reconcile loop and for reports; they read the journal and the view and talk to nobody.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "outbox/journal/reader.h"
#include "reconcile/central_view/central_view.h"
#include "reconcile/central_view/read_back.h"

namespace tillsync {

/// Days with a delivery on `target` that is newer than the day's last read-back, oldest first: what the loop
/// reads. Where there is none, the target's watermark moves to the journal's head, so that the next call
/// looks only at what came since (on a view opened for writing).
Result<std::vector<BusinessDay>> days_to_read(JournalReader& reader, CentralView& view,
                                              const std::string& target);

/// Days of `from` to `to` that a report on them wants read: those with a delivery newer than their read-back,
/// and those with documents that were never read back at all.
Result<std::vector<BusinessDay>> stale_days(JournalReader& reader, CentralView& view,
                                            const std::string& target, BusinessDay from, BusinessDay to);
/// stale_days() is empty.
Result<bool> is_fresh(JournalReader& reader, CentralView& view, const std::string& target, BusinessDay from,
                      BusinessDay to);

/// Whether the sequences that the view knows are this journal's. A view that knows none yet is anybody's.
Result<bool> is_of_journal(JournalReader& reader, CentralView& view);
/// The same for a place that a cache noted; nothing: it knows none yet.
Result<bool> is_of_journal(JournalReader& reader, const std::optional<JournalPlace>& place);
/// What is_of_journal() will ask for: the journal's head.
Result<void> remember_journal(JournalReader& reader, CentralView& view);

/// One day of one target, from the journal's head to the committed view. `last`: of the days that are read
/// next. Errors as ReadBack::run().
Result<ReadBackMark> read_back_day(JournalReader& reader, ReadBack& read_back, ReadBackPort& port,
                                   const std::string& target, BusinessDay day, BusinessDay last,
                                   const ReadBackUntil& until);

}  // namespace tillsync
