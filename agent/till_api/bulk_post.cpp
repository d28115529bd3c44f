#include "agent/till_api/bulk_post.h"

#include <algorithm>

#include "agent/till_api/answers.h"
#include "agent/till_api/cloud_event.h"

namespace tillsync {
namespace {

ServerResponse too_large_line() {
  return problem_response(413, "too-large", "The document is too large", "A document is at most 1 MiB.");
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

ServerResponse too_many(std::size_t documents_max) {
  return problem_response(
      413, "too-large", "The body holds too many documents",
      "A body holds at most " + std::to_string(documents_max) + " documents; nothing was stored.");
}

}  // namespace

void BulkPost::start_ndjson() {
  std::size_t documents = 0;  // blank lines are none
  for (std::size_t at = 0; at < body_.size();) {
    const auto end = std::min(body_.find('\n', at), body_.size());
    if (!is_blank(std::string_view(body_).substr(at, end - at))) ++documents;
    at = end + 1;
  }
  if (documents > limits_.bulk_documents_max) return respond_(too_many(limits_.bulk_documents_max));
  step();
}

void BulkPost::start_events() {
  events_ = true;
  auto parsed = json::parse(body_);
  if (!parsed) {
    return respond_(
        problem_response(400, "malformed", "The body is not a batch of CloudEvents", parsed.error().detail));
  }
  if (parsed->as_array() == nullptr) {
    return respond_(
        problem_response(400, "malformed", "The body is not a batch of CloudEvents",
                         "A batch is a JSON array of events (CloudEvents JSON format, section 4)."));
  }
  if (parsed->as_array()->size() > limits_.bulk_documents_max)
    return respond_(too_many(limits_.bulk_documents_max));
  batch_ = std::move(*parsed);
  body_.clear();
  body_.shrink_to_fit();
  step();
}

// Takes chunks until one has something for the journal, whose answer comes back in journaled().
void BulkPost::step() {
  for (take_chunk(); posts_.empty() || !parts_.disk_has_room(); take_chunk()) {
    if (chunk_.empty()) return finish();
    const Error full{ErrorKind::kStorage, "storage-full", "the disk is at its reserve"};
    write_lines(std::vector<Result<PostAnswer>>(std::exchange(posts_, {}).size(), Result<PostAnswer>(full)));
  }
  auto posts = std::exchange(posts_, {});
  parts_.journal.post_all(std::move(posts), [self = shared_from_this()](
                                                std::vector<Result<PostAnswer>> answers) {
    // Checking the next chunk is no work for the journal thread.
    auto shared = std::make_shared<std::vector<Result<PostAnswer>>>(std::move(answers));
    if (!self->parts_.workers.run([self, shared](JournalReader&) { self->journaled(std::move(*shared)); })) {
      self->journaled(std::move(*shared));
    }
  });
}

void BulkPost::take_chunk() {
  chunk_bytes_ = 0;
  const auto room = [this] {
    return chunk_.size() < limits_.bulk_chunk_documents && chunk_bytes_ < limits_.bulk_chunk_bytes;
  };
  if (events_) {
    const auto& events = *batch_.as_array();
    for (; next_ < events.size() && room(); ++next_) {
      DocumentMeta meta = meta_;
      if (auto trace = traceparent_of_event(events[next_]); !trace.empty())
        meta.traceparent = std::move(trace);
      const auto bytes = json::dump(events[next_]).size();
      if (bytes > kDocumentBytesMax) {
        chunk_.push_back(Item{bulk_line(too_large_line()), {}, false});
        continue;
      }
      add(document_of_event(events[next_], parts_.store), std::move(meta), bytes);
    }
    return;
  }
  while (next_ < body_.size() && room()) {
    const auto end = std::min(body_.find('\n', next_), body_.size());
    const auto line = std::string_view(body_).substr(next_, end - next_);
    next_ = end + 1;
    if (is_blank(line)) continue;
    if (line.size() > kDocumentBytesMax) {
      chunk_.push_back(Item{bulk_line(too_large_line()), {}, false});
      continue;
    }
    add(parse_document(line, parts_.store), meta_, line.size());
  }
}

void BulkPost::add(std::variant<Document, Refusal> checked, DocumentMeta meta, std::size_t bytes) {
  chunk_bytes_ += bytes;
  if (auto* refusal = std::get_if<Refusal>(&checked)) {
    if (answer_.size() > limits_.bulk_answer_bytes_max) refusal->faults.clear();
    chunk_.push_back(Item{bulk_line(refusal_answer(*refusal)), {}, false});
    return;
  }
  auto& document = std::get<Document>(checked);
  chunk_.push_back(Item{{}, document.id, true});
  posts_.push_back(make_post(std::move(document), std::move(meta)));
}

void BulkPost::journaled(std::vector<Result<PostAnswer>> answers) {
  write_lines(answers);
  step();
}

void BulkPost::write_lines(const std::vector<Result<PostAnswer>>& answers) {
  std::size_t next = 0;
  for (auto& item : chunk_) {
    answer_ += item.waits ? bulk_line(item.id, answers[next++]) : item.line;
  }
  chunk_.clear();
}

void BulkPost::finish() {
  ServerResponse response;
  response.content_type = "application/x-ndjson";
  response.body = std::move(answer_);
  respond_(std::move(response));
}

}  // namespace tillsync
