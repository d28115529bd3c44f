// The store's process: the real journal, group commit, scheduler, delivery driver and connectors, put
// together as the daemon does, and driven by the world's events instead of threads.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/delivery_loop/delivery_driver.h"
#include "config/settings.h"
#include "platform/http/client.h"
#include "tests/simulation/disk/crash_disk.h"
#include "tests/simulation/world/network.h"
#include "tests/simulation/world/timeline.h"

namespace tillsync::sim {

inline constexpr const char* kFolder = "/sim/journal";
inline constexpr const char* kStore = "0417";

/// What the process needs of the world around it. All outlive it.
struct Surroundings {
  Timeline& timeline;
  StoreClock& clock;
  CrashDisk& disk;
  SimNetwork& network;
  Random& random;
  /// Time at which a machine that sleeps wakes; at or before now while it is awake.
  std::function<Moment()> awake_at;
  /// Reads a target's credential as the file with the secret has it.
  std::function<std::string(int target)> secret;
  /// Before a request leaves.
  std::function<void(int target, const http::Request&)> on_send;
  /// What became of an attempt, for the trace.
  std::function<void(const std::string& target, const Outcome&)> on_outcome;
  /// The product says that the journal is damaged.
  std::function<void(const Error&)> on_damage;
  /// After every event of the process: it may be dead by now.
  std::function<void()> after_event;
};

struct ProcessOptions {
  Routes routes;
  int batch_max = 1;
  std::int64_t retention_trading_days = 0;
  std::int64_t checkpoint_bytes = 0;
};

class StoreProcess final : public JournalQueue, public std::enable_shared_from_this<StoreProcess> {
 public:
  /// As the daemon starts: opens the journal, puts the routes in force, reads the lanes, goes to work.
  static Result<std::shared_ptr<StoreProcess>> start(const Surroundings& around,
                                                     const ProcessOptions& options);

  ~StoreProcess() override;

  /// A till's post. `done` runs once it is durable or refused; never after the process has died.
  void post(DocumentPost post, std::function<void(Result<PostAnswer>)> done);
  /// A person's decision, as the ops API makes it.
  void decide(const DecisionFact& fact, std::function<void(Result<void>)> done);
  void run(std::function<Result<void>(Journal&)> apply, std::function<void(Result<void>)> done) override;
  /// Commits what waits, checkpoints and closes, as after SIGTERM. The object is of no use then.
  void stop();

  JournalReader& reader() { return *reader_; }
  Sequence head() const { return commit_->journal().head().sequence; }
  /// Head after the start, when the routes were in force.
  Sequence started_at() const { return started_at_; }

 private:
  class Transport;
  explicit StoreProcess(const Surroundings& around);
  Result<void> open(const ProcessOptions& options);
  /// Runs `event` then, unless the process is gone; later where the machine sleeps.
  void later(Moment delay, std::function<void()> event);
  void wake_driver(Moment delay);
  void commit_soon();
  void commit_round();
  void turn();

  const Surroundings around_;
  std::unique_ptr<Transport> transport_;
  std::optional<GroupCommit> commit_;
  std::unique_ptr<JournalReader> reader_;
  std::optional<DeliveryDriver> driver_;
  std::deque<JournalTask> queue_;
  std::vector<std::function<void()>> events_;
  Sequence started_at_;
  bool commit_scheduled_ = false;
  std::optional<Moment> turn_at_;
  bool stopped_ = false;
};

}  // namespace tillsync::sim
