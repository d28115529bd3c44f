// A document as bytes in the journal: one format byte, then a cereal portable-binary archive.
#pragma once

#include <string>
#include <string_view>

#include "outbox/document/document.h"

namespace tillsync {

/// The format written now. Every older one stays readable: journals outlive programs.
inline constexpr unsigned char kDocumentFormat = 1;

std::string encode_document(const Document& document);
/// kCorrupt for bytes that are no document; `unknown-format` where a newer version wrote them. Never throws,
/// allocates no more than a small multiple of `bytes`.
Result<Document> decode_document(std::string_view bytes);

}  // namespace tillsync
