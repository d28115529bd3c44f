#include "agent/views/document_view.h"

#include "outbox/document/canonical.h"
#include "outbox/document/codec.h"
#include "platform/crypto/base64.h"

namespace tillsync {
namespace {

json::Value text_or_null(const std::string& text) {
  return text.empty() ? json::Value() : json::Value(text);
}

json::Value deliveries_json(const std::vector<DeliveryView>& deliveries) {
  json::Array list;
  for (const auto& delivery : deliveries) {
    json::Object entry{{"target", delivery.target},
                       {"step", delivery.step},
                       {"state", state_name(delivery.state)},
                       {"attempts", delivery.attempts},
                       {"central_reference", text_or_null(delivery.central_reference)},
                       {"last_error", text_or_null(delivery.last_error)}};
    if (delivery.version) entry.emplace_back("amended_by", delivery.version->value);
    list.emplace_back(std::move(entry));
  }
  return list;
}

void add_if(json::Object& object, const char* name, const std::string& text) {
  if (!text.empty()) object.emplace_back(name, text);
}

void tell_outcome(json::Object& event, const OutcomeFact& fact) {
  event.emplace_back("target", fact.target);
  event.emplace_back("step", fact.delivery.step);
  event.emplace_back("attempt", fact.attempt);
  event.emplace_back("outcome", outcome_name(fact.outcome.kind));
  if (fact.looked_up) event.emplace_back("looked_up", true);
  if (fact.outcome.http_status != 0) event.emplace_back("http_status", fact.outcome.http_status);
  add_if(event, "central_reference", fact.outcome.central_reference);
  add_if(event, "reason", fact.outcome.reason);
  add_if(event, "answer", fact.outcome.answer);
}

void tell_decision(json::Object& event, const DecisionFact& fact) {
  event.emplace_back("decision", decision_name(fact.kind));
  add_if(event, "target", fact.target);
  add_if(event, "step", fact.delivery.step);
  add_if(event, "by", fact.by);
  add_if(event, "reason", fact.reason);
}

/// A record's content for people, as members of `event`.
Result<void> tell(json::Object& event, const RawRecord& record) {
  const auto about = record.document.value_or(Sequence{});
  if (record.kind == RecordKind::kOutcome) {
    auto fact = decode_outcome(about, record.body);
    if (!fact) return fact.error();
    tell_outcome(event, *fact);
  } else if (record.kind == RecordKind::kDecision) {
    auto fact = decode_decision(about, record.body);
    if (!fact) return fact.error();
    tell_decision(event, *fact);
    if (fact->amended) {
      auto document = json::parse(canonical_json(*fact->amended));
      if (document) event.emplace_back("amended", std::move(*document));
    }
  } else if (record.kind == RecordKind::kDocument) {
    auto parts = decode_document_record(record.body);
    if (!parts) return parts.error();
    auto document = decode_document(parts->document);
    if (!document) return document.error();
    add_if(event, "traceparent", parts->meta.traceparent);
    add_if(event, "correlation_id", parts->meta.correlation_id);
    add_if(event, "idempotency_key", parts->meta.idempotency_key);
    auto canonical = json::parse(canonical_json(*document));
    if (canonical) event.emplace_back("document", std::move(*canonical));
  } else {
    auto body = json::parse(record.body);
    if (body && body->as_object() != nullptr) {
      for (auto& member : *body->as_object()) event.push_back(std::move(member));
    }
  }
  return ok();
}

}  // namespace

Result<std::optional<std::string>> document_view(JournalReader& reader, const std::string& id) {
  auto stored = reader.find(id);
  if (!stored) return stored.error();
  if (!*stored) return std::optional<std::string>();
  auto deliveries = reader.deliveries((*stored)->sequence);
  if (!deliveries) return deliveries.error();
  auto status = reader.status((*stored)->sequence);
  if (!status) return status.error();
  auto text = json::dump(json::Object{{"id", id},
                                      {"sequence", (*stored)->sequence.value},
                                      {"status", status_name(*status)},
                                      {"recorded_at", format_utc((*stored)->recorded_at)}});
  text.pop_back();  // the document's text goes in as it is
  text += ",\"document\":" + canonical_json((*stored)->document);
  text += ",\"deliveries\":" + json::dump(deliveries_json(*deliveries)) + "}";
  return std::optional<std::string>(std::move(text));
}

Result<std::optional<json::Value>> document_story(JournalReader& reader, const std::string& id) {
  auto stored = reader.find(id);
  if (!stored) return stored.error();
  if (!*stored) return std::optional<json::Value>();
  const auto sequence = (*stored)->sequence;
  auto deliveries = reader.deliveries(sequence);
  if (!deliveries) return deliveries.error();
  auto status = reader.status(sequence);
  if (!status) return status.error();
  auto history = reader.history(sequence);
  if (!history) return history.error();
  json::Array events;
  for (const auto& record : *history) {
    json::Object event{
        {"at", format_utc(record.recorded_at)},
        {"sequence", record.sequence.value},
        {"event", record.kind == RecordKind::kDocument ? "journaled" : record_kind_name(record.kind)}};
    if (auto told = reader.noted(tell(event, record)); !told) return told.error();
    events.emplace_back(std::move(event));
  }
  json::Object story{{"id", id},
                     {"type", type_name((*stored)->document.type)},
                     {"sequence", sequence.value},
                     {"status", status_name(*status)},
                     {"deliveries", deliveries_json(*deliveries)},
                     {"events", std::move(events)}};
  return std::optional<json::Value>(json::Value(std::move(story)));
}

Result<json::Value> record_view(const RawRecord& record) {
  json::Object content;
  if (auto told = tell(content, record); !told) return told.error();
  return json::Value(
      json::Object{{"sequence", record.sequence.value},
                   {"kind", record_kind_name(record.kind)},
                   {"recorded_at", format_utc(record.recorded_at)},
                   {"recorded_at_us", record.recorded_at.time_since_epoch().count()},
                   {"document", record.document ? json::Value(record.document->value) : json::Value()},
                   {"hash", record.hash_hex},
                   {"body", to_base64(record.body)},
                   {"content", std::move(content)}});
}

}  // namespace tillsync
