// Running counts under names, as they stand in the journal's `counter` table, and as JournalCounts.
#pragma once

#include <string>
#include <string_view>

#include "outbox/journal/reader.h"

namespace tillsync::counters {

std::string of_status(DocumentStatus status);
std::string of_type(DocumentType type);
std::string owed(std::string_view target);
std::string delivered(std::string_view target);
std::string quarantined(std::string_view target);
std::string discarded(std::string_view target);
std::string outcome(std::string_view target, OutcomeKind kind);
std::string conflicts(std::string_view kind);
std::string open_conflicts(std::string_view kind);

/// Adds `delta` to the count that `name` stands for; unknown names are ignored (a newer version may have
/// more).
void apply(JournalCounts& counts, std::string_view name, std::int64_t delta);

}  // namespace tillsync::counters
