// A journal's life in a few dozen steps, played on a crash disk: every kind of fact, checkpoints, retention,
// a reader in between, a copy, closing and opening again. Each step is one transaction, or none; played
// without trouble it always leaves the same journal, byte by byte.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "outbox/journal/journal.h"
#include "tests/simulation/disk/crash_disk.h"
#include "tests/unit/outbox/journal/fixture.h"

namespace tillsync::sim {

inline constexpr const char* kFolder = "/sim/journal";

/// A process with its journal on a disk of its own.
struct Shop {
  explicit Shop(std::uint64_t seed) : disk(seed) {}

  /// Closes and opens. What ends the process ends the reader too.
  Result<void> open();
  /// `apply` in one transaction. As the journal thread has it: a failure of one task rolls back here.
  Result<void> transact(const std::function<Result<void>(Journal&)>& apply);
  Result<JournalReader*> reading();

  CrashDisk disk;
  test::JournalClock clock;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<JournalReader> reader;
};

struct Step {
  std::string name;
  /// May be called again after it has failed. Wrong answers are CHECKed, an error is trouble with the disk.
  std::function<Result<void>(Shop&)> run;
};
const std::vector<Step>& script();
/// Runs step number `index`, at the time of day that this step always has.
Result<void> run_step(Shop& shop, std::size_t index);

/// All that the journal in `folder` holds, table by table; "" where there is none yet.
std::string dump(Shop& shop, const std::string& folder = kFolder);
/// "" where the journal is whole: SQLite's own check, the chain, and what the open journal has in mind.
std::string check_whole(Shop& shop);

}  // namespace tillsync::sim
