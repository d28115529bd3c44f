#include "agent/assembly/descriptors.h"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace tillsync;

TEST_CASE("descriptors: with enough of them both servers have all their connections") {
  const auto shares = share_descriptors(descriptors_wanted(32), 32);
  CHECK(shares.enough);
  CHECK(shares.tills == kTillConnectionsMax);
  CHECK(shares.ops == kOpsConnectionsMax);
}

TEST_CASE("descriptors: whatever the limit, connections leave the rest to files and deliveries") {
  for (std::uint64_t limit = 300; limit < descriptors_wanted(32); ++limit) {
    const auto shares = share_descriptors(limit, 32);
    CAPTURE(limit);
    CHECK(!shares.enough);
    CHECK(shares.tills + shares.ops + kOwnDescriptors + kRefusalDescriptors + 32 <= limit);
    CHECK(shares.tills > shares.ops);
  }
}

TEST_CASE("descriptors: a limit that is far too small still leaves each a few") {
  for (const std::uint64_t limit : std::initializer_list<std::uint64_t>{0, 32, 64, 200}) {
    const auto shares = share_descriptors(limit, 512);
    CHECK(shares.tills >= 8);
    CHECK(shares.ops >= 4);
    CHECK(!shares.enough);
    CHECK(shares.till_descriptors_max <= shares.ops_descriptors_max);
    CHECK(shares.ops_descriptors_max <= limit);
  }
}

TEST_CASE("descriptors: where they are few, some are kept for files, and some more for the ops API") {
  for (const std::uint64_t limit : std::initializer_list<std::uint64_t>{64, 200, 1'000}) {
    const auto shares = share_descriptors(limit, 32);
    CHECK(shares.ops_descriptors_max == limit - 16);
    CHECK(shares.till_descriptors_max == limit - 20);
  }
}
