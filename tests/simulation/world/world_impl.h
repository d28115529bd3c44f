// Inside of a run, shared by its source files.
#pragma once

#include <fmt/format.h>

#include "reconcile/reports/report.h"
#include "tests/simulation/world/till.h"
#include "tests/simulation/world/world.h"

namespace tillsync::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

class World {
 public:
  World(const Plan& plan, const RunOptions& options);
  ~World() { process_.reset(); }

  Verdict run();

 private:
  SimCentral& central(int target) { return centrals_[static_cast<std::size_t>(target)]; }
  Till& till(std::int64_t number) { return tills_[static_cast<std::size_t>(number) % tills_.size()]; }

  template <class Say>
  void trace(Say say) {
    if (!options_.trace) return;
    const auto ms = std::chrono::duration_cast<milliseconds>(timeline_.now()).count();
    trace_.push_back(fmt::format("{:>9}.{:03}  {}", ms / 1000, ms % 1000, say()));
  }

  void advance(Moment until);

  // The machine and its process.
  Surroundings surroundings();
  void boot();

  /// What the checker reads must not depend on the disk's mood.
  void look_after_start();
  void calm_disk();
  void after_event();
  void drop_process();
  void crash();
  void arm_crash(const Item& item);
  void stop_for(seconds duration);

  // What the plan says.
  void begin(const Item& item);
  void suspend(seconds duration);
  void change_network(int target, NetworkMode mode, std::int64_t for_s);
  void change_central(int target, CentralMode mode, std::int64_t for_s);
  void change_disk(DiskMode mode, std::uint64_t choice, std::int64_t for_s);
  void heal_disk();

  // Tills.
  void make(Till& till, std::uint64_t seed);
  void post_again(Till& till, std::uint64_t choice);
  void post_changed(Till& till, std::uint64_t choice);
  void forget_answer(Till& till);
  void send(const SimDocument& document, std::function<void(const Result<PostAnswer>&)> done);
  void post_next(Till& till);
  void answered(Till& till, std::uint64_t post, const Result<PostAnswer>& answer);
  void retry_later(Till& till);

  // Operators.
  void look_at_quarantine(std::int64_t verb, std::uint64_t choice);
  void decide(const DecisionFact& fact, const std::string& amended);
  void decide_target(int target, bool pause);

  // The end.
  void settle();
  bool is_settled();
  std::string what_is_owed();
  void retry_quarantine();
  Result<Report> make_report(const std::string& business_day);
  void report_under_way(std::uint64_t choice);
  void look_at_the_end();
  const Plan& plan_;
  const RunOptions options_;
  int variant_;  ///< of the routes, from the next start on
  Timeline timeline_;
  SeededRandom random_;
  SeededRandom check_random_{5};
  StoreClock clock_;
  CrashDisk disk_;
  std::int64_t effects_ever_ = 0;  ///< at all centrals, in the order in which they came about
  std::array<SimCentral, kTargets> centrals_;
  SimNetwork network_;
  Checker checker_;
  const StoreDefaults store_;
  std::array<std::string, kTargets> secrets_;
  std::vector<Till> tills_;
  std::shared_ptr<StoreProcess> process_;
  DiskTrouble trouble_;
  std::array<int, kTargets> network_changes_{}, central_changes_{};
  int disk_changes_ = 0;
  struct Crash {
    std::uint64_t at_change = 0;  ///< 0: not awaited
    bool dies_only = false;       ///< the process alone
    seconds back_after{0};
  };
  Crash crash_;
  Moment awake_at_{0};
  Moment stopped_until_{0};
  std::int64_t decisions_ = 0;
  std::array<int, kTargets> pause_asked_{};
  bool settling_ = false;
  Statistics statistics_;
  std::vector<std::string> trace_;
};

}  // namespace tillsync::sim
