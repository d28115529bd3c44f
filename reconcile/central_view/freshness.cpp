#include "reconcile/central_view/freshness.h"

namespace tillsync {
namespace {

/// Whether a delivery of the day came after its last read-back.
Result<bool> is_behind(JournalReader& reader, CentralView& view, const std::string& target, BusinessDay day) {
  auto last = reader.last_delivery(day, target);
  if (!last) return last.error();
  auto mark = view.mark(target, day);
  if (!mark) return mark.error();
  return last->value > 0 && (!*mark || (*mark)->journal_sequence < *last);
}

}  // namespace

Result<std::vector<BusinessDay>> days_to_read(JournalReader& reader, CentralView& view,
                                              const std::string& target) {
  auto head = reader.head();  // before the look: what comes during it is above the watermark
  if (!head) return head.error();
  auto watermark = view.watermark(target);
  if (!watermark) return watermark.error();
  auto candidates = reader.days_delivered_after(target, *watermark);
  if (!candidates) return candidates.error();
  std::vector<BusinessDay> days;
  for (const BusinessDay day : *candidates) {
    auto behind = is_behind(reader, view, target, day);
    if (!behind) return behind.error();
    if (*behind) days.push_back(day);
  }
  if (days.empty() && head->sequence > *watermark && view.is_writable()) {
    if (auto moved = view.set_watermark(target, head->sequence); !moved) return moved.error();
  }
  return days;
}

Result<std::vector<BusinessDay>> stale_days(JournalReader& reader, CentralView& view,
                                            const std::string& target, BusinessDay from, BusinessDay to) {
  auto documented = reader.business_days(from, to);
  if (!documented) return documented.error();
  std::vector<BusinessDay> days;
  for (const BusinessDay day : *documented) {
    auto mark = view.mark(target, day);
    if (!mark) return mark.error();
    auto behind = is_behind(reader, view, target, day);
    if (!behind) return behind.error();
    if (!*mark || *behind) days.push_back(day);
  }
  return days;
}

Result<bool> is_fresh(JournalReader& reader, CentralView& view, const std::string& target, BusinessDay from,
                      BusinessDay to) {
  auto days = stale_days(reader, view, target, from, to);
  if (!days) return days.error();
  return days->empty();
}

Result<bool> is_of_journal(JournalReader& reader, CentralView& view) {
  auto place = view.journal_place();
  if (!place) return place.error();
  return is_of_journal(reader, *place);
}

Result<bool> is_of_journal(JournalReader& reader, const std::optional<JournalPlace>& place) {
  if (!place) return true;
  const Sequence at = place->sequence;
  auto head = reader.head();
  if (!head) return head.error();
  if (head->sequence < at) return false;
  auto records = reader.records(Sequence{at.value - 1}, 1);
  if (!records) return records.error();
  // Retention may have removed it.
  return records->empty() || records->front().sequence != at || records->front().hash_hex == place->hash_hex;
}

Result<void> remember_journal(JournalReader& reader, CentralView& view) {
  auto head = reader.head();
  if (!head) return head.error();
  if (head->sequence.value == 0) return ok();
  return view.set_journal_place({head->sequence, to_hex(head->hash)});
}

Result<ReadBackMark> read_back_day(JournalReader& reader, ReadBack& read_back, ReadBackPort& port,
                                   const std::string& target, BusinessDay day, BusinessDay last,
                                   const ReadBackUntil& until) {
  auto head = reader.head();
  if (!head) return head.error();
  // Whether central has digests at all decides what is reckoned of the journal.
  auto central = read_back.digest(port, target, day, last, until);
  if (!central) return central.error();
  auto sent = SentOfDay::load(reader, target, day, *central ? read_back.store_id() : std::string());
  if (!sent) return sent.error();
  return read_back.run(port, **sent, target, day, head->sequence, until, *central);
}

}  // namespace tillsync
