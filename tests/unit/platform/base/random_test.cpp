#include "platform/base/random.h"

#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <vector>

using namespace tillsync;

namespace {
/// Gives the numbers it was told to.
class Scripted final : public Random {
 public:
  explicit Scripted(std::vector<std::uint64_t> numbers) : numbers_(std::move(numbers)) {}
  std::uint64_t next() override { return numbers_.at(used_++); }
  std::size_t used() const { return used_; }

 private:
  std::vector<std::uint64_t> numbers_;
  std::size_t used_ = 0;
};
}  // namespace

TEST_CASE("random: SplitMix64 gives its published numbers for seed 1234567") {
  SeededRandom random(1234567);
  CHECK(random.next() == 6457827717110365317ULL);
  CHECK(random.next() == 3203168211198807973ULL);
  CHECK(random.next() == 9817491932198370423ULL);
}

TEST_CASE("random: below stays below, reaches every number, and takes bound 0 and 1") {
  SeededRandom random(7);
  CHECK(random.below(0) == 0);
  CHECK(random.below(1) == 0);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.below(10));
  CHECK(seen.size() == 10);
  CHECK(*seen.rbegin() == 9);
}

TEST_CASE("random: below draws again where a number would favour some remainders") {
  // 2^64 mod 3 is 1: the number 0 is one too many.
  Scripted random({0, 5});
  CHECK(random.below(3) == 2);
  CHECK(random.used() == 2);
}

TEST_CASE("random: the system's generator does not repeat itself") {
  SystemRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random.next());
  CHECK(seen.size() == 100);
}
