// Every fault point in turn: the script is played once for every I/O call that could fail in it, and once for
// every change at which the process or the power could go.
#include <fmt/format.h>

#include "tests/simulation/fault_points/script.h"

namespace tillsync::sim {
namespace {

enum class Trouble { kFailOnce, kFailForGood, kCrash };
/// What becomes of the process after it.
enum class Aftermath { kGoOn, kReopen, kKill, kPowerLoss };

constexpr const char* kTroubles[] = {"a failed call", "calls failing for good", "a crash"};
constexpr const char* kAftermaths[] = {"going on", "reopening", "a kill", "a power loss"};

struct Plan {
  Trouble trouble;
  std::uint64_t at;  // I/O call or change, from 1
  Aftermath aftermath;
  std::size_t steps_to_loss;  // how many steps later the power goes (again)
};

/// What the journal is after each number of steps, where nothing goes wrong.
const std::vector<std::string>& states() {
  static const std::vector<std::string> all = [] {
    Shop shop(1);
    std::vector<std::string> made{dump(shop)};
    for (std::size_t i = 0; i < script().size(); ++i) {
      auto done = run_step(shop, i);
      REQUIRE_MESSAGE(done.has_value(),
                      (done ? std::string() : script()[i].name + ": " + done.error().detail));
      made.push_back(dump(shop));
      REQUIRE(check_whole(shop) == "");
    }
    return made;
  }();
  return all;
}

std::string first_difference(const std::string& expected, const std::string& found) {
  const auto from = static_cast<std::size_t>(
      std::mismatch(expected.begin(), expected.end(), found.begin(), found.end()).first - expected.begin());
  const auto line = expected.rfind('\n', from) == std::string::npos ? 0 : expected.rfind('\n', from) + 1;
  return expected.substr(line, 300) + " became " + found.substr(std::min(line, found.size()), 300);
}

class Play {
 public:
  Play(const Plan& plan, std::uint64_t seed) : plan_(plan), shop_(seed) {}

  /// Whether the trouble came at all. `finding` says what was wrong after it.
  bool run() {
    plan_.trouble == Trouble::kCrash ? shop_.disk.crash_at_change(plan_.at)
                                     : shop_.disk.fail_call(plan_.at, plan_.trouble == Trouble::kFailForGood);
    while (at_ < script().size() && finding.empty() && !(lost_ && plan_.steps_to_loss > 0)) {
      step();
      if (!came_ && (shop_.disk.failed() || shop_.disk.crashed())) {
        came_ = true;
        meet_trouble();
        loss_at_ = at_ + plan_.steps_to_loss;
      }
      if (came_ && !lost_ && finding.empty() && at_ >= loss_at_) lose_power();
    }
    if (came_ && !lost_ && finding.empty()) lose_power();
    return came_;
  }

  std::string finding;

 private:
  void step() {
    auto done = run_step(shop_, at_);
    if (done) {
      ++at_;
    } else if (!shop_.disk.failed() && !shop_.disk.crashed()) {
      report("failed without a cause: " + done.error().detail);
    }
  }

  // A daemon tries again while the trouble lasts, and then it ends.
  void meet_trouble() {
    if (plan_.trouble != Trouble::kFailOnce) {
      for (int i = 0; i < 2 && at_ < script().size(); ++i) step();
    }
    shop_.disk.fail_call(0, false);
    if (plan_.aftermath == Aftermath::kGoOn && shop_.journal != nullptr) {
      bool begun = false;
      for (int i = 0; i < 2 && !begun; ++i) begun = shop_.journal->begin().has_value();
      if (!begun) return report("does not recover by itself");
      shop_.journal->rollback();
    } else if (!restart(plan_.aftermath)) {
      return;
    }
    const auto now = dump(shop_);
    // The journal may have what it did not get to say.
    take_if_done(now);
    compare(now);
    open_step_ = at_;
  }

  void take_if_done(const std::string& now) {
    if (at_ + 1 < states().size() && now != states()[at_] && now == states()[at_ + 1]) ++at_;
  }

  bool restart(Aftermath how) {
    if (how == Aftermath::kKill) shop_.disk.kill();
    if (how == Aftermath::kPowerLoss) shop_.disk.power_loss();
    if (how == Aftermath::kKill || how == Aftermath::kPowerLoss) shop_.reader.reset();
    auto opened = shop_.open();
    if (!opened) report("does not open again: " + opened.error().detail);
    if (at_ == 0 && opened) at_ = 1;  // that was the first step
    return opened.has_value();
  }

  void lose_power() {
    lost_ = true;
    if (!restart(Aftermath::kPowerLoss)) return;
    const auto now = dump(shop_);
    // What was refused with an error may come to light whole, until something else is acknowledged.
    if (at_ == open_step_) take_if_done(now);
    compare(now);
  }

  void compare(const std::string& now) {
    if (now != states()[at_]) {
      std::size_t other = 0;
      while (other < states().size() && states()[other] != now) ++other;
      return report(other < states().size()
                        ? fmt::format("holds what {} steps leave, not {}", other, at_)
                        : "holds what no number of steps leaves: " + first_difference(states()[at_], now));
    }
    const auto wrong = check_whole(shop_);
    if (!wrong.empty()) report("is not whole: " + wrong);
  }

  void report(const std::string& what) {
    if (!finding.empty()) return;
    finding = fmt::format(
        "{} at {}, then {}, a power loss {} steps later{}; before step {} ({}) the journal {}",
        kTroubles[static_cast<int>(plan_.trouble)], plan_.at, kAftermaths[static_cast<int>(plan_.aftermath)],
        plan_.steps_to_loss, lost_ ? " (come)" : "", at_,
        at_ < script().size() ? script()[at_].name : std::string("end"), what);
  }

  const Plan plan_;
  Shop shop_;
  std::size_t at_ = 0;         // steps that are done and acknowledged
  std::size_t open_step_ = 0;  // the one that the trouble met, where it was not done after all
  std::size_t loss_at_ = 0;
  bool came_ = false;
  bool lost_ = false;
};

void try_every_point(Trouble trouble, std::initializer_list<Aftermath> aftermaths) {
  constexpr int kFindingsShown = 12;
  int findings = 0;
  std::uint64_t plays = 0;
  std::uint64_t points = 0;
  bool came = true;
  for (std::uint64_t at = 1; came; ++at) {
    came = false;
    for (const auto aftermath : aftermaths) {
      // At once, and after some steps more that were acknowledged: in turn few, some and all.
      constexpr std::size_t kLater[] = {1, 3, 100};
      for (const std::size_t steps_to_loss : {std::size_t{0}, kLater[(at + plays / 2) % std::size(kLater)]}) {
        Play play(Plan{trouble, at, aftermath, steps_to_loss}, at * 1'000 + plays % 1'000);
        came = play.run() || came;
        ++plays;
        if (!play.finding.empty() && ++findings <= kFindingsShown) MESSAGE(play.finding);
      }
    }
    if (came) ++points;
  }
  const std::string name = kTroubles[static_cast<int>(trouble)];
  MESSAGE(name << ": " << points << " points, " << plays << " plays, " << findings << " findings");
  CHECK(points > 100);
  CHECK(findings == 0);
}

TEST_CASE("journal: after any one failed I/O call it recovers, and keeps what it acknowledged") {
  try_every_point(Trouble::kFailOnce,
                  {Aftermath::kGoOn, Aftermath::kReopen, Aftermath::kKill, Aftermath::kPowerLoss});
}

TEST_CASE(
    "journal: after a disk that failed for good from any call on it recovers, and keeps what it "
    "acknowledged") {
  try_every_point(Trouble::kFailForGood,
                  {Aftermath::kGoOn, Aftermath::kReopen, Aftermath::kKill, Aftermath::kPowerLoss});
}

TEST_CASE("journal: an acknowledged document survives a kill or a power loss at any change") {
  try_every_point(Trouble::kCrash, {Aftermath::kKill, Aftermath::kPowerLoss});
}

}  // namespace
}  // namespace tillsync::sim
