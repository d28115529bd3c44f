// Journal: how facts are appended, and what each changes.
#include "outbox/document/canonical.h"
#include "outbox/document/codec.h"
#include "outbox/journal/chain.h"
#include "outbox/journal/counters.h"
#include "outbox/journal/journal_impl.h"
#include "platform/base/check.h"
#include "platform/base/mutation.h"
#include "platform/json/json.h"

namespace tillsync {
namespace {

std::int64_t days_of(BusinessDay day) {
  return day.day.time_since_epoch().count();
}

/// Whether two documents, as encoded, are the same (CONTRACT section 1). Most that come again are so to the
/// byte.
Result<bool> same_content(std::string_view stored_bytes, const Document& stored,
                          std::string_view posted_bytes) {
  if (stored_bytes == posted_bytes) return true;
  auto posted = decode_document(posted_bytes);
  if (!posted) return posted.error();
  return content_digest(stored) == content_digest(*posted);
}

Error no_such_delivery(const DeliveryKey& key) {
  return Error{ErrorKind::kInvalid, "no-such-delivery",
               "there is no delivery " + std::to_string(key.document.value) + ":" + key.step};
}

}  // namespace

Result<Sequence> Journal::Impl::append_record(RecordKind kind, std::optional<Sequence> document,
                                              const std::string& body, const DocumentPost* indexed,
                                              UtcTime now) {
  const Sequence sequence{head.sequence.value + 1};
  const auto hash = chain_hash(head.hash, sequence, kind, now, document, body);
  auto& insert = statements->insert_record;
  insert.bind(1, sequence.value)
      .bind(2, static_cast<std::int64_t>(kind))
      .bind(3, now.time_since_epoch().count());
  if (document) insert.bind(4, document->value);
  if (indexed != nullptr) {
    insert.bind(5, indexed->id);
    insert.bind(6, static_cast<std::int64_t>(indexed->type));
    insert.bind(7, days_of(indexed->business_day));
  }
  insert.bind_blob(8, body).bind_blob(9, as_bytes(hash));
  if (auto inserted = insert.run(); !inserted) return inserted.error();
  head = JournalHead{sequence, hash};
  return sequence;
}

Result<PostAnswer> Journal::Impl::existing(Sequence sequence, const DocumentPost& post) {
  auto& select = statements->select_record;
  select.bind(1, sequence.value);
  auto row = select.step();
  if (!row) return row.error();
  if (!*row) {
    select.reset();
    return Error{ErrorKind::kCorrupt, "record-missing",
                 "record " + std::to_string(sequence.value) + " is known by its id or key, and is missing"};
  }
  PostAnswer answer;
  answer.sequence = sequence;
  answer.recorded_at = UtcTime(std::chrono::microseconds(select.integer(0)));
  const std::string body = select.blob(1);
  select.reset();
  auto record = decode_document_record(body);
  if (!record) return record.error();
  auto stored = decode_document(record->document);
  if (!stored) return stored.error();
  auto same = same_content(record->document, *stored, post.encoded);
  if (!same) return same.error();
  if (mutated("reused-id-is-a-replay")) *same = true;
  answer.kind = *same ? PostAnswer::Kind::kReplayed : PostAnswer::Kind::kReused;
  auto rows = delivery_rows(sequence);
  if (!rows) return rows.error();
  answer.status = derive_status(routes.plan(sequence, stored->type), *rows);
  return answer;
}

/// From now on the key means this document, whatever else is posted under it.
Result<void> Journal::Impl::keep_key(const std::string& key, Sequence document) {
  if (key.empty()) return ok();
  return statements->insert_key.bind(1, key).bind(2, document.value).run();
}

Result<PostAnswer> Journal::try_append(const DocumentPost& post) {
  auto& impl = *impl_;
  if (!post.meta.idempotency_key.empty()) {
    auto& select = impl.statements->select_key;
    select.bind(1, post.meta.idempotency_key);
    auto row = select.step();
    if (!row) return row.error();
    const std::optional<Sequence> known = *row ? std::optional(Sequence{select.integer(0)}) : std::nullopt;
    select.reset();
    if (known) {
      auto answer = impl.existing(*known, post);
      if (answer && answer->kind == PostAnswer::Kind::kReused) answer->key_reused = true;
      return answer;
    }
  }
  const auto now = impl.clock.utc_now();
  const auto body = encode_document_record(post.meta, post.encoded);
  auto sequence = impl.append_record(RecordKind::kDocument, std::nullopt, body, &post, now);
  if (!sequence) {
    if (sequence.error().code != "constraint") return sequence.error();
    auto& select = impl.statements->select_id;
    select.bind(1, post.id);
    auto row = select.step();
    if (!row) return row.error();
    if (!*row) return sequence.error();
    const Sequence known{select.integer(0)};
    select.reset();
    auto answer = impl.existing(known, post);
    if (answer && answer->kind == PostAnswer::Kind::kReplayed) {
      if (auto kept = impl.keep_key(post.meta.idempotency_key, known); !kept) return kept.error();
    }
    return answer;
  }
  if (auto kept = impl.keep_key(post.meta.idempotency_key, *sequence); !kept) return kept.error();
  const auto& plan = impl.routes.plan(*sequence, post.type);
  PostAnswer answer{PostAnswer::Kind::kJournaled, *sequence, now, derive_status(plan, {})};
  impl.count(counters::of_status(answer.status), 1);
  impl.count(counters::of_type(post.type), 1);
  for (const auto& step : plan) impl.count(counters::owed(step.target), 1);
  auto& day = impl.day_changes[days_of(post.business_day)];
  if (day.documents == 0) day.first = *sequence;
  ++day.documents;
  return answer;
}

Result<std::vector<DeliveryRow>> Journal::Impl::delivery_rows(Sequence document) {
  return read_delivery_rows(statements->select_deliveries, document);
}

Result<std::optional<Journal::Impl::About>> Journal::Impl::about(Sequence document) {
  auto& select = statements->select_about;
  select.bind(1, document.value);
  auto row = select.step();
  if (!row) return row.error();
  if (!*row || select.is_null(0)) {
    select.reset();
    return std::optional<About>();
  }
  const About about{static_cast<DocumentType>(select.integer(0)), select.integer(1)};
  select.reset();
  return std::optional<About>(about);
}

// Writes the delivery's new row, and keeps the counts and the document's status true to it.
Result<void> Journal::Impl::move_delivery(const About& about, const DeliveryKey& key, const RouteStep& step,
                                          DeliveryRow row, const std::vector<DeliveryRow>& before) {
  const auto* old_row = row_of(before, key.step);
  const auto old_state = old_row == nullptr ? DeliveryState::kPending : old_row->state;
  auto& upsert = statements->upsert_delivery;
  upsert.bind(1, key.document.value).bind(2, key.step).bind(3, step.target);
  upsert.bind(4, static_cast<std::int64_t>(row.state)).bind(5, row.attempts);
  if (row.version) upsert.bind(6, row.version->value);
  if (row.last_fact) upsert.bind(7, row.last_fact->value);
  if (auto written = upsert.run(); !written) return written.error();

  if (old_state != row.state) {
    if (old_state == DeliveryState::kQuarantined) count(counters::quarantined(step.target), -1);
    if (row.state == DeliveryState::kQuarantined) count(counters::quarantined(step.target), 1);
    if (row.state == DeliveryState::kDelivered) count(counters::delivered(step.target), 1);
    if (row.state == DeliveryState::kDiscarded) count(counters::discarded(step.target), 1);
    if (is_settled(row.state) && !is_settled(old_state)) count(counters::owed(step.target), -1);
    const auto& plan = routes.plan(key.document, about.type);
    const auto old_status = derive_status(plan, before);
    auto after = before;
    std::erase_if(after, [&](const DeliveryRow& other) { return other.step == key.step; });
    after.push_back(row);
    const auto new_status = derive_status(plan, after);
    if (new_status != old_status) {
      count(counters::of_status(old_status), -1);
      count(counters::of_status(new_status), 1);
      changes.push_back(StatusChange{key.document, new_status});
    }
  }
  return ok();
}

Result<void> Journal::try_record(const OutcomeFact& fact) {
  auto& impl = *impl_;
  auto about = impl.about(fact.delivery.document);
  if (!about) return about.error();
  auto rows = impl.delivery_rows(fact.delivery.document);
  if (!rows) return rows.error();
  auto sequence = impl.append_record(RecordKind::kOutcome, fact.delivery.document, encode_outcome(fact),
                                     nullptr, impl.clock.utc_now());
  if (!sequence) return sequence.error();
  impl.count(counters::outcome(fact.target, fact.outcome.kind), 1);
  if (!*about) return ok();
  const auto* step = step_of(impl.routes.plan(fact.delivery.document, (*about)->type), fact.delivery.step);
  if (step == nullptr) return ok();
  auto row = row_after(*step, row_of(*rows, fact.delivery.step), fact, *sequence);
  if (!row) return ok();
  if (row->state == DeliveryState::kDelivered) {
    impl.day_deliveries[{(*about)->business_day, step->target}] = *sequence;
  }
  return impl.move_delivery(**about, fact.delivery, *step, std::move(*row), *rows);
}

Result<bool> Journal::Impl::failed_alike_before(const LookUpFact& fact) {
  constexpr std::int64_t kFactsBack = 64;  // of other steps in between; beyond it a repetition is told again
  const auto told = decode_look_up(fact.delivery.document, encode_look_up(fact));  // as it would be stored
  auto& select = statements->select_facts_back;
  select.bind(1, fact.delivery.document.value).bind(2, kFactsBack);
  std::optional<bool> alike;
  while (!alike) {
    auto row = select.step();
    if (!row) return row.error();
    if (!*row) break;
    const auto body = json::parse(select.blob_view(1));
    if (!body || body->text_of("step") != fact.delivery.step) continue;
    const auto before = decode_look_up(fact.delivery.document, select.blob_view(1));
    alike = static_cast<RecordKind>(select.integer(0)) == RecordKind::kLookUp && before &&
            before->found == LookUpFact::Found::kFailed && before->reason == told->reason &&
            before->http_status == fact.http_status;
  }
  select.reset();
  return alike.value_or(false);
}

Result<void> Journal::try_record_look_up(const LookUpFact& fact) {
  auto& impl = *impl_;
  if (fact.found == LookUpFact::Found::kFailed) {
    auto alike = impl.failed_alike_before(fact);
    if (!alike) return alike.error();
    if (*alike) return ok();
  }
  auto sequence = impl.append_record(RecordKind::kLookUp, fact.delivery.document, encode_look_up(fact),
                                     nullptr, impl.clock.utc_now());
  if (!sequence) return sequence.error();
  return ok();
}

Result<std::string> Journal::try_decide(const DecisionFact& fact) {
  auto& impl = *impl_;
  using Kind = DecisionFact::Kind;
  if (fact.kind == Kind::kPause || fact.kind == Kind::kResume) {
    auto sequence = impl.append_record(RecordKind::kDecision, std::nullopt, encode_decision(fact), nullptr,
                                       impl.clock.utc_now());
    if (!sequence) return sequence.error();
    if (mutated("pause-not-kept")) return fact.target;
    auto& pause = impl.statements->pause_lane;
    if (auto done = pause.bind(1, fact.target).bind(2, fact.kind == Kind::kPause ? 1 : 0).run(); !done) {
      return done.error();
    }
    return fact.target;
  }
  auto about = impl.about(fact.delivery.document);
  if (!about) return about.error();
  if (!*about) return no_such_delivery(fact.delivery);
  const auto* step = step_of(impl.routes.plan(fact.delivery.document, (*about)->type), fact.delivery.step);
  if (step == nullptr) return no_such_delivery(fact.delivery);
  auto rows = impl.delivery_rows(fact.delivery.document);
  if (!rows) return rows.error();
  const auto* old_row = row_of(*rows, fact.delivery.step);
  const Sequence next{impl.head.sequence.value + 1};
  auto row = row_after(*step, old_row, fact, next);
  if (!row) {
    const auto old_state = old_row == nullptr ? DeliveryState::kPending : old_row->state;
    return Error{ErrorKind::kInvalid, "not-quarantined",
                 "delivery " + std::to_string(fact.delivery.document.value) + ":" + fact.delivery.step +
                     " is " + std::string(state_name(old_state)) +
                     "; only a quarantined one can be decided on"};
  }
  DecisionFact complete = fact;
  complete.target = step->target;
  auto sequence = impl.append_record(RecordKind::kDecision, fact.delivery.document, encode_decision(complete),
                                     nullptr, impl.clock.utc_now());
  if (!sequence) return sequence.error();
  TILLSYNC_CHECK(*sequence == next, "a decision's row names its record");
  auto moved = impl.move_delivery(**about, fact.delivery, *step, std::move(*row), *rows);
  if (!moved) return moved.error();
  return step->target;
}

Result<void> Journal::set_routes(const Routes& routes) {
  auto& impl = *impl_;
  const bool first = impl.routes.last_change() == Sequence{};
  if (!first && impl.routes.current() == routes) return ok();
  auto sequence = impl.append_record(RecordKind::kRoutes, std::nullopt, encode_routes(routes), nullptr,
                                     impl.clock.utc_now());
  if (!sequence) return sequence.error();
  impl.routes.add(*sequence, routes);
  return ok();
}

Result<void> Journal::reserve(const std::string& target, Sequence through, std::optional<Sequence> from) {
  auto& statements = *impl_->statements;
  if (from) return statements.reserve_ahead.bind(1, target).bind(2, from->value).bind(3, through.value).run();
  if (auto done = statements.reserve_lane.bind(1, target).bind(2, through.value).run(); !done) return done;
  return statements.delete_ahead.bind(1, target).bind(2, through.value).run();
}

Result<void> Journal::reserve_day(const std::string& target, UtcTime full_at) {
  return impl_->statements->reserve_day.bind(1, target).bind(2, full_at.time_since_epoch().count()).run();
}

Result<void> Journal::save_frontier(const std::string& target, Sequence frontier) {
  return impl_->statements->frontier_lane.bind(1, target).bind(2, frontier.value).run();
}

Result<void> Journal::park(const std::string& target, const std::vector<DeliveryKey>& deliveries) {
  auto& insert = impl_->statements->park_delivery;
  for (const auto& key : deliveries) {
    if (auto parked = insert.bind(1, key.document.value).bind(2, key.step).bind(3, target).run(); !parked) {
      return parked.error();
    }
  }
  return ok();
}

}  // namespace tillsync
