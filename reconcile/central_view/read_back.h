// Reads central's list of one target and business day to its end, and puts it in the view. Blocking, on the
// reconcile thread. Every wait and every list has a limit (I8); a read-back that breaks off leaves the old
// view standing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "outbox/document/validation.h"
#include "platform/base/ids.h"
#include "platform/base/time.h"
#include "reconcile/central_view/central_view.h"
#include "reconcile/central_view/read_back_course.h"
#include "reconcile/central_view/read_back_port.h"
#include "reconcile/central_view/sent_documents.h"

namespace tillsync {

class ReadBack {
 public:
  /// All outlive this object.
  ReadBack(CentralView& view, const StoreDefaults& store, const Clock& clock, ReadBackLimits limits = {})
      : view_(view), store_(store), clock_(clock), limits_(limits) {}

  const std::string& store_id() const { return store_.store_id; }

  /// `head`: the journal's, taken before this call and before `sent` was loaded. Rows of another store and
  /// malformed references are kept: they are findings. Errors: the port's; kUnavailable `read-back-stopped`;
  /// kTimeout `read-back-timeout`; kInvalid `read-back-loops` for a cursor that comes again and
  /// `read-back-too-long` beyond a limit; storage.
  ///
  /// `central`: the day's digest(), asked for after `head` was taken; with it, and with sent.rows(), only
  /// what differs is read. The view ends the same, but that rows which agreed have none of central's own
  /// words. Where digests cannot be relied on, the whole list is read.
  Result<ReadBackMark> run(ReadBackPort& port, SentDocuments& sent, const std::string& target,
                           BusinessDay day, Sequence head, const ReadBackUntil& until,
                           const std::optional<RangeSum>& central = std::nullopt);
  /// Central's digest of a day; nothing where it has none that can be used. The days up to `last` are asked
  /// for in the same request, and known for ReadBackLimits::digest_kept. Errors: the port's, and those of
  /// `until`.
  Result<std::optional<RangeSum>> digest(ReadBackPort& port, const std::string& target, BusinessDay day,
                                         BusinessDay last, const ReadBackUntil& until);

 private:
  struct Task;
  /// Of one target.
  struct Digests {
    std::optional<SteadyTime> unused_until;
    BusinessDay from, to;
    SteadyTime asked{};
    std::optional<std::map<BusinessDay, RangeSum>> days;
  };

  Result<ReadBackMark> by_digest(Task& task, const RangeSum& known);
  Result<void> fill(Task& task, const std::vector<KeyPrefix>& listed, CentralView::Refill& refill);
  Result<ReadBackMark> whole_list(Task& task);
  Result<void> list(Task& task, const std::vector<KeyPrefix>& ranges, CentralView::Refill& refill);
  Result<void> look_at_digests(const Task& task);
  Result<ReadBackMark> commit(const Task& task, CentralView::Refill& refill);
  void distrust(const std::string& target, const Error& why);
  Result<SeenRow> seen(const CentralRow& row, SentDocuments& sent) const;
  Result<void> see_document(const CentralRow& row, SentDocuments& sent, SeenRow& out) const;

  CentralView& view_;
  const StoreDefaults& store_;
  const Clock& clock_;
  const ReadBackLimits limits_;
  std::map<std::string, Digests> digests_;  ///< by target
};

}  // namespace tillsync
