// What a connector's `answer` program said of an answer, made into what deliveries need. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "outbox/delivery/outcome.h"
#include "platform/http/client.h"
#include "platform/json/json.h"

namespace tillsync {

/// | `outcome`     | means |
/// |---------------|--------------------------------------------------------------------------------------------|
/// | (none), next  | so far so good: go on with the next request | | delivered     | done;
/// `central_reference` from here or from what was captured                              | | retryable,
/// rejected, unknown | as the delivery's outcome                                                   | | absent
/// | look-ups: the target does not have it                                                      | | resume |
/// look-ups: it has a part of it; go on at the request `at` of submit                         |
struct Verdict {
  enum class Kind { kNext, kSettled, kAbsent, kResume };
  Kind kind = Kind::kNext;
  Outcome outcome;       ///< of kSettled
  json::Object capture;  ///< what the requests behind this one get as `.captured`, added to what is there
  std::string at;        ///< of kResume
};

/// `said`: the program's output, an object. Members: `outcome`, `central_reference`, `reason`,
/// `retry_after_s`, `signal` (fine, unreachable, throttled, unauthorized; else from the status), `capture`,
/// `at`. What is not as it should be makes the outcome unknown, and says so in its reason. `captured` is what
/// earlier requests left.
Verdict verdict_of(const json::Value& said, const http::Answer& answer, const json::Object& captured);

/// A mapping that failed before anything of its request was sent: rejected, for a person to mend the
/// connector; retryable where jq itself could not serve.
Outcome outcome_of_unmade(const Error& error, std::string_view what);
/// A mapping that failed on an answer: whatever the target did is done.
Outcome outcome_of_unread(const Error& error, const http::Answer& answer, std::string_view what);

/// What a connector's `report` gave: {burst: {left, resets_s}, day: {left, resets_s}}, each optional, as
/// numbers. What is not so says nothing.
LimitsLeft limits_said(const json::Value* report);

/// The member of that name, or nullptr.
const json::Value* member(const json::Object& object, std::string_view name);
/// Adds members, a later one of the same name in the place of the earlier.
void merge(json::Object& into, const json::Object& more);

}  // namespace tillsync
