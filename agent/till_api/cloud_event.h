// CloudEvents 1.0, JSON format, structured and batch: an envelope around a document.
#pragma once

#include <string>
#include <variant>

#include "outbox/document/validation.h"
#include "outbox/journal/facts.h"

namespace tillsync {

/// The document in `event.data`. `source` and `id` of the event are its terminal and id, and may be left out
/// in `data`; where both are given they must agree. Faults carry pointers into the event.
std::variant<Document, Refusal> document_of_event(const json::Value& event, const StoreDefaults& store);
/// The event's traceparent extension attribute, "" where it has none or one that is not well-formed: as with
/// the header, what is kept is never any text of a till's choice.
std::string traceparent_of_event(const json::Value& event);

}  // namespace tillsync
