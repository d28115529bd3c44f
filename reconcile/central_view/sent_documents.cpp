#include "reconcile/central_view/sent_documents.h"

#include "outbox/document/canonical.h"

namespace tillsync {

Result<std::unique_ptr<SentOfDay>> SentOfDay::load(JournalReader& reader, const std::string& target,
                                                   BusinessDay day, const std::string& store) {
  std::unique_ptr<SentOfDay> sent(new SentOfDay(reader, target, day));
  if (!store.empty()) {
    sent->rows_.emplace(store);
    auto last = reader.last_delivery(day, target);
    if (!last) return last.error();
    sent->last_delivery_ = *last;
  }
  auto read = reader.for_each_document(day, day, [&](const DayDocument& document) {
    sent->take(document);
    return true;
  });
  if (!read) return read.error();
  if (auto taken = sent->take_amendments(); !taken) return taken.error();
  if (sent->rows_) sent->rows_->seal();
  return sent;
}

void SentOfDay::take(const DayDocument& document) {
  const StoredDocument& stored = document.stored;
  const auto [entry, added] =
      by_id_.emplace(stored.document.id,
                     SentContent{stored.sequence, stored.document.type, content_digest(stored.document)});
  for (const DeliveryView& delivery : document.deliveries) {
    if (delivery.target != target_) continue;
    const bool delivered = delivery.state == DeliveryState::kDelivered;
    if (delivery.version) {
      amendments_.emplace(std::pair(stored.document.id, delivery.step),
                          Amendment{*delivery.version, delivered});
    } else if (rows_ && delivered) {
      rows_->add(entry->first, entry->second, delivery.step, stored.document);
    }
    if (rows_ && is_open(delivery.state)) rows_->add_open();
  }
}

Result<void> SentOfDay::take_amendments() {
  for (const auto& [key, amendment] : amendments_) {
    const auto posted = by_id_.find(key.first);
    auto stored = reader_.load_version(DeliveryKey{posted->second.version, key.second});
    if (!stored) return stored.error();
    if (!*stored) continue;
    // An amendment keeps the type.
    const Document& document = (*stored)->document;
    const auto entry =
        amended_.emplace(key, SentContent{amendment.version, document.type, content_digest(document)}).first;
    if (rows_ && amendment.delivered) rows_->add(posted->first, entry->second, key.second, document);
  }
  amendments_.clear();
  return ok();
}

Result<bool> SentOfDay::moving() {
  if (!rows_ || rows_->open() > 0) return true;
  auto last = reader_.last_delivery(day_, target_);
  if (!last) return last.error();
  return *last != last_delivery_;
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
