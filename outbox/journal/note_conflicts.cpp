#include "outbox/journal/note_conflicts.h"

#include <future>
#include <memory>
#include <utility>

#include "outbox/journal/journal.h"

namespace tillsync {
namespace {

/// In one commit: a till's post may have to wait for it.
constexpr std::size_t kConflictsAtOnceMax = 256;

Result<void> note(JournalQueue& journal, std::vector<ConflictFact> part) {
  auto done = std::make_shared<std::promise<Result<void>>>();
  auto durable = done->get_future();
  journal.run(
      [part = std::move(part)](Journal& writer) -> Result<void> {
        for (const auto& fact : part) {
          if (auto noted = writer.note_conflict(fact); !noted) return noted.error();
        }
        return ok();
      },
      [done](Result<void> result) { done->set_value(std::move(result)); });
  return durable.get();
}

}  // namespace

Result<void> note_conflicts(JournalQueue& journal, std::vector<ConflictFact> found) {
  std::vector<ConflictFact> part;
  for (auto& fact : found) {
    part.push_back(std::move(fact));
    if (part.size() < kConflictsAtOnceMax) continue;
    if (auto noted = note(journal, std::exchange(part, {})); !noted) return noted;
  }
  return part.empty() ? ok() : note(journal, std::move(part));
}

}  // namespace tillsync
