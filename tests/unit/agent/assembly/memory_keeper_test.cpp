#include "agent/assembly/memory_keeper.h"

#include <doctest/doctest.h>

#include <optional>

using namespace tillsync;

namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

/// A process of which `freed` bytes can be given back.
struct Process {
  std::int64_t needed = 5 * kMiB;
  std::int64_t freed = 0;
  Sequence head{1'000'000};
  int given_back = 0;
  bool tells = true;
  MemoryKeeper keeper{MemoryKeeperOptions{[this] { return head; },
                                          [this]() -> std::optional<std::int64_t> {
                                            if (!tells) return std::nullopt;
                                            return needed + freed;
                                          },
                                          [this] {
                                            freed = 0;
                                            ++given_back;
                                          }}};
};

}  // namespace

TEST_CASE(
    "memory keeper: what only the start needed is given back at the first look, and then nothing more") {
  Process process;
  process.freed = 13 * kMiB;
  CHECK(process.keeper.look());
  CHECK(process.freed == 0);
  process.freed = kWorthGivingBackBytes - 1;
  CHECK_FALSE(process.keeper.look());
  CHECK(process.given_back == 1);
}

TEST_CASE("memory keeper: what a burst left is given back once the store rests, not while it trades") {
  Process process;
  process.keeper.look();
  for (int i = 0; i < 5; ++i) {
    process.freed += 20 * kMiB;
    process.head.value += kRestingRecordsMax + 1;
    CHECK_FALSE(process.keeper.look());
  }
  process.head.value += kRestingRecordsMax;
  CHECK(process.keeper.look());
  CHECK(process.freed == 0);
}

TEST_CASE("memory keeper: a backlog that is really held is not asked for again and again") {
  Process process;
  process.keeper.look();
  process.needed = 25 * kMiB;
  CHECK(process.keeper.look());
  CHECK_FALSE(process.keeper.look());
  // It was sent: less is held, and what comes then is measured by that.
  process.needed = 5 * kMiB;
  CHECK_FALSE(process.keeper.look());
  process.freed = 10 * kMiB;
  CHECK(process.keeper.look());
}

TEST_CASE("memory keeper: a system that does not tell is left alone") {
  Process process;
  process.tells = false;
  process.freed = 100 * kMiB;
  CHECK_FALSE(process.keeper.look());
}
