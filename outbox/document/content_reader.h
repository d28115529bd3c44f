// Reads the members that a document type has beside the common ones (CONTRACT section 1). Internal to this
// folder.
#pragma once

#include <optional>

#include "outbox/document/object_reader.h"

namespace tillsync {

/// Reads the content of `type`. Money is checked against the currency's minor unit where that is known.
Content read_content(DocumentType type, std::optional<int> currency_decimals, ObjectReader& body);

}  // namespace tillsync
