// A backup, every I/O call of it failing in turn, and the process or the power going at every change: a copy
// that is there is whole, one that was acknowledged is there, and the journal is as it was.
#include <fmt/format.h>

#include "outbox/journal/backup.h"
#include "tests/simulation/fault_points/script.h"

namespace tillsync::sim {
namespace {

constexpr const char* kInto = "/sim/backup";
constexpr std::size_t kSteps = 24;  // of the script: every kind of fact, and a checkpoint

enum class Trouble { kFailOnce, kFailForGood, kCrash };
enum class Aftermath { kGoOn, kKill, kPowerLoss };

Result<void> back_up(Shop& shop) {
  auto reader = shop.reading();
  if (!reader) return reader.error();
  return backup_journal(**reader, kInto, shop.disk.files());
}

bool copy_is_there(Shop& shop) {
  return shop.disk.content(std::string(kInto) + "/journal.db").has_value();
}

/// "" where the copy is the journal as it stands.
std::string check_copy(Shop& shop, const std::string& journal) {
  if (dump(shop, kInto) != journal) return "the copy is not the journal";
  auto reader = JournalReader::open(kInto, shop.disk.vfs());
  if (!reader) return "the copy does not open: " + reader.error().detail;
  auto verified = verify_journal(**reader);
  if (!verified) return "the copy cannot be verified: " + verified.error().detail;
  return verified->whole ? "" : "the copy is not whole: " + verified->reason;
}

void end_process(Shop& shop, Aftermath how) {
  if (how == Aftermath::kGoOn) return;
  how == Aftermath::kKill ? shop.disk.kill() : shop.disk.power_loss();
  shop.reader.reset();
  REQUIRE(shop.open().has_value());
}

/// Whether the trouble came. `finding`: what is wrong after it.
bool play(Trouble trouble, std::uint64_t at, Aftermath aftermath, std::string& finding) {
  Shop shop(at);
  for (std::size_t i = 0; i < kSteps; ++i) REQUIRE(run_step(shop, i).has_value());
  const auto journal = dump(shop);
  trouble == Trouble::kCrash ? shop.disk.crash_at_change(at)
                             : shop.disk.fail_call(at, trouble == Trouble::kFailForGood);
  const bool done = back_up(shop).has_value();
  const bool came = shop.disk.failed() || shop.disk.crashed();
  shop.disk.fail_call(0, false);
  shop.disk.crash_at_change(0);
  end_process(shop, aftermath);
  const auto check = [&](const char* when) {
    if (finding.empty() && dump(shop) != journal) finding = std::string(when) + ": the journal is another";
    if (finding.empty()) finding = check_whole(shop);
    if (finding.empty() && copy_is_there(shop)) finding = check_copy(shop, journal);
  };
  check("after it");
  if (finding.empty() && done && !copy_is_there(shop)) finding = "an acknowledged backup is gone";
  // Tried again it comes about, or is there.
  const auto again = back_up(shop);
  if (finding.empty() && !again && again.error().code != "backup-exists") finding = again.error().detail;
  end_process(shop, Aftermath::kPowerLoss);
  check("after a second try and a power loss");
  if (finding.empty() && again && !copy_is_there(shop)) finding = "the second backup is gone";
  return came;
}

std::uint64_t try_every_point(Trouble trouble, std::initializer_list<Aftermath> aftermaths) {
  std::uint64_t points = 0;
  for (bool came = true; came; points += came ? 1 : 0) {
    came = false;
    for (const auto aftermath : aftermaths) {
      std::string finding;
      came = play(trouble, points + 1, aftermath, finding) || came;
      CHECK_MESSAGE(finding.empty(),
                    fmt::format("trouble {} at {}, aftermath {}: {}", static_cast<int>(trouble), points + 1,
                                static_cast<int>(aftermath), finding));
    }
  }
  return points;
}

TEST_CASE("backup: whichever call fails, once or for good, a copy that is there is whole") {
  for (const auto trouble : {Trouble::kFailOnce, Trouble::kFailForGood}) {
    CHECK(try_every_point(trouble, {Aftermath::kGoOn, Aftermath::kKill, Aftermath::kPowerLoss}) > 20);
  }
}

TEST_CASE("backup: a kill or a power loss at any change leaves a whole copy or none, and the journal") {
  CHECK(try_every_point(Trouble::kCrash, {Aftermath::kKill, Aftermath::kPowerLoss}) > 10);
}

}  // namespace
}  // namespace tillsync::sim
