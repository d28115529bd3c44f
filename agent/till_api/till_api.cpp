#include "agent/till_api/till_api.h"

#include "agent/http_server/problems.h"
#include "agent/till_api/answers.h"
#include "agent/till_api/bulk_post.h"
#include "agent/till_api/cloud_event.h"
#include "agent/till_api/request_headers.h"
#include "agent/views/document_view.h"
#include "outbox/document/card_number.h"

namespace tillsync {
namespace {

ServerResponse overloaded() {
  return journal_error_answer(
      Error{ErrorKind::kUnavailable, "overloaded", "too much waits to be read; ask again in a second"});
}

bool is_bulk(PostMedia media) {
  return media == PostMedia::kNdjson || media == PostMedia::kCloudEventBatch;
}

json::Value health_json(const Health& health) {
  json::Object targets;
  for (const auto& [name, state] : health.targets) targets.emplace_back(name, json::Object{{"state", state}});
  return json::Object{{"status", health.accepting ? "ok" : "degraded"},
                      {"accepting", health.accepting},
                      {"backlog", health.backlog},
                      {"targets", std::move(targets)}};
}

}  // namespace

TillApi::TillApi(Parts parts, TillApiLimits limits)
    : parts_(std::move(parts)),
      limits_(limits),
      waiters_(parts_.loop),
      batches_(parts_.loop, parts_.journal),
      events_(parts_.loop, parts_.journal, parts_.workers, limits_.events) {}

std::uint64_t TillApi::body_bytes_max(const ServerRequest& head) const {
  const auto media = post_media(head);
  return media && is_bulk(*media) ? limits_.bulk_bytes_max : kDocumentBytesMax;
}

void TillApi::handle(ServerRequest request, Responder respond) {
  if (request.path == "/v1/documents" &&
      request.method == "POST")  // nearly all: no need to take the path apart
    return post(std::move(request), std::move(respond));
  const auto segments = request.segments();
  const bool versioned = !segments.empty() && segments[0] == "v1";
  if (versioned && segments.size() == 2 && segments[1] == "documents") {
    if (request.method != "POST") return respond(not_allowed("POST"));
    return post(std::move(request), std::move(respond));
  }
  if (versioned && segments.size() == 3 && segments[1] == "documents") {
    if (request.method != "GET" && request.method != "HEAD") return respond(not_allowed("GET"));
    return show(segments[2], std::move(respond));
  }
  if (versioned && segments.size() == 2 && segments[1] == "health") {
    if (request.method != "GET" && request.method != "HEAD") return respond(not_allowed("GET"));
    ServerResponse response;
    response.body = json::dump(health_json(parts_.health()));
    return respond(std::move(response));
  }
  if (versioned && segments.size() == 2 && segments[1] == "events") {
    if (request.method != "GET") return respond(not_allowed("GET"));
    return events_.open(std::move(request), respond);
  }
  respond(not_found("The till API has /v1/documents, /v1/documents/{id}, /v1/events and /v1/health."));
}

void TillApi::post(ServerRequest request, Responder respond) {
  const auto media = post_media(request);
  if (!media) {
    return respond(problem_response(415, "unsupported-media-type", "The media type is not taken",
                                    "Post application/json, application/x-ndjson, "
                                    "application/cloudevents+json or application/cloudevents-batch+json, "
                                    "UTF-8, without a Content-Encoding."));
  }
  if (!parts_.disk_has_room()) return respond(storage_exhausted_answer());
  switch (*media) {
    case PostMedia::kJson:
      return post_single(request, std::move(respond));
    case PostMedia::kCloudEvent:
      return post_event(request, std::move(respond));
    case PostMedia::kNdjson:
      return post_bulk(std::move(request), std::move(respond), false);
    case PostMedia::kCloudEventBatch:
      return post_bulk(std::move(request), std::move(respond), true);
  }
}

void TillApi::post_single(const ServerRequest& request, Responder respond) {
  post_document(request, parse_document(request.body, parts_.store), {}, std::move(respond));
}

void TillApi::post_event(const ServerRequest& request, Responder respond) {
  auto event = json::parse(request.body);
  if (!event) {
    Refusal refusal{Refusal::Kind::kMalformed, event.error().detail, {Fault{"", event.error().detail}}};
    return respond(refusal_answer(refusal));
  }
  post_document(request, document_of_event(*event, parts_.store), traceparent_of_event(*event),
                std::move(respond));
}

void TillApi::post_document(const ServerRequest& request, std::variant<Document, Refusal> checked,
                            std::string events_trace, Responder respond) {
  if (const auto* refusal = std::get_if<Refusal>(&checked)) return respond(refusal_answer(*refusal));
  auto meta = document_meta(request);
  if (!meta) return respond(problem_response(400, "malformed", "A header is malformed", meta.error().detail));
  if (!events_trace.empty()) meta->traceparent = std::move(events_trace);
  if (holds_card_number(meta->correlation_id)) {  // a key may look like one, as an id may: it often is the id
    return respond(refusal_answer(Refusal{
        Refusal::Kind::kCardNumber, "X-Correlation-ID holds a card number; send another, or none", {}}));
  }
  const auto wait = std::min(prefer_wait(request), limits_.wait_max);
  const auto& document = std::get<Document>(checked);
  if (!request.caller.empty() && document.terminal != request.caller)
    return respond(other_terminal_answer(request.caller));
  // Before the commit: a change of status that follows it arrives at the loop behind the answer.
  if (wait.count() != 0) waiters_.announce();
  batches_.add(
      make_post(document, std::move(*meta)),
      [this, id = document.id, wait, respond = std::move(respond)](const Result<PostAnswer>& answer) {
        if (answer && answer->kind != PostAnswer::Kind::kReused)
          return answer_post(id, wait, *answer, respond);
        if (wait.count() != 0) waiters_.cancel();
        respond(answer ? reused_answer(id, *answer) : journal_error_answer(answer.error()));
      });
}

void TillApi::answer_post(const std::string& id, std::chrono::milliseconds wait, const PostAnswer& answer,
                          const Responder& respond) {
  if (wait.count() == 0) return respond(accepted_answer(id, answer, DocumentStatus::kJournaled));
  const bool settled = answer.status != DocumentStatus::kJournaled;
  if (settled || waiters_.size() >= limits_.waiters_max) {
    waiters_.cancel();
    auto response = accepted_answer(id, answer, answer.status);
    if (settled) response.headers.emplace_back("Preference-Applied", "wait");
    return respond(std::move(response));
  }
  waiters_.wait(answer.sequence, wait, [id, answer, respond](DocumentStatus status) {
    auto response = accepted_answer(id, answer, status);
    response.headers.emplace_back("Preference-Applied", "wait");
    respond(std::move(response));
  });
}

void TillApi::post_bulk(ServerRequest request, Responder respond, bool events) {
  auto meta = document_meta(request);
  if (!meta) return respond(problem_response(400, "malformed", "A header is malformed", meta.error().detail));
  if (!meta->idempotency_key.empty()) {
    return respond(problem_response(
        400, "malformed", "A header is malformed",
        "Idempotency-Key belongs to a single post; in a bulk post each document's id is its identity."));
  }
  auto bulk = std::make_shared<BulkPost>(parts_, limits_, std::move(request.body), std::move(*meta), respond,
                                         std::move(request.caller));
  const bool queued = parts_.workers.run([bulk, events](JournalReader&) {
    if (events) {
      bulk->start_events();
    } else {
      bulk->start_ndjson();
    }
  });
  if (!queued) respond(overloaded());
}

void TillApi::show(const std::string& id, Responder respond) {
  // Told without the text: it may be no UTF-8, and an answer has to be.
  if (!is_document_id(id)) return respond(not_found("A document's id is 1 to 64 of A-Z a-z 0-9 . _ : -"));
  const bool queued = parts_.workers.run([id, respond](JournalReader& reader) {
    auto view = document_view(reader, id);
    if (!view) return respond(journal_error_answer(view.error()));
    if (!*view) return respond(not_found("No document with the id \"" + id + "\" was posted here."));
    ServerResponse response;
    response.body = std::move(**view);
    respond(std::move(response));
  });
  if (!queued) respond(overloaded());
}

void TillApi::committed(const CommitNews& news) {
  events_.committed();
  if (news.changes.empty() || !waiters_.any_waiting()) return;
  parts_.loop.post([this, changes = news.changes] { waiters_.changed(changes); });
}

void TillApi::release_waiters() {
  waiters_.release_all();
  events_.stop();
}

}  // namespace tillsync
