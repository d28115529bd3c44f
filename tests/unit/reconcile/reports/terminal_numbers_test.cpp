#include "reconcile/reports/terminal_numbers.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <limits>
#include <set>

namespace tillsync {
namespace {

TEST_CASE("terminal numbers: a hole between neighbours is a gap, per terminal; a repeat is none") {
  TerminalNumbers numbers;
  for (const int number : {3, 1, 2, 9, 6}) CHECK(numbers.add("T1", number));
  CHECK(numbers.add("T2", 40));
  CHECK_FALSE(numbers.add("T1", 2));
  CHECK(numbers.gaps() == std::vector<SequenceGap>{{"T1", 3, 6}, {"T1", 6, 9}});
}

TEST_CASE("terminal numbers: the largest number there is does not overflow") {
  TerminalNumbers numbers;
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  CHECK(numbers.add("T", kMax));
  CHECK(numbers.add("T", 1));
  CHECK(numbers.add("T", kMax - 1));
  CHECK_FALSE(numbers.add("T", kMax));
  CHECK(numbers.gaps() == std::vector<SequenceGap>{{"T", 1, kMax - 1}});
}

TEST_CASE("terminal numbers: gaps are those of the sorted set, whatever the order of arrival") {
  CHECK(rc::check([] {
    const auto arrived = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 60));
    TerminalNumbers numbers;
    std::set<int> seen;
    for (const int number : arrived) RC_ASSERT(numbers.add("T", number) == seen.insert(number).second);
    std::vector<SequenceGap> expected;
    int previous = 0;
    for (const int number : seen) {
      if (previous != 0 && number != previous + 1) expected.push_back({"T", previous, number});
      previous = number;
    }
    RC_ASSERT(numbers.gaps() == expected);
  }));
}

}  // namespace
}  // namespace tillsync
