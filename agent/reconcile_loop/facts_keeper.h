// Keeps central's facts up to date: which target is asked for which kinds, one round after the other, and
// what is shown of it. On the reconcile thread, but for summary().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "agent/reconcile_loop/facts_summary.h"
#include "config/settings.h"
#include "outbox/journal/reader.h"
#include "reconcile/central_facts/facts_sync.h"

namespace tillsync {

class FactsKeeper {
 public:
  struct Parts {
    const Settings& settings;
    const Clock& clock;
    JournalReader& reader;
    /// Null: that target cannot be asked.
    std::function<Result<std::unique_ptr<FetchPort>>(const std::string& name)> make_port;
    /// Asked where there is no room on the disk; true: some was made.
    std::function<bool()> make_room;
    std::chrono::nanoseconds round_max;  ///< of one target
    FactsLimits limits = {};
  };
  /// Null where the settings say that nobody is ever asked.
  static Result<std::unique_ptr<FactsKeeper>> start(Parts parts);

  /// Asks every target once. Whether any of them answered.
  bool round(FactsSync::Depth depth, const std::atomic<bool>& stop);
  /// Who tells what `name` knows; null for nobody. On the reconcile thread.
  FetchPort* port(const std::string& name);
  /// Whether that target has ever been seen to have a change feed.
  bool has_feed(const std::string& name) const;
  /// From any thread.
  FactsSummary summary() const;

 private:
  struct Source {
    std::set<FactKind> kinds;
    std::unique_ptr<FetchPort> port;
    bool told_nothing = false;  ///< and that was logged
  };
  explicit FactsKeeper(Parts parts) : parts_(std::move(parts)) {}
  Result<void> open();
  Result<void> drop_foreign_facts();
  Result<void> forget_what_nobody_tells();
  Result<FactsRound> ask(const std::string& name, Source& source, FactsSync::Depth depth,
                         const ReadBackUntil& until);
  Result<FactsRound> try_ask(const std::string& name, Source& source, FactsSync::Depth depth,
                             const ReadBackUntil& until);
  void log_round(const std::string& name, Source& source, const FactsRound& round);
  void publish(const std::string& name, const Result<FactsRound>& round);

  const Parts parts_;
  std::unique_ptr<CentralFacts> facts_;
  std::unique_ptr<FactsSync> sync_;
  std::map<std::string, Source> sources_;

  mutable std::mutex mutex_;
  FactsSummary summary_;  // guarded by mutex_
};

}  // namespace tillsync
