// The damaged mode: the journal is not what was written, so nothing is stored and nothing is delivered, and
// everyone is told, until a person has recovered it.
#pragma once

#include <memory>

#include "config/settings.h"
#include "outbox/journal/journal.h"

namespace tillsync {

/// Opens the journal where it is sound as far as a start can tell: it opens, no recovery of it is unfinished,
/// and its last records hold (kRecordsChecked of them). Else kCorrupt, with what and the cure.
Result<std::unique_ptr<Journal>> open_sound_journal(JournalOptions options, const Clock& clock);

/// Serves both APIs until SIGTERM: posts get 503 `journal-damaged`; status, reports, stories and export come
/// from what can be read. Meanwhile the whole journal is walked, so that the log and the status tell from
/// which sequence it is damaged. Errors as run_daemon's.
Result<void> run_damaged(const Settings& settings, const Error& damage, const Clock& clock);

}  // namespace tillsync
