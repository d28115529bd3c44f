// Takes the documents of one file, one by one, and puts them into the journal by the till API's own way: the
// same check, the same identity, the same group commit. Tells exactly which were taken and which not.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "outbox/document/validation.h"
#include "outbox/journal/journal_thread.h"

namespace tillsync {

struct DocumentSinkLimits {
  std::size_t chunk_documents = 256;  ///< committed together, as in a bulk post
  std::size_t chunk_bytes = 4 * 1024 * 1024;
  /// After so many that were not taken the rest of a file is not looked at.
  std::size_t refused_max = 10'000;
  /// What their problems may come to; from there on a problem has no single faults.
  std::size_t problems_bytes_max = 4 * 1024 * 1024;
};

/// A document's place in its file.
struct DocumentPlace {
  std::size_t number = 0;  ///< the line, or the transaction, from 1
  std::string xpath;       ///< "" where the file is no XML
  /// Of each line of the document: what a fault at /lines/N is told with. May be empty.
  std::vector<std::string> line_xpaths;
};

struct RefusedDocument {
  std::size_t number = 0;
  std::string xpath;    ///< "" where the file is no XML
  std::string id;       ///< "" where it could not be read
  std::string problem;  ///< as the till API would have answered (RFC 9457)
};

class DocumentSink {
 public:
  struct Range {
    std::size_t from = 0, through = 0;
    bool operator==(const Range&) const = default;
  };
  struct Outcome {
    std::vector<Range> taken;  ///< their numbers, in order
    std::size_t journaled = 0;
    std::size_t had_already = 0;
    std::vector<RefusedDocument> refused;  ///< in order of their numbers
    bool gave_up = false;                  ///< refused_max was reached
  };

  /// `journal` must outlive it. `disk_has_room`: as TillApi's.
  DocumentSink(JournalThread& journal, std::function<bool()> disk_has_room, DocumentSinkLimits limits = {})
      : journal_(journal), disk_has_room_(std::move(disk_has_room)), limits_(limits) {}

  /// Waits for the journal now and then. An error is none of the document's: the disk is full, the daemon
  /// stops. What was added before may be in the journal or not; adding it again is safe.
  Result<void> add(DocumentPlace place, std::variant<Document, Refusal> checked, std::size_t bytes);
  /// A document that could not even be read as one; `id` where it is known.
  void refuse(const DocumentPlace& place, const Refusal& refusal, const std::string& id = {});
  /// The same with a problem of the till API's own.
  void refuse(const DocumentPlace& place, std::string problem, const std::string& id = {});
  bool gave_up() const { return outcome_.gave_up; }
  /// Commits what is left.
  Result<Outcome> finish();

 private:
  struct Waiting {
    DocumentPlace place;
    std::string id;
  };
  Result<void> flush();

  JournalThread& journal_;
  const std::function<bool()> disk_has_room_;
  const DocumentSinkLimits limits_;
  std::vector<Waiting> waiting_;
  std::vector<DocumentPost> posts_;  ///< of each in waiting_
  std::size_t bytes_ = 0;
  std::size_t problems_bytes_ = 0;
  Outcome outcome_;
};

}  // namespace tillsync
