#include "agent/till_api/answers.h"

#include <fmt/format.h>

#include "platform/json/json.h"

namespace tillsync {
namespace {

constexpr const char* kDiskRetryAfterS = "30";
constexpr const char* kBusyRetryAfterS = "1";
constexpr const char* kRestartRetryAfterS = "5";

std::string faults_member(const Refusal& refusal) {
  if (refusal.faults.empty()) return {};
  json::Array faults;
  for (const auto& fault : refusal.faults) {
    faults.emplace_back(json::Object{{"pointer", fault.pointer}, {"detail", fault.detail}});
  }
  return ",\"errors\":" + json::dump(faults);
}

/// A document id is free of anything that a path would have to escape but ':', which may stand in a path
/// segment (RFC 3986).
std::string location_of(const std::string& id) {
  return "/v1/documents/" + id;
}

}  // namespace

ServerResponse refusal_answer(const Refusal& refusal) {
  const auto errors = faults_member(refusal);
  switch (refusal.kind) {
    case Refusal::Kind::kMalformed:
      return problem_response(400, "malformed", "The body is not a document", refusal.detail, errors);
    case Refusal::Kind::kCardNumber:
      return problem_response(422, "card-number", "The document holds a card number", refusal.detail, errors);
    case Refusal::Kind::kInvalid:
      break;
  }
  return problem_response(422, "invalid-document", "The document is not valid", refusal.detail, errors);
}

ServerResponse storage_exhausted_answer() {
  auto response = problem_response(
      507, "storage-exhausted", "The disk is full",
      "The store's disk has reached its reserve; nothing was stored. Free some space: posting "
      "goes on by itself.");
  response.headers.emplace_back("Retry-After", kDiskRetryAfterS);
  return response;
}

ServerResponse journal_damaged_answer() {
  auto response = problem_response(
      503, "journal-damaged", "The journal is damaged",
      "Nothing was stored, and nothing is delivered, until a person has recovered the journal: store IT "
      "finds "
      "what to do in the log and in `tillsync status`. Keep the document, and post it again.");
  response.headers.emplace_back("Retry-After", kDiskRetryAfterS);
  return response;
}

ServerResponse journal_error_answer(const Error& error) {
  if (error.code == "storage-full") return storage_exhausted_answer();
  if (error.kind == ErrorKind::kCorrupt) return journal_damaged_answer();
  const bool stopping = error.code == "shutting-down";
  const bool busy = error.code == "overloaded";
  auto response = stopping ? problem_response(503, "shutting-down", "tillsync is stopping", error.detail)
                  : busy   ? problem_response(503, "overloaded", "tillsync is busy", error.detail)
                           : problem_response(503, "storage-failed", "The journal could not be written",
                                              "The store's disk failed; nothing was stored. Post again; store "
                                                "IT finds the cause in the log.");
  response.headers.emplace_back("Retry-After", stopping ? kRestartRetryAfterS
                                               : busy   ? kBusyRetryAfterS
                                                        : kDiskRetryAfterS);
  return response;
}

ServerResponse reused_answer(const std::string& id, const PostAnswer& answer) {
  const auto detail = answer.key_reused
                          ? "The Idempotency-Key was used for another document (sequence " +
                                std::to_string(answer.sequence.value) + "); a new document needs a new key."
                          : "The id \"" + id + "\" belongs to another document (sequence " +
                                std::to_string(answer.sequence.value) +
                                "); an id is never used twice in a store.";
  const Refusal at_id{Refusal::Kind::kInvalid, {}, {Fault{"/id", "belongs to another document"}}};
  return problem_response(422, "id-reused", answer.key_reused ? "The key is taken" : "The id is taken",
                          detail, answer.key_reused ? std::string() : faults_member(at_id));
}

ServerResponse other_terminal_answer(const std::string& caller) {
  const Refusal at_terminal{Refusal::Kind::kInvalid, {}, {Fault{"/terminal", "must be \"" + caller + "\""}}};
  return problem_response(403, "forbidden", "The document is another terminal's",
                          "The token is terminal \"" + caller + "\"'s, and posts its documents alone.",
                          faults_member(at_terminal));
}

ServerResponse accepted_answer(const std::string& id, const PostAnswer& answer, DocumentStatus status) {
  const bool replayed = answer.kind == PostAnswer::Kind::kReplayed;
  ServerResponse response;
  response.status = replayed ? 200 : 201;
  response.headers.emplace_back("Location", location_of(id));
  if (replayed) response.headers.emplace_back("Idempotency-Replayed", "true");
  // An id, a status' name and a time need no escape in JSON.
  response.body = fmt::format(R"({{"id":"{}","sequence":{},"status":"{}","recorded_at":"{}"}})", id,
                              answer.sequence.value, status_name(status), format_utc(answer.recorded_at));
  return response;
}

std::string bulk_line(const ServerResponse& refusal) {
  return "{\"status\":" + std::to_string(refusal.status) + ",\"problem\":" + refusal.body + "}\n";
}

std::string bulk_line(const std::string& id, const Result<PostAnswer>& answer) {
  if (!answer) return bulk_line(journal_error_answer(answer.error()));
  if (answer->kind == PostAnswer::Kind::kReused) return bulk_line(reused_answer(id, *answer));
  const bool replayed = answer->kind == PostAnswer::Kind::kReplayed;
  return fmt::format(R"({{"status":{},"id":"{}","sequence":{},"recorded_at":"{}"{}}})"
                     "\n",
                     replayed ? 200 : 201, id, answer->sequence.value, format_utc(answer->recorded_at),
                     replayed ? R"(,"replayed":true)" : "");
}

}  // namespace tillsync
