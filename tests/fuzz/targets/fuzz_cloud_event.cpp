// CloudEvents, one or a batch: an event is taken exactly where its document would be, and says the same.
#include "agent/till_api/answers.h"
#include "agent/till_api/cloud_event.h"
#include "agent/till_api/request_headers.h"
#include "outbox/document/canonical.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

/// The event of a document: what any till that speaks CloudEvents would wrap around it.
json::Value event_of(const Document& document) {
  return json::Object{{"specversion", "1.0"},
                      {"type", "com.example.document"},
                      {"source", document.terminal},
                      {"id", document.id},
                      {"data", json::parse(canonical_json(document)).value()}};
}

void check_event(const json::Value& event) {
  const std::string trace = traceparent_of_event(event);
  FUZZ_CHECK(trace.empty() || is_traceparent(trace), "a traceparent is well-formed or not there");
  const auto checked = document_of_event(event, store());
  if (const auto* refusal = std::get_if<Refusal>(&checked)) {
    check_refusal(*refusal);
    const auto answer = refusal_answer(*refusal);
    const auto body = json::parse(answer.body);
    FUZZ_CHECK(body.has_value() && answer.status >= 400 && answer.status < 500, "a refusal is a problem");
    FUZZ_CHECK(body->integer_of("status") == answer.status, "which says its status");
    return;
  }
  const auto& document = std::get<Document>(checked);
  FUZZ_CHECK(event.text_of("id") == document.id, "the event's id is the document's");
  FUZZ_CHECK(event.text_of("source") == document.terminal, "the event's source is the terminal");
  const auto again = document_of_event(event_of(document), store());
  const auto* same = std::get_if<Document>(&again);
  FUZZ_CHECK(same != nullptr && *same == document, "the canonical form in an event says the same");
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tillsync;
  const auto parsed = json::parse(fuzz::text_of(data, size));
  if (!parsed) return 0;  // fuzz_json's business
  if (const auto* events = parsed->as_array()) {
    for (const auto& event : *events) fuzz::check_event(event);
  } else {
    fuzz::check_event(*parsed);
  }
  return 0;
}
