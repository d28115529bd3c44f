// JournalReader: a call that meets damage tells of it.
#include "outbox/journal/reader_impl.h"

namespace tillsync {

void JournalReader::note(const Error& error) const {
  if (error.kind == ErrorKind::kCorrupt && impl_->on_damage) impl_->on_damage(error);
}

Result<JournalHead> JournalReader::head() {
  return noted(try_head());
}

Result<JournalCounts> JournalReader::counts() {
  return noted(try_counts());
}

Result<std::optional<StoredDocument>> JournalReader::find(const std::string& id) {
  return noted(try_find(id));
}

Result<std::optional<StoredDocument>> JournalReader::load(Sequence sequence) {
  return noted(try_load(sequence));
}

Result<std::optional<StoredDocument>> JournalReader::load_version(const DeliveryKey& delivery) {
  return noted(try_load_version(delivery));
}

Result<std::vector<DeliveryView>> JournalReader::deliveries(Sequence document) {
  return noted(try_deliveries(document));
}

Result<DocumentStatus> JournalReader::status(Sequence document) {
  return noted(try_status(document));
}

Result<std::vector<RawRecord>> JournalReader::history(Sequence document) {
  return noted(try_history(document));
}

Result<std::vector<QuarantineEntry>> JournalReader::quarantine(std::size_t limit) {
  return noted(try_quarantine(limit));
}

Result<std::optional<StoredDocument>> JournalReader::oldest_open() {
  return noted(try_oldest_open());
}

Result<std::optional<StoredDocument>> JournalReader::oldest_sale_not_at(const std::string& target) {
  return noted(try_oldest_sale_not_at(target));
}

Result<void> JournalReader::for_each_document(BusinessDay from, BusinessDay to,
                                              const std::function<bool(const DayDocument&)>& visit) {
  return noted(try_for_each_document(from, to, visit));
}

Result<std::vector<BusinessDay>> JournalReader::business_days(BusinessDay from, BusinessDay to) {
  return noted(try_business_days(from, to));
}

Result<Sequence> JournalReader::last_delivery(BusinessDay day, const std::string& target) {
  return noted(try_last_delivery(day, target));
}

Result<std::vector<BusinessDay>> JournalReader::days_delivered_after(const std::string& target,
                                                                     Sequence after) {
  return noted(try_days_delivered_after(target, after));
}

Result<std::vector<JournaledDecision>> JournalReader::decisions(BusinessDay from, BusinessDay to) {
  return noted(try_decisions(from, to));
}

Result<std::vector<RecoveredFact>> JournalReader::recoveries() {
  return noted(try_recoveries());
}

Result<std::vector<RawRecord>> JournalReader::records(Sequence after, std::size_t limit) {
  return noted(try_records(after, limit));
}

}  // namespace tillsync
