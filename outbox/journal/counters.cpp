#include "outbox/journal/counters.h"

namespace tillsync::counters {
namespace {

std::string join(std::string_view a, std::string_view b) {
  std::string name(a);
  name += ':';
  name += b;
  return name;
}

}  // namespace

std::string of_status(DocumentStatus status) {
  return join("status", status_name(status));
}
std::string of_type(DocumentType type) {
  return join("type", type_name(type));
}
std::string owed(std::string_view target) {
  return join("owed", target);
}
std::string delivered(std::string_view target) {
  return join("delivered", target);
}
std::string quarantined(std::string_view target) {
  return join("quarantined", target);
}
std::string discarded(std::string_view target) {
  return join("discarded", target);
}
std::string outcome(std::string_view target, OutcomeKind kind) {
  return join("outcome", join(outcome_name(kind), target));
}
std::string conflicts(std::string_view kind) {
  return join("conflict", kind);
}
std::string open_conflicts(std::string_view kind) {
  return join("conflict_open", kind);
}

void apply(JournalCounts& counts, std::string_view name, std::int64_t delta) {
  const auto colon = name.find(':');
  if (colon == std::string_view::npos) return;
  const auto group = name.substr(0, colon);
  const auto rest = name.substr(colon + 1);
  if (group == "status") {
    for (int i = 0; i < kDocumentStatusCount; ++i) {
      if (status_name(static_cast<DocumentStatus>(i)) == rest) counts.by_status[i] += delta;
    }
  } else if (group == "type") {
    counts.documents_by_type[std::string(rest)] += delta;
  } else if (group == "owed") {
    counts.targets[std::string(rest)].owed += delta;
  } else if (group == "delivered") {
    counts.targets[std::string(rest)].delivered += delta;
  } else if (group == "quarantined") {
    counts.targets[std::string(rest)].quarantined += delta;
  } else if (group == "discarded") {
    counts.targets[std::string(rest)].discarded += delta;
  } else if (group == "conflict") {
    counts.conflicts[std::string(rest)] += delta;
  } else if (group == "conflict_open") {
    counts.open_conflicts[std::string(rest)] += delta;
  } else if (group == "outcome") {
    if (const auto second = rest.find(':'); second != std::string_view::npos) {
      counts.targets[std::string(rest.substr(second + 1))].outcomes[std::string(rest.substr(0, second))] +=
          delta;
    }
  }
}

}  // namespace tillsync::counters
