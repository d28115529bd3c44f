#include "outbox/document/sorted_form.h"

#include "outbox/document/canonical.h"
#include "platform/json/json.h"
#include "platform/json/sorted.h"

namespace tillsync {
namespace {

/// A document's own nesting and its envelope's.
constexpr json::ParseLimits kLimits{.depth_max = 64};

/// What the till wrote into it is in the till's own form.
bool has_free_objects(const Document& document) {
  return document.extensions.has_value() || std::holds_alternative<CustomerUpdate>(document.content);
}

}  // namespace

std::string sorted_json(const Document& document) {
  const std::string canonical = canonical_json(document);
  if (!has_free_objects(document)) {
    if (auto sorted = json::sorted_members(canonical)) return std::move(*sorted);
  }
  const auto parsed = json::parse(canonical, kLimits);
  return parsed ? json::dump_normalized(*parsed) : canonical;
}

}  // namespace tillsync
