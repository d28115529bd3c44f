#include "agent/ops_api/journal_reads.h"

#include <fmt/format.h>
#include <charconv>

#include "agent/http_server/problems.h"
#include "agent/views/cure.h"
#include "agent/views/document_view.h"
#include "outbox/document/validation.h"

namespace tillsync {

ServerResponse json_response(const json::Value& value) {
  ServerResponse response;
  response.body = json::dump(value);
  return response;
}

ServerResponse bad_request(std::string_view detail) {
  return problem_response(400, "malformed", "The request is malformed", detail);
}

ServerResponse error_response(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalid:
      return problem_response(409, error.code, "That cannot be done", error.detail);
    case ErrorKind::kNotFound:
      return not_found(error.detail);
    case ErrorKind::kUnavailable:
      return problem_response(503, error.code, "Not now", error.detail);
    default:
      return problem_response(503, "storage-failed", "The journal failed", error.detail);
  }
}

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

namespace {

json::Value quarantine_json(const std::vector<QuarantineEntry>& entries) {
  json::Array list;
  for (const auto& entry : entries) {
    list.emplace_back(
        json::Object{{"delivery", std::to_string(entry.delivery.document.value) + ":" + entry.delivery.step},
                     {"document", entry.document_id},
                     {"type", type_name(entry.type)},
                     {"target", entry.target},
                     {"step", entry.delivery.step},
                     {"since", format_utc(entry.since)},
                     {"attempts", entry.attempts},
                     {"reason", entry.reason},
                     {"cure", suggested_cure(entry.reason, entry.http_status)},
                     {"answer", json::Object{{"status", entry.http_status}, {"body", entry.answer}}}});
  }
  return json::Object{{"quarantine", std::move(list)}};
}

}  // namespace

Result<Period> read_period(const ServerRequest& request) {
  const auto day = request.parameter("business_day");
  const auto from = day ? day : request.parameter("from");
  const auto to = day ? day : request.parameter("to");
  if (!from || !to) {
    return Error{ErrorKind::kInvalid, "malformed", "give business_day=YYYY-MM-DD, or from= and to="};
  }
  auto first = BusinessDay::parse(*from);
  if (!first) return first.error();
  auto last = BusinessDay::parse(*to);
  if (!last) return last.error();
  return Period{*first, *last};
}

ServerResponse quarantine_response(JournalReader& reader) {
  auto entries = reader.quarantine(kQuarantineListMax);
  return entries ? json_response(quarantine_json(*entries)) : error_response(entries.error());
}

ServerResponse story_response(JournalReader& reader, const std::string& id) {
  if (!is_document_id(id)) return not_found("A document's id is 1 to 64 of A-Z a-z 0-9 . _ : -");
  auto story = document_story(reader, id);
  if (!story) return error_response(story.error());
  return *story ? json_response(**story)
                : not_found("No document with the id \"" + id + "\" was posted here.");
}

Result<RecordsPage> read_page(const ServerRequest& request) {
  const auto after = integer(request.parameter("after").value_or("0"));
  const auto limit = integer(request.parameter("limit").value_or(std::to_string(kJournalPageDefault)));
  if (!after || !limit || *limit < 1 || *limit > static_cast<std::int64_t>(kJournalPageMax)) {
    return Error{ErrorKind::kInvalid, "malformed",
                 fmt::format("after is a sequence, limit 1 to {}", kJournalPageMax)};
  }
  return RecordsPage{Sequence{*after}, static_cast<std::size_t>(*limit)};
}

ServerResponse records_response(JournalReader& reader, const RecordsPage& page) {
  auto records = reader.records(page.after, page.limit);
  if (!records) return error_response(records.error());
  ServerResponse response;
  response.content_type = "application/x-ndjson";
  for (const auto& record : *records) {
    auto view = reader.noted(record_view(record));
    if (!view) return error_response(view.error());
    json::dump_to(response.body, *view);
    response.body += '\n';
  }
  return response;
}

}  // namespace tillsync
