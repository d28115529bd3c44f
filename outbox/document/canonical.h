// The canonical form: what central gets, and what decides whether two posts are the same document.
#pragma once

#include <string>

#include "outbox/document/document.h"
#include "platform/crypto/sha256.h"

namespace tillsync {

/// JSON with members in the model's order and defaults filled in; amounts with at least the currency's
/// minor-unit decimals, quantities without trailing zeros, both as strings; absent optional members left out
/// (a null customer is an absent one); `extensions`, `changes` and `base` as the till wrote them.
std::string canonical_json(const Document& document);

/// SHA-256 of the canonical form with the free objects normalized (json::dump_normalized): equal for
/// documents that are the same in the contract's sense.
Sha256Digest content_digest(const Document& document);

}  // namespace tillsync
