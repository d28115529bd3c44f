#include "agent/till_api/bulk_post.h"

#include <algorithm>

#include "agent/till_api/answers.h"
#include "agent/till_api/cloud_event.h"

namespace tillsync {
namespace {

/// One in the journal, one that waits behind it: what a body holds in memory stays two chunks.
constexpr std::size_t kChunksUnderWay = 2;

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

// On a worker: checks chunks and hands them to the journal until enough are under way; who is told of an
// answer goes on here.
void BulkPost::step() {
  while (write_answered()) {
    if (taken_all_) return finish();
    auto chunk = take_chunk();
    if (chunk->items.empty()) {
      taken_all_ = true;
    } else {
      journal(chunk);
    }
  }
}

/// Writes the lines of what is answered at the front. True where there is something to do now: a chunk may be
/// taken, or all is answered. Else the journal's next answer goes on.
bool BulkPost::write_answered() {
  while (true) {
    std::shared_ptr<Chunk> chunk;
    {
      const std::lock_guard lock(mutex_);
      if (under_way_.empty()) return true;
      if (!under_way_.front()->answered) {
        stepping_ = !taken_all_ && under_way_.size() < kChunksUnderWay;
        return stepping_;
      }
      chunk = std::move(under_way_.front());
      under_way_.pop_front();
    }
    write_lines(*chunk);
  }
}

void BulkPost::journal(const std::shared_ptr<Chunk>& chunk) {
  {
    const std::lock_guard lock(mutex_);
    under_way_.push_back(chunk);
    chunk->answered = chunk->posts.empty();
    if (!chunk->answered && !parts_.disk_has_room()) {
      const Error full{ErrorKind::kStorage, "storage-full", "the disk is at its reserve"};
      chunk->answers.assign(chunk->posts.size(), Result<PostAnswer>(full));
      chunk->answered = true;
    }
    if (chunk->answered) return;
  }
  parts_.journal.post(std::exchange(chunk->posts, {}),
                      [self = shared_from_this(), chunk](std::vector<Result<PostAnswer>> answers) {
                        {
                          const std::lock_guard lock(self->mutex_);
                          chunk->answers = std::move(answers);
                          chunk->answered = true;
                          if (std::exchange(self->stepping_, true)) return;
                        }
                        // Checking the next chunk is no work for the journal thread.
                        if (!self->parts_.workers.run([self](JournalReader&) { self->step(); })) self->step();
                      });
}

std::shared_ptr<BulkPost::Chunk> BulkPost::take_chunk() {
  auto chunk = std::make_shared<Chunk>();
  const auto room = [&] {
    return chunk->items.size() < limits_.bulk_chunk_documents && chunk->bytes < limits_.bulk_chunk_bytes;
  };
  if (events_) {
    const auto& events = *batch_.as_array();
    for (; next_ < events.size() && room(); ++next_) {
      DocumentMeta meta = meta_;
      if (auto trace = traceparent_of_event(events[next_]); !trace.empty())
        meta.traceparent = std::move(trace);
      const auto bytes = json::dump(events[next_]).size();
      if (bytes > kDocumentBytesMax) {
        chunk->items.push_back(Item{bulk_line(too_large_line()), {}, false});
        continue;
      }
      add(*chunk, document_of_event(events[next_], parts_.store), std::move(meta), bytes);
    }
    return chunk;
  }
  while (next_ < body_.size() && room()) {
    const auto end = std::min(body_.find('\n', next_), body_.size());
    const auto line = std::string_view(body_).substr(next_, end - next_);
    next_ = end + 1;
    if (is_blank(line)) continue;
    if (line.size() > kDocumentBytesMax) {
      chunk->items.push_back(Item{bulk_line(too_large_line()), {}, false});
      continue;
    }
    add(*chunk, parse_document(line, parts_.store), meta_, line.size());
  }
  return chunk;
}

void BulkPost::add(Chunk& chunk, std::variant<Document, Refusal> checked, DocumentMeta meta,
                   std::size_t bytes) {
  chunk.bytes += bytes;
  if (auto* refusal = std::get_if<Refusal>(&checked)) {
    if (answer_.size() > limits_.bulk_answer_bytes_max) refusal->faults.clear();
    chunk.items.push_back(Item{bulk_line(refusal_answer(*refusal)), {}, false});
    return;
  }
  const auto& document = std::get<Document>(checked);
  if (!caller_.empty() && document.terminal != caller_) {
    chunk.items.push_back(Item{bulk_line(other_terminal_answer(caller_)), {}, false});
    return;
  }
  chunk.items.push_back(Item{{}, document.id, true});
  chunk.posts.push_back(make_post(document, std::move(meta)));
}

void BulkPost::write_lines(const Chunk& chunk) {
  std::size_t next = 0;
  for (const auto& item : chunk.items) {
    answer_ += item.waits ? bulk_line(item.id, chunk.answers[next++]) : item.line;
  }
}

void BulkPost::finish() {
  ServerResponse response;
  response.content_type = "application/x-ndjson";
  response.body = std::move(answer_);
  respond_(std::move(response));
}

}  // namespace tillsync
