#include "reconcile/conflicts/detector.h"

#include "outbox/document/codec.h"
#include "reconcile/conflicts/prices.h"

namespace tillsync {
namespace {

constexpr const char* kReviewed = "documents_reviewed";

std::optional<CentralPrice> read_price(const CentralFact& fact) {
  const auto value = fact.value.empty() ? Result<json::Value>(json::Value()) : json::parse(fact.value);
  return value ? price_of(*value) : std::nullopt;
}

}  // namespace

Result<void> ConflictDetector::review_documents(Sequence through, const ReadBackUntil& until) {
  auto reviewed = parts_.trade.progress(kReviewed);
  if (!reviewed) return reviewed.error();
  for (std::size_t records = 0; *reviewed < through && records < limits_.records_max;
       records += limits_.records_at_once) {
    if (until.stop || parts_.clock.steady_now() >= until.deadline) return ok();
    auto page = parts_.reader.records(*reviewed, limits_.records_at_once);
    if (!page) return page.error();
    if (page->empty()) return ok();
    std::vector<ConflictFact> found;
    Sequence last = *reviewed;
    for (const auto& record : *page) {
      if (record.sequence > through) break;
      if (auto done = review(record, found); !done) return done.error();
      last = record.sequence;
    }
    if (last == *reviewed) return ok();
    if (auto noted = parts_.note(std::move(found)); !noted) return noted.error();
    if (auto kept = parts_.trade.set_progress(kReviewed, last); !kept) return kept.error();
    *reviewed = last;
  }
  return ok();
}

Result<void> ConflictDetector::review(const RawRecord& record, std::vector<ConflictFact>& found) {
  if (record.kind != RecordKind::kDocument) return ok();
  auto parts = decode_document_record(record.body);
  auto document = parts ? decode_document(parts->document) : Result<Document>(parts.error());
  if (!document) return parts_.reader.noted(Result<void>(document.error()));
  switch (document->type) {
    case DocumentType::kSale:
      return review_prices(record.sequence, *document, found);
    case DocumentType::kReturn:
      return review_one_return(record.sequence, *document, found);
    case DocumentType::kCustomerUpdate:
      return review_twins(record.sequence, *document, found);
    default:
      return ok();
  }
}

// The store learned of `now` after the sale and of `before` ahead of it: between the two the till could not
// know.
Result<void> ConflictDetector::review_prices(Sequence sequence, const Document& document,
                                             std::vector<ConflictFact>& found) {
  if (parts_.policies.of(conflict_kind::kPriceChanged) == ConflictAction::kOff) return ok();
  const auto& lines = std::get<Trade>(document.content).lines;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto versions = parts_.facts.versions(FactKind::kPrice, lines[i].sku);  // newest first
    if (!versions) return versions.error();
    for (std::size_t v = 0; v + 1 < versions->size(); ++v) {
      const auto& now = (*versions)[v];
      const auto& before = (*versions)[v + 1];
      if (now.known_by < sequence || before.known_by >= sequence) continue;
      const auto new_price = read_price(now), old_price = read_price(before);
      if (!new_price || !old_price) break;
      auto conflict = review_price(
          PriceCase{sequence, document, i, now.source, *old_price, *new_price, now.etag}, parts_.policies);
      if (conflict) found.push_back(std::move(*conflict));
      break;
    }
  }
  return ok();
}

Result<void> ConflictDetector::review_one_return(Sequence sequence, const Document& document,
                                                 std::vector<ConflictFact>& found) {
  if (!parts_.policies.reviews_returns() || parts_.policies.may_hold_returns()) return ok();
  auto what = parts_.inquiry.return_case(sequence, document, Inquiry::Ask::kCentral);
  if (!what) return what.error();
  auto review = review_return(*what, parts_.policies, {});
  for (auto& fact : review.found) found.push_back(std::move(fact));
  return ok();
}

Result<void> ConflictDetector::review_twins(Sequence sequence, const Document& document,
                                            std::vector<ConflictFact>& found) {
  if (parts_.policies.of(conflict_kind::kCustomerDuplicate) == ConflictAction::kOff) return ok();
  auto twins = parts_.inquiry.twins_of(document);
  if (!twins) return twins.error();
  if (twins->empty()) return ok();
  const CustomerChange change{sequence, document, parts_.systems.customers};
  for (auto& fact : review_duplicates(change, *twins, parts_.policies)) found.push_back(std::move(fact));
  return ok();
}

}  // namespace tillsync
