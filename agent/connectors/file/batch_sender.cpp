#include "agent/connectors/file/batch_sender.h"

#include <map>

#include "agent/connectors/classify.h"
#include "agent/connectors/plain_text.h"

namespace tillsync::file {
namespace {

Outcome delivered(const std::string& batch_name) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kDelivered;
  outcome.central_reference = batch_name;
  return outcome;
}

Outcome rejected(const std::string& reason) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRejected;
  outcome.reason = one_line(reason, kReasonBytesMax);
  return outcome;
}

/// Nothing was published: the ledger cannot be used, which is this machine's trouble and stops all alike.
Outcome no_ledger(const Error& error) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRetryable;
  outcome.signal = TargetSignal::kUnreachable;
  outcome.reason = one_line("the ledger of batches cannot be used: " + error.detail, kReasonBytesMax);
  return outcome;
}

}  // namespace

Outcome outcome_of(const Error& error, bool may_be_there) {
  Outcome outcome;
  outcome.kind = may_be_there ? OutcomeKind::kUnknown : OutcomeKind::kRetryable;
  outcome.signal = error.code == "login" ? TargetSignal::kUnauthorized : TargetSignal::kUnreachable;
  outcome.reason = one_line(error.detail, kReasonBytesMax);
  return outcome;
}

/// One submit() under way.
struct BatchSender::Submission {
  std::vector<Outcome> outcomes;
  std::vector<bool> settled;                                 ///< its outcome stands
  std::map<std::int64_t, std::vector<std::size_t>> pending;  ///< batch number: deliveries in it
  std::vector<std::pair<std::size_t, BatchDocument>> fresh;  ///< in no batch yet
  std::optional<Outcome> failed;  ///< the target does not serve: what is left is not tried

  void settle(std::size_t index, Outcome outcome) {
    outcomes[index] = std::move(outcome);
    settled[index] = true;
  }
  void settle_all(const std::vector<std::size_t>& indices, const Outcome& outcome) {
    for (const std::size_t index : indices) settle(index, outcome);
    if (outcome.kind != OutcomeKind::kDelivered) failed = outcome;
  }
};

Result<BatchLedger*> BatchSender::ledger() {
  if (!ledger_) {
    auto opened = BatchLedger::open(parts_.ledger_folder, parts_.target);
    if (!opened) return opened.error();
    ledger_.emplace(std::move(*opened));
  }
  return &*ledger_;
}

Result<void> BatchSender::with_room(const std::function<Result<void>()>& change) {
  for (;;) {
    auto done = change();
    if (done || done.error().code != "storage-full" || !parts_.make_room || !parts_.make_room()) return done;
  }
}

/// The outcome that is known without sending; else where the delivery has its place in `submission`.
std::optional<Outcome> BatchSender::known(const OutgoingDelivery& delivery, Submission& submission,
                                          std::size_t index) {
  auto entry = ledger_->find(delivery.idempotency_key());
  if (!entry) return no_ledger(entry.error());
  if (*entry) {
    if ((*entry)->digest != sha256(delivery.document)) {
      return rejected(
          "batch " + (*entry)->batch_name +
          " has this document with other content already; settle the difference there, then discard");
    }
    if ((*entry)->published) return delivered((*entry)->batch_name);
    submission.pending[(*entry)->batch].push_back(index);
    return std::nullopt;
  }
  auto document = batch_document(delivery, parts_.format);
  if (!document) return rejected(document.error().detail);
  submission.fresh.emplace_back(index, std::move(*document));
  return std::nullopt;
}

std::vector<Outcome> BatchSender::submit(const std::vector<OutgoingDelivery>& deliveries) {
  const auto opened = ledger();
  if (!opened) return for_all(no_ledger(opened.error()), deliveries.size());
  Submission submission;
  submission.outcomes.resize(deliveries.size());
  submission.settled.resize(deliveries.size());
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    if (auto outcome = known(deliveries[i], submission, i)) submission.settle(i, std::move(*outcome));
  }
  publish_pending(submission);
  send_new(submission);
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    if (!submission.settled[i]) submission.settle(i, not_reached(*submission.failed));
  }
  return std::move(submission.outcomes);
}

void BatchSender::publish_pending(Submission& submission) {
  for (const auto& [number, indices] : submission.pending) {
    if (submission.failed) return;
    auto batch = ledger_->load(number);
    submission.settle_all(indices, batch ? publish(*batch, true) : no_ledger(batch.error()));
  }
}

void BatchSender::send_new(Submission& submission) {
  auto& fresh = submission.fresh;
  for (std::size_t begin = 0; begin < fresh.size() && !submission.failed;) {
    std::vector<BatchDocument> documents;
    std::vector<std::size_t> indices;
    std::size_t bytes = 0;
    for (; begin < fresh.size(); ++begin) {
      const std::size_t more = fresh[begin].second.bytes;
      if (!documents.empty() && bytes + more > parts_.batch_bytes_max) break;
      bytes += more;
      indices.push_back(fresh[begin].first);
      documents.push_back(std::move(fresh[begin].second));
    }
    submission.settle_all(indices, send_batch(std::move(documents)));
  }
}

Outcome BatchSender::send_batch(std::vector<BatchDocument> documents) {
  const Batch batch =
      make_batch(parts_.store, parts_.target, ledger_->next_number(), parts_.format, std::move(documents));
  if (auto spooled = with_room([&] { return ledger_->spool(batch); }); !spooled)
    return no_ledger(spooled.error());
  return publish(LedgerBatch{batch.number, batch.name, batch.data_file, batch.manifest_file(), batch.data,
                             batch.manifest},
                 false);
}

Outcome BatchSender::publish(const LedgerBatch& batch, bool tried_before) {
  Outcome outcome = put_files(batch, tried_before);
  serves_ = outcome.kind == OutcomeKind::kDelivered;
  return outcome;
}

Outcome BatchSender::put_files(const LedgerBatch& batch, bool tried_before) {
  auto& folder = *parts_.folder;
  if (tried_before) {
    // Whole and not taken yet: only the ledger does not know.
    auto there = folder.get(batch.manifest_file, batch.manifest.size());
    if (!there && there.error().kind != ErrorKind::kInvalid) return outcome_of(there.error(), true);
    if (there && *there && **there == batch.manifest) {
      if (auto noted = with_room([&] { return ledger_->published(batch.number); }); !noted)
        return outcome_of(noted.error(), true);
      return delivered(batch.name);
    }
  }
  if (auto put = folder.put(batch.data_file, batch.data); !put) return outcome_of(put.error(), tried_before);
  if (auto put = folder.put(batch.manifest_file, batch.manifest); !put)
    return outcome_of(put.error(), tried_before || transfer::may_be_there(put.error().code));
  if (auto noted = with_room([&] { return ledger_->published(batch.number); }); !noted)
    return outcome_of(noted.error(), true);
  return delivered(batch.name);
}

LookUpAnswer BatchSender::look_up(const OutgoingDelivery& delivery) {
  const auto opened = ledger();
  if (!opened) return {LookUpAnswer::Kind::kFailed, no_ledger(opened.error())};
  auto entry = ledger_->find(delivery.idempotency_key());
  if (!entry) return {LookUpAnswer::Kind::kFailed, no_ledger(entry.error())};
  if (*entry && (*entry)->published) return {LookUpAnswer::Kind::kFound, delivered((*entry)->batch_name)};
  // What the ledger says is no sign that the target serves, and this answer is taken for one.
  if (!serves_) {
    if (auto reached = parts_.folder->reach(); !reached)
      return {LookUpAnswer::Kind::kFailed, outcome_of(reached.error(), false)};
    serves_ = true;
  }
  return {LookUpAnswer::Kind::kAbsent, {}};
}

}  // namespace tillsync::file
