#include "reconcile/central_view/sent_documents.h"

#include "outbox/document/canonical.h"

namespace tillsync {

Result<std::unique_ptr<SentOfDay>> SentOfDay::load(JournalReader& reader, const std::string& target,
                                                   BusinessDay day) {
  std::unique_ptr<SentOfDay> sent(new SentOfDay(reader));
  std::map<std::pair<std::string, std::string>, Sequence> amended;
  auto read = reader.for_each_document(day, day, [&](const DayDocument& document) {
    const StoredDocument& stored = document.stored;
    sent->by_id_.emplace(stored.document.id,
                         SentContent{stored.sequence, stored.document.type, content_digest(stored.document)});
    for (const DeliveryView& delivery : document.deliveries) {
      if (delivery.target == target && delivery.version) {
        amended.emplace(std::pair(stored.document.id, delivery.step), *delivery.version);
      }
    }
    return true;
  });
  if (!read) return read.error();
  for (const auto& [key, version] : amended) {
    auto stored = reader.load_version(DeliveryKey{sent->by_id_.at(key.first).version, key.second});
    if (!stored) return stored.error();
    if (!*stored) continue;
    // An amendment keeps the type.
    const Document& document = (*stored)->document;
    sent->amended_.emplace(key, SentContent{version, document.type, content_digest(document)});
  }
  return sent;
}

Result<std::optional<SentContent>> SentOfDay::content(const std::string& id, const std::string& step) {
  if (!amended_.empty()) {
    const auto amended = amended_.find({id, step});
    if (amended != amended_.end()) return std::optional(amended->second);
  }
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::optional<SentContent>();
  return std::optional(found->second);
}

Result<std::optional<Document>> SentOfDay::document(const std::string& id, const std::string& step) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::optional<Document>();
  const Sequence sequence = found->second.version;
  auto stored = amended_.contains({id, step}) ? reader_.load_version(DeliveryKey{sequence, step})
                                              : reader_.load(sequence);
  if (!stored) return stored.error();
  if (!*stored) return std::optional<Document>();
  return std::optional<Document>(std::move((*stored)->document));
}

}  // namespace tillsync
