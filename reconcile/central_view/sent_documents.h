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
#include "reconcile/central_view/sent_rows.h"

namespace tillsync {

class SentDocuments {
 public:
  virtual ~SentDocuments() = default;
  /// What the step `step` of document `id` sends; nothing where the day has no such document.
  virtual Result<std::optional<SentContent>> content(const std::string& id, const std::string& step) = 0;
  /// The document itself, for the few that differ.
  virtual Result<std::optional<Document>> document(const std::string& id, const std::string& step) = 0;
  /// What central's list must add up to; null where it was not reckoned: then only a whole list tells.
  virtual const SentRows* rows() { return nullptr; }
  /// Whether something may have reached central since rows() was reckoned, or may at any moment.
  virtual Result<bool> moving() { return true; }
};

/// One business day of the journal, as digests: about 150 bytes a document, 220 with rows, never the
/// documents.
class SentOfDay final : public SentDocuments {
 public:
  /// `store`: whose rows() are reckoned; "" for none, which costs less.
  static Result<std::unique_ptr<SentOfDay>> load(JournalReader& reader, const std::string& target,
                                                 BusinessDay day, const std::string& store = "");
  Result<std::optional<SentContent>> content(const std::string& id, const std::string& step) override;
  Result<std::optional<Document>> document(const std::string& id, const std::string& step) override;
  const SentRows* rows() override { return rows_ ? &*rows_ : nullptr; }
  Result<bool> moving() override;

 private:
  SentOfDay(JournalReader& reader, std::string target, BusinessDay day)
      : reader_(reader), target_(std::move(target)), day_(day) {}
  /// A document as it was posted.
  void take(const DayDocument& document);
  Result<void> take_amendments();

  JournalReader& reader_;
  const std::string target_;
  const BusinessDay day_;
  Sequence last_delivery_;  ///< before anything was read
  std::unordered_map<std::string, SentContent> by_id_;
  std::map<std::pair<std::string, std::string>, SentContent> amended_;  ///< by id and step
  struct Amendment {
    Sequence version;
    bool delivered = false;
  };
  std::map<std::pair<std::string, std::string>, Amendment> amendments_;  ///< likewise; while it loads
  std::optional<SentRows> rows_;
};

}  // namespace tillsync
