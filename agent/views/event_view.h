// What a reader of events is told: what became of a delivery, and of which document. Nothing that a till or a
// target wrote in its own words (I9): GET /v1/documents/{id} has those.
#pragma once

#include "outbox/journal/events.h"
#include "platform/json/json.h"

namespace tillsync {

/// {"sequence","at","document","type","terminal","target","step",...,"status"}: of an outcome with "attempt",
/// "outcome" and, where there are such, "http_status" and "central_reference"; of a decision with "decision".
json::Value event_view(const JournaledEvent& event);
/// As a server-sent event (HTML standard, section 9.2): its id is the record's sequence, its name "outcome"
/// or "decision", its data event_view().
void append_event(std::string& out, const JournaledEvent& event);

}  // namespace tillsync
