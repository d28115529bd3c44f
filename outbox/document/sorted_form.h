// The canonical form with its members in the order of their names: what row digests are made of, because
// central can make the same text of a document that it keeps in any shape.
#pragma once

#include <string>

#include "outbox/document/document.h"

namespace tillsync {

/// json::dump_normalized() of the canonical form: members sorted by name (by code point) at every level, no
/// blanks, numbers of the free objects without trailing zeros behind the point.
std::string sorted_json(const Document& document);

}  // namespace tillsync
