// The port through which reconcile reads central back. Blocking, on the reconcile thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "outbox/document/document.h"
#include "platform/base/result.h"
#include "platform/base/time.h"
#include "reconcile/central_view/row_digest.h"

namespace tillsync {

/// One row of central's own list (CONTRACT section 6).
struct CentralRow {
  std::string reference;  ///< "STORE/ID"
  std::string step;
  std::string central_reference;
  std::optional<std::string> total;  ///< decimal text, positive for a return; nothing where there is no money
  std::optional<std::string> currency;
  std::string recorded_at;
  std::string document;  ///< a JSON object as central wrote it, not parsed; "" where it does not give it back
};

struct CentralPage {
  std::vector<CentralRow> rows;
  std::optional<std::string> next;  ///< cursor of the next page
};

/// The document types that a target can list; nothing: all of them.
using ListedTypes = std::optional<std::set<DocumentType>>;

/// Digests of what central lists (agent/DESIGN.md). Each answer may be of another moment than the one before.
class DigestPort {
 public:
  virtual ~DigestPort() = default;
  /// Errors of each: kNotFound kDigestUnsupported of a target that has no digests; kInvalid kDigestShape of
  /// one whose answer is none; others as ReadBackPort::read_back(). Days of `from` to `to`, both counted in
  /// (at most kDigestDaysMax), that have rows.
  virtual Result<std::map<BusinessDay, RangeSum>> days(BusinessDay from, BusinessDay to) = 0;
  /// Those parts, one digit longer, of each of `ranges` (at most kDigestRangesMax) that have rows.
  virtual Result<std::vector<std::pair<KeyPrefix, RangeSum>>> parts(BusinessDay day,
                                                                    const std::vector<KeyPrefix>& ranges) = 0;
  /// A page of the rows in `ranges` (at most kDigestRangesMax) alone.
  virtual Result<CentralPage> rows(BusinessDay day, const std::vector<KeyPrefix>& ranges,
                                   const std::optional<std::string>& cursor) = 0;
};
inline constexpr std::size_t kDigestRangesMax = 256;
inline constexpr int kDigestDaysMax = 400;
inline constexpr const char* kDigestUnsupported = "digest-unsupported";
inline constexpr const char* kDigestShape = "digest-shape";

class ReadBackPort {
 public:
  virtual ~ReadBackPort() = default;
  /// One page of what central holds of this store's business day; `cursor` from the page before, nothing for
  /// the first.
  virtual Result<CentralPage> read_back(BusinessDay day, const std::optional<std::string>& cursor) = 0;
  /// What is not listed proves nothing by not being in the list. The same for every page.
  virtual ListedTypes listed_types() const { return std::nullopt; }
  /// Null: nothing but whole lists can be asked for.
  virtual DigestPort* digests() { return nullptr; }
};

}  // namespace tillsync
