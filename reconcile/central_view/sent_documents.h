// What the journal says was sent to a target: what central's rows are compared with while they are read back.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "outbox/document/document.h"
#include "outbox/journal/reader.h"
#include "platform/crypto/sha256.h"

namespace tillsync {

/// What was sent, as far as a row of central is compared with it.
struct SentContent {
  Sequence version;  ///< the record that holds it: the document's own, or its amendment's
  DocumentType type = DocumentType::kSale;
  Sha256Digest digest{};  ///< content_digest()
};

class SentDocuments {
 public:
  virtual ~SentDocuments() = default;
  /// What the step `step` of document `id` sends; nothing where the day has no such document.
  virtual Result<std::optional<SentContent>> content(const std::string& id, const std::string& step) = 0;
  /// The document itself, for the few that differ.
  virtual Result<std::optional<Document>> document(const std::string& id, const std::string& step) = 0;
};

/// One business day of the journal, as digests: about 150 bytes a document, never the documents.
class SentOfDay final : public SentDocuments {
 public:
  static Result<std::unique_ptr<SentOfDay>> load(JournalReader& reader, const std::string& target,
                                                 BusinessDay day);
  Result<std::optional<SentContent>> content(const std::string& id, const std::string& step) override;
  Result<std::optional<Document>> document(const std::string& id, const std::string& step) override;

 private:
  explicit SentOfDay(JournalReader& reader) : reader_(reader) {}

  JournalReader& reader_;
  std::unordered_map<std::string, SentContent> by_id_;
  std::map<std::pair<std::string, std::string>, SentContent> amended_;  ///< by id and step
};

}  // namespace tillsync
