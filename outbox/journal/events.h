// What became of deliveries, for who follows the journal: outcomes, and decisions about documents.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "outbox/journal/reader.h"

namespace tillsync {

struct JournaledEvent {
  Sequence sequence;
  UtcTime recorded_at{};
  std::variant<OutcomeFact, DecisionFact> fact;
  std::string document_id;
  DocumentType type = DocumentType::kSale;
  std::string terminal;
  DocumentStatus status = DocumentStatus::kJournaled;  ///< the document's, as of the reading
};

struct EventPage {
  std::vector<JournaledEvent> events;  ///< oldest first
  Sequence through;                    ///< what was looked at: every event up to here is in this page
  bool more = false;                   ///< false: that is the journal's end
};

/// Events with sequence > after: at most `events_max` of them, out of at most `records_max` records, so that
/// a call far behind the head takes no longer than another. One state of the journal.
Result<EventPage> read_events(JournalReader& reader, Sequence after, std::size_t events_max,
                              std::size_t records_max);

}  // namespace tillsync
