#include "agent/views/event_view.h"

namespace tillsync {

json::Value event_view(const JournaledEvent& event) {
  json::Object view{{"sequence", event.sequence.value},
                    {"at", format_utc(event.recorded_at)},
                    {"document", event.document_id},
                    {"type", type_name(event.type)},
                    {"terminal", event.terminal}};
  if (const auto* outcome = std::get_if<OutcomeFact>(&event.fact)) {
    view.emplace_back("target", outcome->target);
    view.emplace_back("step", outcome->delivery.step);
    view.emplace_back("attempt", outcome->attempt);
    view.emplace_back("outcome", outcome_name(outcome->outcome.kind));
    if (outcome->outcome.http_status != 0) view.emplace_back("http_status", outcome->outcome.http_status);
    if (!outcome->outcome.central_reference.empty())
      view.emplace_back("central_reference", outcome->outcome.central_reference);
  } else {
    const auto& decision = std::get<DecisionFact>(event.fact);
    view.emplace_back("target", decision.target);
    view.emplace_back("step", decision.delivery.step);
    view.emplace_back("decision", decision_name(decision.kind));
  }
  view.emplace_back("status", status_name(event.status));
  return view;
}

// JSON text has no line break of its own: one data line holds it.
void append_event(std::string& out, const JournaledEvent& event) {
  out += "id: ";
  out += std::to_string(event.sequence.value);
  out += std::holds_alternative<OutcomeFact>(event.fact) ? "\nevent: outcome\ndata: "
                                                         : "\nevent: decision\ndata: ";
  json::dump_to(out, event_view(event));
  out += "\n\n";
}

}  // namespace tillsync
