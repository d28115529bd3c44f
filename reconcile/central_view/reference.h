// Central's name for a document: "STORE/ID" (CONTRACT section 6).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tillsync {

std::string document_reference(std::string_view store, std::string_view id);
/// The document id in a reference of this store; nothing for another store's and for a malformed one.
std::optional<std::string_view> document_id_of(std::string_view reference, std::string_view store);

}  // namespace tillsync
