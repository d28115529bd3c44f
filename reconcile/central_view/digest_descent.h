// Finds where central's list of a day differs from what the journal has as delivered, by comparing the
// digests of ever smaller ranges: work in the number of differences, not of rows. Calls nothing missing or
// extra by a digest alone: its answer is which ranges must be listed.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "reconcile/central_view/read_back_port.h"
#include "reconcile/central_view/sent_documents.h"

namespace tillsync {

/// A range of so few rows is listed instead of parted: a row is about as long as the digests of ten parts.
inline constexpr std::int64_t kListedRowsMax = 4;
/// Where ranges of so few rows hold most of the day and differ, the whole list is read.
inline constexpr std::int64_t kFewRows = 4;
/// A digest that contradicts another one of the same central, which was not moving: all of them are in doubt.
inline constexpr const char* kDigestBroken = "digest-broken";

struct DifferingRange {
  KeyPrefix range;
  RangeSum central;
  RangeSum journal;
  std::int64_t rows() const { return std::max(central.count, journal.count); }
};

struct Descent {
  std::vector<DifferingRange> ranges;  ///< in order, none inside another
  /// Most of the day differs: `ranges` is where it had come to, and the list is read whole for less.
  bool nearly_all = false;
};

/// `root`: central's digest of the day, asked for after `sent` was loaded, and not what sent.rows() adds up
/// to. `before_request` ends it with its failure. kInvalid kDigestBroken where parts and whole contradict
/// each other though nothing moved; else the port's errors.
Result<Descent> descend(DigestPort& port, BusinessDay day, SentDocuments& sent, const RangeSum& root,
                        const std::function<Result<void>()>& before_request);

}  // namespace tillsync
