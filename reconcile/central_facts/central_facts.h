// What central knows that a store trades by: customers, stock on hand, prices and the refund policy, each row
// with when it was fetched, from which target, and between which records of the journal. An SQLite file of
// its own (`facts.db` in the journal's folder). It is a cache: central can always be asked again, so a file
// of another version or a damaged one is simply begun anew. One writer (the reconcile thread); readers open
// their own, read-only. One thread at a time per object.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/ids.h"
#include "platform/base/time.h"
#include "reconcile/central_view/journal_place.h"

namespace tillsync {

enum class FactKind : std::uint8_t { kCustomer = 1, kStock = 2, kPrice = 3, kRefundPolicy = 4 };
inline constexpr std::array kFactKinds = {FactKind::kCustomer, FactKind::kStock, FactKind::kPrice,
                                          FactKind::kRefundPolicy};
/// "customer", "stock", "price", "refund_policy".
std::string_view fact_kind_name(FactKind kind);

/// One version of one row of central.
struct CentralFact {
  FactKind kind = FactKind::kCustomer;
  std::string key;     ///< the customer's number, the SKU; "" for the refund policy
  std::string value;   ///< a JSON object, compact; "": central has none
  std::string etag;    ///< "" where central gave none
  std::string source;  ///< the target's name
  UtcTime fetched_at{};
  /// The journal's head before the request that brought this version, and after its answer had come: what the
  /// store had recorded up to `known_from` central could know, what came after `known_by` it could not.
  Sequence known_from;
  Sequence known_by;
  /// The same for the last time that central said of this version that it still stands; as above where it
  /// never did. A change feed that is silent about a row says nothing here.
  UtcTime confirmed_at{};
  Sequence confirmed_from;
  Sequence confirmed_by;
  bool operator==(const CentralFact&) const = default;
};

/// Where changed_after() goes on: behind this row.
struct FactCursor {
  Sequence known_by;
  FactKind kind = FactKind::kCustomer;
  std::string key;
};

/// For status and metrics.
struct FactCount {
  FactKind kind = FactKind::kCustomer;
  std::string source;            ///< "" where nobody gave any
  std::int64_t rows = 0;         ///< what central has, as far as known
  std::int64_t absent = 0;       ///< what it was found not to have
  std::int64_t value_bytes = 0;  ///< earlier versions included
  std::optional<UtcTime> newest_fetched_at;
  std::optional<UtcTime> oldest_fetched_at;  ///< of the versions that stand
};

/// How far a target's feed was followed.
struct FeedMark {
  std::string cursor;  ///< "": from the start
  /// The last round that followed it to where it stood still; the journal's head before that round.
  std::optional<UtcTime> caught_up_at;
  Sequence caught_up_from;
};

class CentralFacts {
 public:
  enum class Mode {
    kReadWrite,
    kReadOnly,  ///< never creates anything: no file, or one of another version, holds nothing
  };
  static constexpr const char* kFileName = "facts.db";
  /// Earlier versions kept of a row.
  static constexpr std::int64_t kEarlierVersionsMax = 4;

  /// `folder`: the journal's; `vfs`: as for a journal. kStorage where the file cannot be opened or begun
  /// anew.
  static Result<std::unique_ptr<CentralFacts>> open(const std::string& folder, Mode mode,
                                                    const std::string& vfs = "");
  ~CentralFacts();

  /// Nothing where central was never asked, or never told.
  Result<std::optional<CentralFact>> current(FactKind kind, const std::string& key);
  /// The newest version with known_by <= `sequence`: what the store could know when its head was there. A
  /// confirmation that came later is not told: then confirmed_* is as known_*.
  Result<std::optional<CentralFact>> as_of(FactKind kind, const std::string& key, Sequence sequence);
  /// Newest first; at most 1 + kEarlierVersionsMax.
  Result<std::vector<CentralFact>> versions(FactKind kind, const std::string& key);
  /// What came since: rows behind `after` in the order of (known_by, kind, key) of their standing version, at
  /// most `limit`. Begin with behind(sequence) for those known by a later sequence, go on with the last row.
  Result<std::vector<CentralFact>> changed_after(const FactCursor& after, std::size_t limit);
  /// The cursor behind every row known by `sequence`.
  static FactCursor behind(Sequence sequence);
  /// Central's customers with this e-mail or this phone (compared as contact.h has it), other than `but`; ""
  /// matches nobody. In the order of their numbers, at most 100.
  Result<std::vector<CentralFact>> customers_with(std::string_view email, std::string_view phone,
                                                  const std::string& but);

  /// One entry for each kind, in kFactKinds' order. Costs the same at any number of rows.
  Result<std::vector<FactCount>> counts();
  Result<FeedMark> feed(const std::string& source);
  /// The record of the journal that the sequences here belong to; nothing where none was noted.
  Result<std::optional<JournalPlace>> journal_place();

  struct Impl;
  Impl& impl() { return *impl_; }  ///< for FactsWriter

 private:
  explicit CentralFacts(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync
