#include "reconcile/central_view/reference.h"

#include "outbox/document/validation.h"

namespace tillsync {

std::string document_reference(std::string_view store, std::string_view id) {
  std::string reference(store);
  reference += '/';
  reference += id;
  return reference;
}

std::optional<std::string_view> document_id_of(std::string_view reference, std::string_view store) {
  if (!reference.starts_with(store)) return std::nullopt;
  reference.remove_prefix(store.size());
  if (!reference.starts_with('/')) return std::nullopt;
  reference.remove_prefix(1);
  if (!is_document_id(reference)) return std::nullopt;
  return reference;
}

}  // namespace tillsync
