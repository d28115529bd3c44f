// A copy of the journal, consistent while the store trades.
#pragma once

#include <string>

#include "outbox/journal/reader.h"
#include "platform/base/files.h"

namespace tillsync {

/// Copies the journal as it stands now into the new folder `into` (as its journal.db), so that the copy can
/// be verified, read or run like any journal. Durable where it returns ok; whatever happens on the way, a
/// journal.db that is there is whole. kInvalid `backup-exists` where there is one already; kStorage.
Result<void> backup_journal(JournalReader& reader, const std::string& into, Files& files = system_files());

}  // namespace tillsync
