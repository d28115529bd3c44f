#include "outbox/journal/conflict_facts.h"

namespace tillsync {
namespace {

Error corrupt() {
  return Error{ErrorKind::kCorrupt, "record-corrupt", "a conflict in the journal cannot be read"};
}

json::Array texts_value(const std::vector<std::string>& texts) {
  json::Array list;
  for (const auto& text : texts) list.emplace_back(text);
  return list;
}

std::vector<std::string> texts_of(const json::Value& body, std::string_view name) {
  std::vector<std::string> texts;
  const auto* list = body.find(name);
  if (list == nullptr || list->as_array() == nullptr) return texts;
  for (const auto& entry : *list->as_array()) {
    if (const auto* text = entry.as_string()) texts.push_back(*text);
  }
  return texts;
}

json::Value value_of(const json::Value& body, std::string_view name) {
  const auto* value = body.find(name);
  return value == nullptr ? json::Value() : *value;
}

}  // namespace

std::string ConflictFact::key() const {
  json::Array parts;
  parts.emplace_back(kind);
  parts.emplace_back(document ? json::Value(document->value) : json::Value(document_id));
  for (const auto* part : {&subject, &version, &target}) parts.emplace_back(*part);
  return json::dump(parts);
}

std::string encode_conflict(const ConflictFact& fact) {
  json::Object body{{"kind", fact.kind}};
  const auto text = [&body](const char* name, const std::string& value) {
    if (!value.empty()) body.emplace_back(name, value);
  };
  text("document_id", fact.document_id);
  text("subject", fact.subject);
  text("version", fact.version);
  text("target", fact.target);
  body.emplace_back("business_day", fact.business_day.text());
  text("policy", fact.policy);
  text("decision", fact.decision);
  if (!fact.choices.empty()) body.emplace_back("choices", texts_value(fact.choices));
  if (!fact.steps.empty()) body.emplace_back("steps", texts_value(fact.steps));
  text("explanation", fact.explanation);
  if (!fact.store.is_null()) body.emplace_back("store", fact.store);
  if (!fact.central.is_null()) body.emplace_back("central", fact.central);
  return json::dump(body);
}

Result<ConflictFact> decode_conflict(std::optional<Sequence> document, std::string_view body) {
  auto value = json::parse(body);
  if (!value || value->text_of("kind").empty()) return corrupt();
  const auto day = BusinessDay::parse(value->text_of("business_day"));
  if (!day) return corrupt();
  ConflictFact fact;
  fact.document = document;
  fact.business_day = *day;
  for (const auto& [name, member] : {std::pair("kind", &ConflictFact::kind),
                                     {"document_id", &ConflictFact::document_id},
                                     {"subject", &ConflictFact::subject},
                                     {"version", &ConflictFact::version},
                                     {"target", &ConflictFact::target},
                                     {"policy", &ConflictFact::policy},
                                     {"decision", &ConflictFact::decision},
                                     {"explanation", &ConflictFact::explanation}}) {
    fact.*member = value->text_of(name);
  }
  fact.choices = texts_of(*value, "choices");
  fact.steps = texts_of(*value, "steps");
  fact.store = value_of(*value, "store");
  fact.central = value_of(*value, "central");
  return fact;
}

std::string encode_resolution(const ResolutionFact& fact) {
  return json::dump(json::Object{
      {"conflict", fact.conflict.value}, {"choice", fact.choice}, {"reason", fact.reason}, {"by", fact.by}});
}

Result<ResolutionFact> decode_resolution(std::string_view body) {
  auto value = json::parse(body);
  if (!value || value->integer_of("conflict") <= 0 || value->text_of("choice").empty()) return corrupt();
  return ResolutionFact{Sequence{value->integer_of("conflict")}, std::string(value->text_of("choice")),
                        std::string(value->text_of("reason")), std::string(value->text_of("by"))};
}

}  // namespace tillsync
