// Puts deliveries into files, each in exactly one batch (I3). Blocking: FileConnector runs it on a thread of
// its own. DESIGN.md has the story of every crash.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/connectors/file/batch.h"
#include "agent/connectors/file/batch_ledger.h"
#include "outbox/delivery/target_port.h"
#include "platform/transfer/folder.h"

namespace tillsync::file {

/// Canonical bytes of one batch's documents; what goes beyond begins another batch.
inline constexpr std::size_t kBatchBytesMax = 16 * 1024 * 1024;

class BatchSender {
 public:
  struct Parts {
    std::string store;
    std::string target;
    Format format = Format::kCsv;
    std::string ledger_folder;
    std::unique_ptr<transfer::Folder> folder;
    /// Gives back disk space that is kept for outcomes; false where there is none left to give.
    std::function<bool()> make_room;
    std::size_t batch_bytes_max = kBatchBytesMax;
  };
  explicit BatchSender(Parts parts) : parts_(std::move(parts)) {}

  /// One outcome for each, in their order. Those that are new go into new batches; one that is in a batch
  /// already is delivered by publishing that very batch, whatever it comes with now.
  std::vector<Outcome> submit(const std::vector<OutgoingDelivery>& deliveries);
  /// kFound: its batch is published. kAbsent: it is in no batch, or in one whose publication has not been
  /// seen to end, which submit() then does again under the same name.
  LookUpAnswer look_up(const OutgoingDelivery& delivery);

 private:
  struct Submission;
  Result<BatchLedger*> ledger();
  std::optional<Outcome> known(const OutgoingDelivery& delivery, Submission& submission, std::size_t index);
  void publish_pending(Submission& submission);
  void send_new(Submission& submission);
  Outcome send_batch(std::vector<BatchDocument> documents);
  Outcome publish(const LedgerBatch& batch, bool tried_before);
  Outcome put_files(const LedgerBatch& batch, bool tried_before);
  /// Runs `change` again after room was made.
  Result<void> with_room(const std::function<Result<void>()>& change);

  Parts parts_;
  std::optional<BatchLedger> ledger_;
  bool serves_ = false;  ///< the folder was last used with success
};

/// What a failed put() or get() means: `may_be_there` says whether the batch may be whole in the folder.
Outcome outcome_of(const Error& error, bool may_be_there);

}  // namespace tillsync::file
