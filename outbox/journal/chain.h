// The hash chain (I7): each record's hash covers the one before it, so that a changed, missing or reordered
// record shows.
#pragma once

#include <optional>
#include <string_view>

#include "outbox/journal/facts.h"
#include "platform/base/time.h"
#include "platform/crypto/sha256.h"

namespace tillsync {

/// SHA-256 over: the hash of the record before (32 zero bytes for the first), then, each 8 bytes big-endian,
/// sequence, kind, recorded_at (microseconds since 1970), the document it is about (0 for none), then the
/// body.
Sha256Digest chain_hash(const Sha256Digest& previous, Sequence sequence, RecordKind kind, UtcTime recorded_at,
                        std::optional<Sequence> document, std::string_view body);

}  // namespace tillsync
