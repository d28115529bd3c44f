#include "agent/till_api/cloud_event.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;

namespace {

std::string trace_of(const std::string& text) {
  return traceparent_of_event(json::Object{{"specversion", "1.0"}, {"traceparent", text}});
}

}  // namespace

TEST_CASE("I9: of an event's traceparent only a well-formed one is kept") {
  const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  CHECK(trace_of(good) == good);
  CHECK(trace_of("4111 1111 1111 1111").empty());
  CHECK(trace_of(std::string(55, 'x')).empty());
  CHECK(trace_of(good + "-" + std::string(100'000, 'a')).empty());
  CHECK(trace_of("00-00000000000000000000000000000000-00f067aa0ba902b7-01").empty());
  CHECK(traceparent_of_event(json::Object{{"traceparent", 7}}).empty());
  CHECK(traceparent_of_event(json::Object{}).empty());
}

TEST_CASE("cloud event: its own faults and its document's are together a hundred, and all are counted") {
  const StoreDefaults store = test::journal_store();
  for (const int lines : {1, 60, 97, 98, 99, 100, 500}) {
    CAPTURE(lines);
    const json::Object event{
        {"specversion", "0.3"},
        {"id", "S-1"},
        {"source", ""},
        {"type", "sale"},
        {"data", json::Object{{"type", "sale"},
                              {"lines", json::Array(static_cast<std::size_t>(lines), json::Value(7))}}}};
    const auto answer = document_of_event(event, store);
    REQUIRE(std::holds_alternative<Refusal>(answer));
    const auto& refusal = std::get<Refusal>(answer);
    CHECK(refusal.faults.size() <= kFaultsMax);
    CHECK(refusal.faults[0].pointer == "/specversion");
    const std::size_t told = refusal.faults.size() - (refusal.faults_more > 0 ? 1 : 0) + refusal.faults_more;
    CHECK(told > static_cast<std::size_t>(lines));
    CHECK((refusal.faults_more > 0) == (told > kFaultsMax));
    if (refusal.faults_more > 0) {
      CHECK(refusal.faults.size() == kFaultsMax);
      CHECK(refusal.faults.back().pointer.empty());
      CHECK(refusal.faults.back().detail == "and " + std::to_string(refusal.faults_more) + " faults more");
    }
  }
}
