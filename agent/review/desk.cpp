#include "agent/review/desk.h"

#include "agent/connectors/metered_fetch.h"
#include "outbox/journal/note_conflicts.h"
#include "platform/log/log.h"

namespace tillsync {
namespace {

constexpr int kAttemptsToAsk = 5;

Outcome stopped(std::string reason, PolicyVerdict verdict) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRejected;
  outcome.reason = std::move(reason);
  outcome.verdict = std::make_shared<const PolicyVerdict>(std::move(verdict));
  return outcome;
}

std::string listed(const std::vector<std::string>& words) {
  std::string list;
  for (const auto& word : words) (list += list.empty() ? "" : ", ") += word;
  return list;
}

}  // namespace

Outcome put_off(const std::string& reason) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRetryable;
  outcome.reason = reason;
  return outcome;
}

Reviewer::Desk::Desk(const Parts& parts, const ConflictPolicies& policies)
    : parts_(parts), policies_(policies) {}
Reviewer::Desk::~Desk() = default;

Result<void> Reviewer::Desk::open() {
  if (inquiry_) return ok();
  auto reader = JournalReader::open(parts_.settings.journal.path, "", parts_.damaged);
  if (!reader) return reader.error();
  auto facts = CentralFacts::open(parts_.settings.journal.path, CentralFacts::Mode::kReadOnly);
  if (!facts) return facts.error();
  reader_ = std::move(*reader);
  facts_ = std::move(*facts);
  inquiry_.emplace(Inquiry::Parts{*reader_, parts_.trade, *facts_, parts_.store, parts_.routes,
                                  systems_of_record(parts_.settings),
                                  [this](const std::string& target) { return port(target); }});
  return ok();
}

FetchPort* Reviewer::Desk::port(const std::string& target) {
  if (target.empty()) return nullptr;
  const auto [entry, added] = ports_.try_emplace(target);
  if (!added) return entry->second.get();
  auto made = parts_.make_port(target);
  if (made) {
    entry->second = std::move(*made);
  } else {
    log::warning("review.port_failed", {{"target", target}, {"detail", made.error().detail}});
  }
  return entry->second.get();
}

std::optional<Outcome> Reviewer::Desk::review(const std::string& target, const OutgoingDelivery& delivery) {
  auto opened = open();
  auto judged = opened ? judge(delivery) : Result<std::optional<Outcome>>(opened.error());
  if (judged) return std::move(*judged);
  auto outcome = put_off("it could not be reviewed before sending: " + judged.error().detail);
  // Else every delivery of an outage would try by itself, and leave its attempts in the journal. What another
  // target does not answer says nothing of this one.
  const auto systems = systems_of_record(parts_.settings);
  const auto& asked = delivery.type == DocumentType::kReturn ? systems.sales : systems.customers;
  const auto kind = judged.error().kind;
  const bool no_answer =
      (kind == ErrorKind::kUnavailable || kind == ErrorKind::kTimeout) && judged.error().code != kFetchLimit;
  if (no_answer && asked == target) outcome.signal = TargetSignal::kUnreachable;
  return outcome;
}

Result<std::optional<Outcome>> Reviewer::Desk::judge(const OutgoingDelivery& delivery) {
  auto stored = reader_->load_version(delivery.key);
  if (!stored) return stored.error();
  if (!*stored) return std::optional<Outcome>();
  auto word = last_word(delivery.key);
  if (!word) return word.error();
  if (word->amended) return std::optional<Outcome>();
  const auto& document = (*stored)->document;
  return document.type == DocumentType::kReturn ? judge_return(delivery, document, word->retried_at)
                                                : judge_customer(delivery, document);
}

Result<Reviewer::Desk::LastWord> Reviewer::Desk::last_word(const DeliveryKey& key) {
  auto history = reader_->history(key.document);
  if (!history) return history.error();
  LastWord word;
  for (const auto& record : *history) {
    if (record.kind != RecordKind::kDecision) continue;
    auto decision = decode_decision(key.document, record.body);
    if (!decision) return reader_->noted(Result<LastWord>(decision.error()));
    if (decision->delivery.step != key.step || decision->by == kPolicy) continue;
    if (decision->kind == DecisionFact::Kind::kRetry) word.retried_at = record.sequence;
    if (decision->kind == DecisionFact::Kind::kAmend) word.amended = true;
  }
  return word;
}

Result<std::optional<Outcome>> Reviewer::Desk::judge_return(const OutgoingDelivery& delivery,
                                                            const Document& document, Sequence retried_at) {
  auto decided = reader_->conflicts_of(delivery.key.document);
  if (!decided) return decided.error();
  auto what = inquiry_->return_case(delivery.key.document, document, Inquiry::Ask::kCentral);
  if (!what) return what.error();
  what->retried_at = retried_at;
  auto review = review_return(*what, policies_, *decided);
  if (!review.waits && !review.rejected) {
    if (auto noted = note_conflicts(parts_.journal, std::move(review.found)); !noted) return noted.error();
    return std::optional<Outcome>();
  }
  PolicyVerdict verdict;
  verdict.conflicts = std::move(review.found);
  return std::optional(stopped(
      (review.waits ? "held for approval: " : "rejected by policy: ") + review.reason, std::move(verdict)));
}

bool Reviewer::Desk::may_alter(const Document& document) const {
  const auto changes = json::parse(std::get<CustomerUpdate>(document.content).changes);
  if (!changes || changes->as_object() == nullptr) return false;
  for (const auto& [field, value] : *changes->as_object()) {
    if (policies_.of_customer_field(field) != ConflictAction::kStore || policies_.is_consent(field))
      return true;
  }
  return false;
}

Result<std::optional<Outcome>> Reviewer::Desk::judge_customer(const OutgoingDelivery& delivery,
                                                              const Document& document) {
  auto decided = reader_->conflicts_of(delivery.key.document);
  if (!decided) return decided.error();
  auto change = inquiry_->customer_change(delivery.key.document, document);
  if (!change) {
    // Where the answer could change what is sent it is waited for; else only for what it would tell, not for
    // ever.
    if (may_alter(document) || delivery.attempt < kAttemptsToAsk) return change.error();
    return std::optional<Outcome>();
  }
  auto review = review_customer(*change, policies_, *decided);
  if (!review.waits && review.withheld.empty()) {
    if (auto noted = note_conflicts(parts_.journal, std::move(review.found)); !noted) return noted.error();
    return std::optional<Outcome>();
  }
  PolicyVerdict verdict;
  verdict.conflicts = std::move(review.found);
  if (review.waits) {
    return std::optional(stopped(
        "held: the customer was changed on both sides; see `tillsync conflicts list`", std::move(verdict)));
  }
  const auto reason = "central's word stands on " + listed(review.withheld);
  verdict.reason = reason;
  verdict.amended = without_fields(document, review.withheld);
  verdict.decision = verdict.amended ? DecisionFact::Kind::kAmend : DecisionFact::Kind::kDiscard;
  return std::optional(stopped("merged by policy: " + reason, std::move(verdict)));
}

}  // namespace tillsync
