#include "agent/views/conflict_view.h"

namespace tillsync {

json::Value conflict_view(const ConflictView& conflict) {
  const auto& fact = conflict.fact;
  const auto& resolution = conflict.resolution;
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? json::Value() : json::Value(text);
  };
  json::Object view{{"id", std::to_string(conflict.record.value)},
                    {"document", text_or_null(fact.document_id)},
                    {"kind", fact.kind},
                    {"policy", fact.policy},
                    {"decision", conflict.decision()},
                    {"decided_by", text_or_null(conflict.decided_by())},
                    {"at", format_utc(conflict.decided_at())},
                    {"open", conflict.is_open()},
                    {"found_at", format_utc(conflict.at)},
                    {"sequence", fact.document ? json::Value(fact.document->value) : json::Value()},
                    {"business_day", fact.business_day.text()},
                    {"target", fact.target},
                    {"subject", fact.subject},
                    {"explanation", fact.explanation}};
  json::Array choices;
  if (conflict.is_open()) {
    for (const auto& choice : fact.choices) choices.emplace_back(choice);
  }
  view.emplace_back("choices", std::move(choices));
  view.emplace_back("store", fact.store);
  view.emplace_back("central", fact.central);
  if (resolution) view.emplace_back("reason", resolution->fact.reason);
  return view;
}

}  // namespace tillsync
