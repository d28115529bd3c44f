#include "outbox/journal/documents_ahead.h"

#include <algorithm>

#include "outbox/document/canonical.h"
#include "outbox/journal/reader_impl.h"
#include "platform/service/this_thread.h"

namespace tillsync {
namespace {

/// Of what is read at once.
constexpr std::size_t kBytesMax = 4 * 1024 * 1024;
constexpr std::int64_t kRecordsPerDocument = 8;

}  // namespace

OutgoingDocument outgoing_document(const StoredDocument& stored) {
  OutgoingDocument out;
  out.type = stored.document.type;
  out.id = stored.document.id;
  out.json = canonical_json(stored.document);
  out.traceparent = stored.meta.traceparent;
  out.correlation_id = stored.document.correlation_id.value_or(stored.meta.correlation_id);
  if (out.correlation_id.empty()) out.correlation_id = out.id;
  return out;
}

BacklogDocument backlog_document(const StoredDocument& stored, const std::string& store_id) {
  return {stored.sequence,
          stored.recorded_at,
          stored.document.type,
          ordering_keys(stored.document, store_id),
          originals(stored.document, store_id),
          std::nullopt};
}

BacklogDocument outgoing_backlog_document(const StoredDocument& stored, const std::string& store_id) {
  BacklogDocument document = backlog_document(stored, store_id);
  document.outgoing = outgoing_document(stored);
  return document;
}

Sequence page_end(Sequence after, std::size_t documents_max) {
  return Sequence{after.value + static_cast<std::int64_t>(documents_max) * kRecordsPerDocument};
}

Result<std::vector<BacklogDocument>> read_backlog_documents(JournalReader& reader,
                                                            const std::string& store_id, Sequence after,
                                                            std::size_t documents_max) {
  auto& impl = reader.impl();
  auto select = impl.database.prepare(
      "SELECT sequence, recorded_at, body FROM record WHERE sequence > ? AND sequence <= ? AND kind = 1 "
      "ORDER BY sequence LIMIT ?");
  if (!select) return select.error();
  select->bind(1, after.value).bind(2, page_end(after, documents_max).value);
  select->bind(3, static_cast<std::int64_t>(documents_max));
  std::vector<BacklogDocument> documents;
  for (std::size_t bytes = 0; bytes < kBytesMax;) {
    const auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    const auto stored = impl.stored(*select);
    if (!stored) return stored.error();
    documents.push_back(outgoing_backlog_document(*stored, store_id));
    bytes += documents.back().outgoing->bytes();
  }
  return documents;
}

Result<std::unique_ptr<DocumentsAhead>> DocumentsAhead::start(const std::string& folder,
                                                              std::string store_id) {
  auto reader = JournalReader::open(folder);
  if (!reader) return reader.error();
  return std::unique_ptr<DocumentsAhead>(new DocumentsAhead(std::move(*reader), std::move(store_id)));
}

DocumentsAhead::DocumentsAhead(std::unique_ptr<JournalReader> reader, std::string store_id)
    : reader_(std::move(reader)), store_id_(std::move(store_id)), thread_([this] { loop(); }) {}

DocumentsAhead::~DocumentsAhead() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_one();
  thread_.join();
}

void DocumentsAhead::ask(const std::string& lane, Sequence after, std::size_t documents_max) {
  {
    const std::lock_guard lock(mutex_);
    stretches_[lane] = Stretch{after, documents_max, false, {}};
  }
  asked_.notify_one();
}

std::vector<BacklogDocument> DocumentsAhead::take(const std::string& lane, Sequence after) {
  std::unique_lock lock(mutex_);
  const auto found = stretches_.find(lane);
  if (found == stretches_.end() || found->second.after != after) return {};
  done_.wait(lock, [&] { return found->second.done; });
  auto documents = std::move(found->second.documents);
  stretches_.erase(found);
  return documents;
}

void DocumentsAhead::loop() {
  name_this_thread("read-ahead");
  give_way_to_other_threads();
  const auto open = [this] {
    return std::find_if(stretches_.begin(), stretches_.end(),
                        [](const auto& each) { return !each.second.done; });
  };
  std::unique_lock lock(mutex_);
  while (true) {
    asked_.wait(lock, [&] { return stopping_ || open() != stretches_.end(); });
    if (stopping_) return;
    const std::string lane = open()->first;
    const auto [after, documents_max] = std::pair(open()->second.after, open()->second.documents_max);
    lock.unlock();
    auto documents = read_backlog_documents(*reader_, store_id_, after, documents_max);
    lock.lock();
    const auto found = stretches_.find(lane);
    if (found == stretches_.end() || found->second.after != after) continue;  // something else was asked for
    if (documents)
      found->second.documents = std::move(*documents);  // else who takes it meets the error as well
    found->second.done = true;
    done_.notify_one();
  }
}

}  // namespace tillsync
