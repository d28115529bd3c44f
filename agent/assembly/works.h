// The part of the daemon that is built from what may change while it runs: deliveries with their connectors
// and reviews, read-backs, the ops API, the intakes of files. It is built once per reading of the settings;
// the journal, the till API and every connection outlive it. See "Settings while it runs" in agent/DESIGN.md.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/assembly/disk_guard.h"
#include "agent/connectors/connector_factory.h"
#include "agent/delivery_loop/delivery_loop.h"
#include "agent/file_intake/file_intake.h"
#include "agent/ops_api/ops_api.h"
#include "agent/reconcile_loop/reconcile_loop.h"
#include "agent/review/reviewer.h"

namespace tillsync {

class Works {
 public:
  /// What stays: all of it outlives every Works.
  struct Host {
    const Clock& clock;
    Random& random;
    const StoreDefaults& store;
    JournalThread& journal;
    TradeIndex& trade;
    DiskGuard& disk;
    WorkerPool& workers;
    Metrics& metrics;
    const SigningKey* report_key;  ///< none: reports are not signed
    std::function<void(const Error&)> damaged;
    std::function<bool()> accepting;
    std::function<AccessSample()> access;
    std::function<SettingsState()> settings_state;
    /// An operator's decision that the journal has: for whichever deliveries run then.
    std::function<void(const DecisionFact&, std::function<void()> then)> decided;
    UtcTime started_at;
  };

  /// Gives the journal its routes, and starts all threads. The journal must have none of another Works any
  /// more. Waits for a commit: not on the event loop's thread while that runs.
  static Result<std::unique_ptr<Works>> start(Settings settings, const Host& host);
  ~Works();
  Works(const Works&) = delete;
  Works& operator=(const Works&) = delete;

  /// Ends all threads, so that another Works may start: requests under way get a few seconds, what does not
  /// end in them counts as unknown. The views (targets, counts, reports) go on answering. Not on the event
  /// loop's thread while that runs.
  void stop();

  const Settings& settings() const { return settings_; }
  DeliveryLoop& delivery() { return *delivery_; }
  OpsApi& ops_api() { return *ops_api_; }
  std::map<std::string, IntakeCounts> intake_counts() const;

 private:
  Works(Settings settings, const Host& host);
  Result<void> start_reviewer();
  Result<void> start_reconcile();
  Result<void> begin();
  Result<void> start_delivery();
  Result<void> start_intakes();
  void make_ops_api();
  std::unique_ptr<jq::Mapper> make_mapper() const;
  Result<std::unique_ptr<TargetPort>> target_port(const std::string& name, http::Client& client,
                                                  const DeliveryLoop::Parts::Post& post);
  Result<std::unique_ptr<FetchPort>> fetch_port(const std::string& name);

  const Settings settings_;
  const Host host_;
  FetchAllowances allowances_;
  std::map<std::string, LaneMemory> lanes_;
  Sequence head_;
  std::unique_ptr<DeliveryLoop> delivery_;
  std::unique_ptr<jq::Mapper> mapper_;  ///< where a target has a connector file; ends before what it answers
  std::unique_ptr<Reviewer> reviewer_;
  std::unique_ptr<ReconcileLoop> reconcile_;
  std::unique_ptr<OpsApi> ops_api_;
  FileIntakes intakes_;
  std::atomic<bool> stopping_{false};
};

}  // namespace tillsync
