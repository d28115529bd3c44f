// A thread that reads and decodes documents before the delivery thread asks for them. What was recorded never
// changes, so this is only a cache: which documents there are, and what is owed of them, the delivery thread
// reads by itself, in a state of its own. A document that is not here, for whatever reason, it reads as well.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "outbox/delivery/outgoing_document.h"
#include "outbox/journal/reader.h"
#include "outbox/planner/planner.h"

namespace tillsync {

/// All that the backlog takes from a document.
struct BacklogDocument {
  Sequence sequence;
  UtcTime recorded_at{};
  DocumentType type = DocumentType::kSale;
  std::vector<OrderingKey> keys;             ///< of the document as posted
  std::vector<std::string> originals;        ///< likewise; see planner.h
  std::optional<OutgoingDocument> outgoing;  ///< likewise; where it may be sent as it is
};

OutgoingDocument outgoing_document(const StoredDocument& stored);
/// Without `outgoing`, which costs as much again.
BacklogDocument backlog_document(const StoredDocument& stored, const std::string& store_id);
BacklogDocument outgoing_backlog_document(const StoredDocument& stored, const std::string& store_id);

/// As far as a page of so many documents looks: outcomes stand between them, and may be all that there is.
Sequence page_end(Sequence after, std::size_t documents_max);
/// Documents of that page, by sequence, as they go out: no more than some 4 MiB of them.
Result<std::vector<BacklogDocument>> read_backlog_documents(JournalReader& reader,
                                                            const std::string& store_id, Sequence after,
                                                            std::size_t documents_max);

class DocumentsAhead {
 public:
  /// A reader of the journal of its own, and the thread. Errors are JournalReader::open()'s.
  static Result<std::unique_ptr<DocumentsAhead>> start(const std::string& folder, std::string store_id);
  ~DocumentsAhead();

  /// Reads the documents after `after`, at most `documents_max`, in time for take(). One stretch for each
  /// `lane`: what was asked for before is dropped.
  void ask(const std::string& lane, Sequence after, std::size_t documents_max);
  /// What ask() was told to read for this lane, by sequence; waits for it. Empty where nothing was asked for
  /// from there, or where it cannot be read.
  std::vector<BacklogDocument> take(const std::string& lane, Sequence after);

 private:
  struct Stretch {
    Sequence after;
    std::size_t documents_max = 0;
    bool done = false;
    std::vector<BacklogDocument> documents;
  };

  DocumentsAhead(std::unique_ptr<JournalReader> reader, std::string store_id);
  void loop();

  const std::unique_ptr<JournalReader> reader_;  ///< the thread's
  const std::string store_id_;

  std::mutex mutex_;
  std::condition_variable asked_, done_;
  std::map<std::string, Stretch> stretches_;  // guarded by mutex_
  bool stopping_ = false;                     // guarded by mutex_
  std::thread thread_;
};

}  // namespace tillsync
