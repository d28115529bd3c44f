// One file's bytes as documents, handed to a sink. NDJSON line by line, POSLog transaction by transaction.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "agent/file_intake/document_sink.h"
#include "config/settings.h"
#include "platform/base/time.h"

namespace tillsync {

/// A transaction that is no document by the till's own word: a training, a no-sale, a void.
struct NotedTransaction {
  std::size_t number = 0;
  std::string xpath;
  std::string id;
  std::string what;
};

/// What became of a file.
struct FileReport {
  DocumentSink::Outcome documents;
  std::vector<NotedTransaction> noted;  ///< at most kNotedMax
  std::size_t noted_more = 0;
  /// The file as a whole is none of its format; then nothing of it was taken.
  std::string fault_code, fault_detail;
  bool whole() const { return fault_code.empty() && documents.refused.empty(); }
};
inline constexpr std::size_t kNotedMax = 100'000;

struct FileReaderParts {
  const IntakeSettings& settings;
  const StoreDefaults& store;
  const TimeZone& zone;
  const std::atomic<bool>& stopping;
};

/// An error where the rest has to be tried again later, `shutting-down` among them.
Result<FileReport> read_file_documents(std::string bytes, const FileReaderParts& parts, DocumentSink& sink);

}  // namespace tillsync
