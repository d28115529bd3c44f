// Finds conflicts that hold nothing up: after central's view was brought up to date, on the reconcile thread.
// What must be decided before a document is sent is the reviewer's (agent/review).
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "reconcile/central_view/read_back.h"
#include "reconcile/central_view/reference.h"
#include "reconcile/conflicts/inquiry.h"
#include "reconcile/conflicts/policies.h"
#include "reconcile/conflicts/stock.h"

namespace tillsync {

struct DetectorLimits {
  std::size_t records_at_once = 500;  ///< of the journal
  std::size_t records_max = 200'000;  ///< in one call; the next goes on there
  std::size_t skus_max = 1'000;       ///< levels asked for in one call; the next goes on there
  std::size_t moves_of_sku_max = 100'000;
};

class ConflictDetector {
 public:
  struct Parts {
    JournalReader& reader;
    TradeIndex& trade;
    CentralFacts& facts;
    const ConflictPolicies& policies;
    Inquiry& inquiry;
    SystemsOfRecord systems;
    std::function<FetchPort*(const std::string& target)> port;
    const Clock& clock;
    /// Makes them facts of the journal; returns once they are durable.
    std::function<Result<void>(std::vector<ConflictFact>)> note;
  };
  explicit ConflictDetector(Parts parts, DetectorLimits limits = {})
      : parts_(std::move(parts)), limits_(limits) {}

  /// Prices, returns that no policy can hold, and persons under two numbers: of the documents up to `through`
  /// that were not looked at before. Central's view must be as new as `through`. An error of a port ends it;
  /// the next call goes on there.
  Result<void> review_documents(Sequence through, const ReadBackUntil& until);
  /// Levels: of each SKU that the store moved, once central has what it moved. Goes round all of them, some
  /// in each call.
  Result<void> review_stock_levels(const ReadBackUntil& until);

 private:
  Result<void> review(const RawRecord& record, std::vector<ConflictFact>& found);
  Result<void> review_prices(Sequence sequence, const Document& document, std::vector<ConflictFact>& found);
  Result<void> review_one_return(Sequence sequence, const Document& document,
                                 std::vector<ConflictFact>& found);
  Result<void> review_twins(Sequence sequence, const Document& document, std::vector<ConflictFact>& found);

  struct Settled {
    std::optional<Sequence> delivered_at;  ///< at the target that holds the stock
    bool in_flight = false;                ///< it may have it, or not
  };
  Result<Settled> settled(Sequence document);
  Result<void> review_sku(FetchPort& port, const std::string& sku);
  Result<void> compare(const std::string& sku, const std::optional<StockBase>& base, const StockBase& now,
                       const std::vector<Sequence>& documents, Sequence answered_at);
  Result<std::string> known_before(const std::string& sku, const std::optional<StockBase>& base,
                                   Sequence first);

  Parts parts_;
  const DetectorLimits limits_;
  std::unordered_map<Sequence, Settled> settled_;  ///< of one call
  std::string sku_;                                ///< where the round of SKUs stands
  bool stock_served_ = true;
};

/// Identity: what the last read-back of a day found of this target that is not as the journal has it: the
/// same document with other content, or one that the store never wrote.
struct TargetFindings;
std::vector<ConflictFact> review_identity(const TargetFindings& findings, const std::string& target,
                                          BusinessDay day, const ConflictPolicies& policies);

}  // namespace tillsync
