#include "agent/till_api/cloud_event.h"

#include "agent/till_api/request_headers.h"

namespace tillsync {
namespace {

void require_text(const json::Value& event, std::string_view name, std::vector<Fault>& faults) {
  const auto* member = event.find(name);
  if (member == nullptr || member->as_string() == nullptr || member->as_string()->empty()) {
    faults.push_back(Fault{"/" + std::string(name), "CloudEvents 1.0 requires a text here"});
  }
}

/// Puts the event's attribute into `data` where it is missing there; a different value is a fault.
void give(json::Object& data, std::string_view member, const json::Value& event, std::string_view attribute,
          std::vector<Fault>& faults) {
  const auto value = event.text_of(attribute);
  for (const auto& [name, present] : data) {
    if (name != member) continue;
    if (const auto* text = present.as_string(); text != nullptr && *text != value) {
      faults.push_back(Fault{
          "/data/" + std::string(member),
          "differs from the event's " + std::string(attribute) + "; leave it out, or make them the same"});
    }
    return;
  }
  data.emplace_back(std::string(member), value);
}

std::string event_pointer(const std::string& pointer, bool own_id, bool own_terminal) {
  if (pointer == "/id" && !own_id) return "/id";
  if (pointer == "/terminal" && !own_terminal) return "/source";
  return "/data" + pointer;
}

/// The event's own faults and the document's are together kFaultsMax at most.
void keep_bounded(Refusal& refusal) {
  auto& faults = refusal.faults;
  const std::size_t all = faults.size() + refusal.faults_more;
  if (all <= kFaultsMax) return;
  if (faults.size() >= kFaultsMax) faults.resize(kFaultsMax - 1);
  refusal.faults_more = all - faults.size();
  faults.push_back(further_faults(refusal.faults_more));
}

}  // namespace

std::variant<Document, Refusal> document_of_event(const json::Value& event, const StoreDefaults& store) {
  Refusal refusal{Refusal::Kind::kInvalid, "the CloudEvent is not valid", {}};
  if (event.as_object() == nullptr) {
    refusal.faults.push_back(Fault{"", "a CloudEvent is a JSON object"});
    return refusal;
  }
  if (event.text_of("specversion") != "1.0") {
    refusal.faults.push_back(Fault{"/specversion", "must be \"1.0\""});
  }
  for (const auto* name : {"id", "source", "type"}) require_text(event, name, refusal.faults);
  const auto* data = event.find("data");
  if (data == nullptr || data->as_object() == nullptr) {
    refusal.faults.push_back(
        Fault{"/data", "must be the document, a JSON object (data_base64 is not taken)"});
    return refusal;
  }
  const bool own_id = data->find("id") != nullptr;
  const bool own_terminal = data->find("terminal") != nullptr;
  json::Object body = *data->as_object();
  give(body, "id", event, "id", refusal.faults);
  give(body, "terminal", event, "source", refusal.faults);
  auto checked = check_document(json::Value(std::move(body)), store);
  if (auto* inner = std::get_if<Refusal>(&checked)) {
    if (inner->faults_more > 0) inner->faults.pop_back();
    for (auto& fault : inner->faults) {
      refusal.faults.push_back(
          Fault{event_pointer(fault.pointer, own_id, own_terminal), std::move(fault.detail)});
    }
    refusal.faults_more = inner->faults_more;
    keep_bounded(refusal);
    refusal.kind = inner->kind;
    refusal.detail = inner->detail;
  }
  if (refusal.faults.empty() && std::holds_alternative<Document>(checked)) return checked;
  return refusal;
}

std::string traceparent_of_event(const json::Value& event) {
  const auto text = event.text_of("traceparent");
  return is_traceparent(text) ? std::string(text) : std::string();
}

}  // namespace tillsync
