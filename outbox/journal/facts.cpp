#include "outbox/journal/facts.h"

#include <algorithm>

#include "outbox/document/codec.h"
#include "platform/crypto/sha256.h"
#include "platform/json/json.h"

namespace tillsync {
namespace {

Error corrupt(std::string_view what) {
  return Error{ErrorKind::kCorrupt, "record-corrupt", std::string(what) + " in the journal cannot be read"};
}

Result<json::Value> parse_body(std::string_view body, std::string_view what) {
  auto value = json::parse(body);
  if (!value || value->as_object() == nullptr) return corrupt(what);
  return std::move(*value);
}

std::optional<OutcomeKind> outcome_kind(std::string_view name) {
  for (auto kind :
       {OutcomeKind::kDelivered, OutcomeKind::kRetryable, OutcomeKind::kRejected, OutcomeKind::kUnknown}) {
    if (outcome_name(kind) == name) return kind;
  }
  return std::nullopt;
}

constexpr DecisionFact::Kind kDecisionKinds[] = {DecisionFact::Kind::kRetry, DecisionFact::Kind::kDiscard,
                                                 DecisionFact::Kind::kAmend, DecisionFact::Kind::kPause,
                                                 DecisionFact::Kind::kResume};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// JSON text must be UTF-8 for the next reader; what a target answered may be anything.
std::string utf8_only(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  std::string quoted;
  json::quote_to(quoted, text);
  if (json::parse(quoted)) return std::string(text);
  std::string ascii;
  for (const char c : text) ascii += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return ascii;
}

json::Value routes_value(const Routes& routes) {
  json::Object types;
  for (const auto& [type, steps] : routes.steps) {
    json::Array list;
    for (const auto& step : steps) {
      json::Object entry{{"step", step.step}, {"target", step.target}};
      if (!step.needs.empty()) {
        json::Array needs;
        for (const auto& need : step.needs) needs.emplace_back(need);
        entry.emplace_back("needs", std::move(needs));
      }
      list.emplace_back(std::move(entry));
    }
    types.emplace_back(std::string(type_name(type)), std::move(list));
  }
  return json::Object{{"routes", std::move(types)}};
}

void put_varint(std::string& out, std::size_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

std::optional<std::size_t> take_varint(std::string_view& bytes) {
  std::size_t value = 0;
  for (unsigned shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view record_kind_name(RecordKind kind) {
  switch (kind) {
    case RecordKind::kDocument:
      return "document";
    case RecordKind::kOutcome:
      return "outcome";
    case RecordKind::kDecision:
      return "decision";
    case RecordKind::kRoutes:
      return "routes";
    case RecordKind::kPruned:
      return "pruned";
    case RecordKind::kLookUp:
      return "look_up";
    case RecordKind::kRecovered:
      return "recovered";
    case RecordKind::kImported:
      return "imported";
    case RecordKind::kConflict:
      return "conflict";
    case RecordKind::kResolution:
      return "resolution";
    case RecordKind::kAudit:
      return "audit";
  }
  return "?";
}

std::string_view found_name(LookUpFact::Found found) {
  return found == LookUpFact::Found::kAbsent ? "absent" : "failed";
}

std::string_view decision_name(DecisionFact::Kind kind) {
  switch (kind) {
    case DecisionFact::Kind::kRetry:
      return "retry";
    case DecisionFact::Kind::kDiscard:
      return "discard";
    case DecisionFact::Kind::kAmend:
      return "amend";
    case DecisionFact::Kind::kPause:
      return "pause";
    case DecisionFact::Kind::kResume:
      return "resume";
  }
  return "?";
}

// Three length-prefixed texts, then the document.
std::string encode_document_record(const DocumentMeta& meta, std::string_view encoded_document) {
  std::string body;
  body.reserve(encoded_document.size() + meta.traceparent.size() + meta.correlation_id.size() +
               meta.idempotency_key.size() + 6);
  for (const auto* text : {&meta.traceparent, &meta.correlation_id, &meta.idempotency_key}) {
    put_varint(body, text->size());
    body += *text;
  }
  body += encoded_document;
  return body;
}

Result<DocumentRecord> decode_document_record(std::string_view body) {
  DocumentRecord record;
  for (auto* text : {&record.meta.traceparent, &record.meta.correlation_id, &record.meta.idempotency_key}) {
    const auto size = take_varint(body);
    if (!size || *size > body.size()) return corrupt("a document's record");
    text->assign(body.substr(0, *size));
    body.remove_prefix(*size);
  }
  record.document = body;
  return record;
}

// Written without a tree of values: one for every attempt of every delivery.
std::string encode_outcome(const OutcomeFact& fact) {
  const auto& outcome = fact.outcome;
  std::string body = "{\"step\":";
  json::quote_to(body, fact.delivery.step);
  const auto text = [&body](std::string_view name, std::string_view value) {
    body += name;
    json::quote_to(body, value);
  };
  text(",\"target\":", fact.target);
  body += ",\"attempt\":";
  body += std::to_string(fact.attempt);
  text(",\"outcome\":", outcome_name(outcome.kind));
  if (!outcome.central_reference.empty())
    text(",\"central_reference\":", utf8_only(outcome.central_reference));
  if (outcome.http_status != 0) {
    body += ",\"http_status\":";
    body += std::to_string(outcome.http_status);
  }
  if (fact.looked_up) body += ",\"looked_up\":true";
  if (!outcome.reason.empty()) text(",\"reason\":", utf8_only(outcome.reason));
  if (!outcome.answer.empty() && outcome.kind != OutcomeKind::kDelivered)
    text(",\"answer\":", utf8_only(outcome.answer));
  if (!fact.imported_from.empty()) text(",\"imported_from\":", fact.imported_from);
  body += '}';
  return body;
}

Result<OutcomeFact> decode_outcome(Sequence document, std::string_view body) {
  auto value = parse_body(body, "an outcome");
  if (!value) return value.error();
  const auto kind = outcome_kind(value->text_of("outcome"));
  if (!kind) return corrupt("an outcome");
  OutcomeFact fact;
  fact.delivery = DeliveryKey{document, std::string(value->text_of("step"))};
  fact.target = value->text_of("target");
  fact.attempt = static_cast<int>(value->integer_of("attempt", 1));
  fact.outcome.kind = *kind;
  fact.outcome.central_reference = value->text_of("central_reference");
  fact.outcome.http_status = static_cast<int>(value->integer_of("http_status"));
  fact.outcome.reason = value->text_of("reason");
  fact.outcome.answer = value->text_of("answer");
  if (const auto* looked_up = value->find("looked_up"))
    fact.looked_up = looked_up->as_bool() && *looked_up->as_bool();
  fact.imported_from = value->text_of("imported_from");
  return fact;
}

std::string encode_look_up(const LookUpFact& fact) {
  json::Object body{{"step", fact.delivery.step},
                    {"target", fact.target},
                    {"attempt", fact.attempt},
                    {"found", found_name(fact.found)}};
  if (fact.http_status != 0) body.emplace_back("http_status", fact.http_status);
  if (!fact.reason.empty()) body.emplace_back("reason", utf8_only(fact.reason));
  return json::dump(body);
}

Result<LookUpFact> decode_look_up(Sequence document, std::string_view body) {
  auto value = parse_body(body, "a look-up");
  if (!value) return value.error();
  LookUpFact fact;
  const auto found = value->text_of("found");
  if (found != found_name(LookUpFact::Found::kAbsent) && found != found_name(LookUpFact::Found::kFailed))
    return corrupt("a look-up");
  fact.found = found == found_name(LookUpFact::Found::kAbsent) ? LookUpFact::Found::kAbsent
                                                               : LookUpFact::Found::kFailed;
  fact.delivery = DeliveryKey{document, std::string(value->text_of("step"))};
  fact.target = value->text_of("target");
  fact.attempt = static_cast<int>(value->integer_of("attempt", 1));
  fact.http_status = static_cast<int>(value->integer_of("http_status"));
  fact.reason = value->text_of("reason");
  return fact;
}

std::string encode_decision(const DecisionFact& fact) {
  json::Object body{{"decision", decision_name(fact.kind)}, {"target", fact.target}};
  if (!fact.delivery.step.empty()) body.emplace_back("step", fact.delivery.step);
  if (!fact.reason.empty()) body.emplace_back("reason", fact.reason);
  if (!fact.by.empty()) body.emplace_back("by", fact.by);
  if (fact.amended) body.emplace_back("document_record", to_hex(encode_document(*fact.amended)));
  if (!fact.imported_from.empty()) body.emplace_back("imported_from", fact.imported_from);
  return json::dump(body);
}

Result<DecisionFact> decode_decision(Sequence document, std::string_view body) {
  auto value = parse_body(body, "a decision");
  if (!value) return value.error();
  DecisionFact fact;
  bool known = false;
  for (auto kind : kDecisionKinds) {
    if (decision_name(kind) == value->text_of("decision")) {
      fact.kind = kind;
      known = true;
    }
  }
  if (!known) return corrupt("a decision");
  fact.delivery = DeliveryKey{document, std::string(value->text_of("step"))};
  fact.target = value->text_of("target");
  fact.reason = value->text_of("reason");
  fact.by = value->text_of("by");
  fact.imported_from = value->text_of("imported_from");
  if (const auto hex = value->text_of("document_record"); !hex.empty()) {
    auto bytes = from_hex(hex);
    if (!bytes) return corrupt("a decision");
    auto amended = decode_document(*bytes);
    if (!amended) return amended.error();
    fact.amended = std::move(*amended);
  }
  return fact;
}

std::string encode_routes(const Routes& routes) {
  return json::dump(routes_value(routes));
}

Result<Routes> decode_routes(std::string_view body) {
  auto value = parse_body(body, "routes");
  if (!value) return value.error();
  const auto* types = value->find("routes");
  if (types == nullptr || types->as_object() == nullptr) return corrupt("routes");
  Routes routes;
  for (const auto& [name, list] : *types->as_object()) {
    const auto type = type_from_name(name);
    if (!type || list.as_array() == nullptr) return corrupt("routes");
    auto& steps = routes.steps[*type];
    for (const auto& entry : *list.as_array()) {
      RouteStep step{std::string(entry.text_of("step")), std::string(entry.text_of("target")), {}};
      if (const auto* needs = entry.find("needs"); needs != nullptr && needs->as_array() != nullptr) {
        for (const auto& need : *needs->as_array()) {
          if (const auto* text = need.as_string()) step.needs.push_back(*text);
        }
      }
      steps.push_back(std::move(step));
    }
  }
  return routes;
}

namespace {

json::Array ranges_value(const std::vector<PrunedRange>& ranges) {
  json::Array list;
  for (const auto& range : ranges) {
    list.emplace_back(
        json::Object{{"from", range.from.value}, {"through", range.through.value}, {"hash", range.hash_hex}});
  }
  return list;
}

std::optional<std::vector<PrunedRange>> ranges_from(const json::Value* list) {
  if (list == nullptr || list->as_array() == nullptr) return std::nullopt;
  std::vector<PrunedRange> ranges;
  for (const auto& entry : *list->as_array()) {
    ranges.push_back(PrunedRange{Sequence{entry.integer_of("from")}, Sequence{entry.integer_of("through")},
                                 std::string(entry.text_of("hash"))});
  }
  return ranges;
}

}  // namespace

std::string encode_pruned(const std::vector<PrunedRange>& ranges) {
  return json::dump(json::Object{{"pruned", ranges_value(ranges)}});
}

Result<std::vector<PrunedRange>> decode_pruned(std::string_view body) {
  auto value = parse_body(body, "a record of retention");
  if (!value) return value.error();
  auto ranges = ranges_from(value->find("pruned"));
  if (!ranges) return corrupt("a record of retention");
  return std::move(*ranges);
}

std::string encode_recovered(const RecoveredFact& fact) {
  return json::dump(json::Object{{"lost", ranges_value(fact.lost)},
                                 {"end_unknown", fact.end_unknown},
                                 {"carried", fact.carried},
                                 {"aside", fact.aside},
                                 {"reason", utf8_only(fact.reason)},
                                 {"by", utf8_only(fact.by)}});
}

Result<RecoveredFact> decode_recovered(std::string_view body) {
  auto value = parse_body(body, "a record of recovery");
  if (!value) return value.error();
  auto lost = ranges_from(value->find("lost"));
  const auto* end_unknown = value->find("end_unknown");
  if (!lost || end_unknown == nullptr || end_unknown->as_bool() == nullptr)
    return corrupt("a record of recovery");
  return RecoveredFact{std::move(*lost),
                       *end_unknown->as_bool(),
                       value->integer_of("carried"),
                       std::string(value->text_of("aside")),
                       std::string(value->text_of("reason")),
                       std::string(value->text_of("by"))};
}

}  // namespace tillsync
