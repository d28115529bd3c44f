#include "agent/access/lockouts.h"

#include <doctest/doctest.h>

using namespace tillsync;
using namespace std::chrono_literals;

namespace {
constexpr SteadyTime kStart{std::chrono::hours(1)};
}

TEST_CASE("lockouts: the tenth failure within a minute locks out, for a minute, that address alone") {
  Lockouts lockouts;
  for (int i = 0; i < 9; ++i) CHECK(!lockouts.failed("10.0.0.1", kStart + i * 1s));
  CHECK(!lockouts.left("10.0.0.1", kStart + 9s));
  CHECK(lockouts.failed("10.0.0.1", kStart + 9s));
  CHECK(lockouts.left("10.0.0.1", kStart + 9s) == 60s);
  CHECK(lockouts.left("10.0.0.1", kStart + 68s + 1ms) == 1s);
  CHECK(!lockouts.left("10.0.0.1", kStart + 69s));
  CHECK(!lockouts.left("10.0.0.2", kStart + 9s));
  // What comes while it is outside neither counts nor prolongs.
  CHECK(!lockouts.failed("10.0.0.1", kStart + 30s));
  CHECK(!lockouts.left("10.0.0.1", kStart + 69s));
  CHECK(!lockouts.failed("10.0.0.1", kStart + 70s));
}

TEST_CASE("lockouts: failures further apart than the window do not add up") {
  Lockouts lockouts;
  for (int i = 0; i < 100; ++i) CHECK(!lockouts.failed("10.0.0.1", kStart + i * 7s));
}

TEST_CASE("lockouts: an IPv6 network of 64 bits counts as one") {
  CHECK(Lockouts::key("10.0.0.1") == "10.0.0.1");
  CHECK(Lockouts::key("2001:db8:1:2:3:4:5:6") == Lockouts::key("2001:db8:1:2::9"));
  CHECK(Lockouts::key("2001:db8:1:2::") == Lockouts::key("2001:db8:1:2::9"));
  CHECK(Lockouts::key("2001:db8::1") == Lockouts::key("2001:db8:0:0:ffff::"));
  CHECK(Lockouts::key("2001:db8::1") != Lockouts::key("2001:db8:0:1::1"));
  CHECK(Lockouts::key("fe80::1%eth0") == Lockouts::key("fe80::2%eth1"));
  CHECK(Lockouts::key("::1") == Lockouts::key("::2"));
}

TEST_CASE("lockouts: the table stays bounded, and who is locked out is forgotten last") {
  Lockouts lockouts({.failures_max = 2, .addresses_max = 3});
  CHECK(!lockouts.failed("bad", kStart));
  CHECK(lockouts.failed("bad", kStart));
  for (int i = 0; i < 1'000; ++i) CHECK(!lockouts.failed("a" + std::to_string(i), kStart + i * 1ms));
  CHECK(lockouts.size() == 3);
  CHECK(lockouts.left("bad", kStart + 1s));
  // What no longer counts makes place for all at once.
  CHECK(!lockouts.failed("later", kStart + 10min));
  CHECK(lockouts.size() == 1);
}
