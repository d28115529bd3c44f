// Looks for conflicts once central's view and its lists are up to date, and makes what it finds facts of the
// journal. On the reconcile thread.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "config/settings.h"
#include "outbox/document/validation.h"
#include "outbox/journal/group_commit.h"
#include "reconcile/central_facts/central_facts.h"
#include "reconcile/central_view/central_view.h"
#include "reconcile/conflicts/detector.h"
#include "reconcile/conflicts/policies.h"

namespace tillsync {

class ConflictKeeper {
 public:
  struct Parts {
    const Settings& settings;
    const StoreDefaults& store;
    const Clock& clock;
    JournalReader& reader;
    JournalQueue& journal;
    TradeIndex& trade;
    /// Null: that target cannot be asked.
    std::function<FetchPort*(const std::string& target)> port;
  };
  explicit ConflictKeeper(Parts parts);
  ~ConflictKeeper();

  /// A day of a target was read back: whether it has what the journal has is looked at in the next round.
  void read_back(const std::string& target, BusinessDay day) { read_.emplace(target, day); }
  /// `feed_told`: the target that has the prices has a change feed, so that what it says is whole only up to
  /// where that was followed. Ends early where `until` says so; the next round goes on there.
  void round(bool feed_told, const ReadBackUntil& until);

 private:
  Result<void> try_round(bool feed_told, const ReadBackUntil& until);
  Result<void> open();
  Result<void> review_days();
  Result<bool> day_differs(CentralView& view, const std::string& target, BusinessDay day);
  Result<Sequence> whole_up_to(CentralFacts& facts, bool feed_told);
  Result<void> note(std::vector<ConflictFact> found);

  const Parts parts_;
  const ConflictPolicies policies_;
  const Routes routes_;
  std::set<std::pair<std::string, BusinessDay>> read_;
  std::int64_t found_ = 0;  ///< in this round
  std::unique_ptr<CentralFacts> facts_;
  std::unique_ptr<Inquiry> inquiry_;
  std::unique_ptr<ConflictDetector> detector_;
};

}  // namespace tillsync
