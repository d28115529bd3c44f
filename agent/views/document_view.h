// One document as both APIs show it, and its whole story as `explain` tells it (I10).
#pragma once

#include <optional>
#include <string>

#include "outbox/journal/reader.h"
#include "platform/json/json.h"

namespace tillsync {

/// GET /v1/documents/{id}: JSON text, or nothing where there is no such document.
Result<std::optional<std::string>> document_view(JournalReader& reader, const std::string& id);

/// Everything the journal knows of a document, oldest first:
/// {"id","sequence","status","deliveries":[...],"events":[{"at","sequence", "event",...}]}. Nothing where
/// there is no such document.
Result<std::optional<json::Value>> document_story(JournalReader& reader, const std::string& id);

/// A record for export: {"sequence","kind","recorded_at","document","hash","body" (base64, what the hash
/// covers),"content"}.
Result<json::Value> record_view(const RawRecord& record);

}  // namespace tillsync
