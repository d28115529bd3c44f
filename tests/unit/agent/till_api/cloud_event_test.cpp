#include "agent/till_api/cloud_event.h"

#include <doctest/doctest.h>

#include <string>

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
