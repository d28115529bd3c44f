// Reads central's list of one target and business day to its end, and puts it in the view. Blocking, on the
// reconcile thread. Every wait and every list has a limit (I8); a read-back that breaks off leaves the old
// view standing.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include "outbox/document/validation.h"
#include "platform/base/ids.h"
#include "platform/base/time.h"
#include "reconcile/central_view/central_view.h"
#include "reconcile/central_view/read_back_port.h"
#include "reconcile/central_view/sent_documents.h"

namespace tillsync {

struct ReadBackLimits {
  std::size_t pages_max = 200'000;
  std::size_t rows_max = 2'000'000;  ///< of one target and day
};

/// When to break off. Looked at between pages: a page's own time-out is the port's.
struct ReadBackUntil {
  const std::atomic<bool>& stop;
  SteadyTime deadline;
};

class ReadBack {
 public:
  /// All outlive this object.
  ReadBack(CentralView& view, const StoreDefaults& store, const Clock& clock, ReadBackLimits limits = {})
      : view_(view), store_(store), clock_(clock), limits_(limits) {}

  /// `head`: the journal's, taken before this call and before `sent` was loaded. Rows of another store and
  /// malformed references are kept: they are findings. Errors: the port's; kUnavailable `read-back-stopped`;
  /// kTimeout `read-back-timeout`; kInvalid `read-back-loops` for a cursor that comes again and
  /// `read-back-too-long` beyond a limit; storage.
  Result<ReadBackMark> run(ReadBackPort& port, SentDocuments& sent, const std::string& target,
                           BusinessDay day, Sequence head, const ReadBackUntil& until);

 private:
  Result<SeenRow> seen(const CentralRow& row, SentDocuments& sent) const;
  Result<void> see_document(const CentralRow& row, SentDocuments& sent, SeenRow& out) const;

  CentralView& view_;
  const StoreDefaults& store_;
  const Clock& clock_;
  const ReadBackLimits limits_;
};

}  // namespace tillsync
