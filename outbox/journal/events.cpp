#include "outbox/journal/events.h"

#include "outbox/journal/reader_impl.h"

namespace tillsync {
namespace {

/// A fact about a delivery as an event; nothing where its document is gone.
Result<std::optional<JournaledEvent>> event_of(JournalReader& reader, const sqlite::Statement& row) {
  const Sequence document{row.integer(3)};
  auto stored = reader.load(document);
  if (!stored) return stored.error();
  if (!*stored) return std::optional<JournaledEvent>();
  auto status = reader.status(document);
  if (!status) return status.error();
  JournaledEvent event;
  event.sequence = Sequence{row.integer(0)};
  event.recorded_at = UtcTime(std::chrono::microseconds(row.integer(2)));
  event.document_id = (*stored)->document.id;
  event.type = (*stored)->document.type;
  event.terminal = (*stored)->document.terminal;
  event.status = *status;
  const std::string_view body = row.blob_view(4);
  if (static_cast<RecordKind>(row.integer(1)) == RecordKind::kOutcome) {
    auto fact = decode_outcome(document, body);
    if (!fact) return fact.error();
    event.fact = std::move(*fact);
  } else {
    auto fact = decode_decision(document, body);
    if (!fact) return fact.error();
    event.fact = std::move(*fact);
  }
  return std::optional(std::move(event));
}

Result<EventPage> read_page(JournalReader& reader, Sequence after, std::size_t events_max,
                            std::size_t records_max) {
  // Bodies of other kinds are not read: a document's may be a mebibyte.
  auto select = reader.impl().database.prepare(
      "SELECT sequence, kind, recorded_at, document, CASE WHEN kind IN (2, 3) THEN body END FROM record "
      "WHERE sequence > ? ORDER BY sequence LIMIT ?");
  if (!select) return select.error();
  select->bind(1, after.value).bind(2, static_cast<std::int64_t>(records_max));
  EventPage page;
  page.through = after;
  for (std::size_t records = 0;; ++records) {
    auto row = select->step();
    if (!row) return row.error();
    page.more = records == records_max;
    if (!*row) return page;
    page.more = page.events.size() == events_max;
    if (page.more) return page;
    page.through = Sequence{select->integer(0)};
    const auto kind = static_cast<RecordKind>(select->integer(1));
    const bool told = kind == RecordKind::kOutcome || kind == RecordKind::kDecision;
    if (!told || select->is_null(3)) continue;
    auto event = event_of(reader, *select);
    if (!event) return event.error();
    if (*event) page.events.push_back(std::move(**event));
  }
}

}  // namespace

Result<EventPage> read_events(JournalReader& reader, Sequence after, std::size_t events_max,
                              std::size_t records_max) {
  return reader.noted(
      reader.impl().in_one_state([&] { return read_page(reader, after, events_max, records_max); }));
}

}  // namespace tillsync
