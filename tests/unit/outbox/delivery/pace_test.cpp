#include "outbox/delivery/pace.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "outbox/delivery/breaker.h"

using namespace tillsync;
using namespace std::chrono_literals;

TEST_CASE("pace: no window holds more requests than its length allows plus one second's worth") {
  const bool held = rc::check([] {
    const int rate = *rc::gen::inRange(1, 30);
    Pace pace({.rate_per_s = static_cast<double>(rate)});
    std::vector<SteadyTime> taken;
    SteadyTime now{};
    for (int i = 0; i < 200; ++i) {
      now += std::chrono::milliseconds(*rc::gen::inRange(0, 100));
      if (pace.take(1, Claim::kLive, now)) taken.push_back(now);
    }
    for (std::size_t i = 0; i < taken.size(); ++i) {
      for (std::size_t j = i; j < taken.size(); ++j) {
        const double seconds = std::chrono::duration<double>(taken[j] - taken[i]).count();
        RC_ASSERT(static_cast<double>(j - i + 1) <= rate + rate * seconds + 1e-6);
      }
    }
  });
  CHECK(held);
}

TEST_CASE("pace: the moment it names is exact, a nanosecond earlier is too early") {
  for (const double rate : {0.3, 1.0, 3.0, 7.7, 1000.0}) {
    Pace pace({.rate_per_s = rate});
    SteadyTime now{5s};
    while (pace.take(1, Claim::kLive, now)) {
    }
    now = pace.next_at(1, Claim::kLive);
    CHECK_FALSE(pace.take(1, Claim::kLive, now - 1ns));
    CHECK(pace.take(1, Claim::kLive, now));
  }
}

TEST_CASE("pace: without a rate there is no limit") {
  Pace pace({});
  for (int i = 0; i < 1000; ++i) CHECK(pace.take(1, Claim::kBacklog, SteadyTime{}));
}

TEST_CASE("backoff: jitter is full, capped and never zero") {
  SeededRandom random(1);
  const Backoff backoff(1s, 60s, random);
  for (int failures = 1; failures < 100; ++failures) {
    std::chrono::nanoseconds low{1h};
    std::chrono::nanoseconds high{0};
    for (int i = 0; i < 200; ++i) {
      const auto wait = backoff.after(failures);
      low = std::min(low, wait);
      high = std::max(high, wait);
    }
    const auto cap = failures < 7 ? std::chrono::nanoseconds(1s) * (1 << (failures - 1)) : 60s;
    CHECK((low >= 1ms));
    CHECK((low < cap / 5));
    CHECK((high <= cap));
    CHECK((high > cap / 2));
  }
}

TEST_CASE("breaker: opens after failures in a row, probes once, closes on success") {
  SeededRandom random(1);
  Breaker breaker(3, 1h, Backoff(1s, 60s, random));
  SteadyTime now{};
  CHECK_FALSE(breaker.answered(TargetSignal::kUnreachable, {}, false, now));
  CHECK_FALSE(breaker.answered(TargetSignal::kUnreachable, {}, false, now));
  CHECK_FALSE(breaker.answered(TargetSignal::kFine, {}, false, now));
  CHECK_FALSE(breaker.answered(TargetSignal::kUnreachable, {}, false, now));
  CHECK_FALSE(breaker.answered(TargetSignal::kUnreachable, {}, false, now));
  CHECK(breaker.answered(TargetSignal::kUnreachable, {}, false, now));
  REQUIRE(breaker.retry_at().has_value());
  CHECK((*breaker.retry_at() <= now + 1s));
  CHECK_FALSE(breaker.may_probe(*breaker.retry_at() - 1ns));
  now = *breaker.retry_at();
  CHECK(breaker.may_probe(now));
  breaker.started_probe();
  CHECK_FALSE(breaker.may_probe(now));
  CHECK(breaker.answered(TargetSignal::kUnreachable, {}, true, now));
  CHECK((*breaker.retry_at() <= now + 2s));
  now = *breaker.retry_at();
  breaker.started_probe();
  CHECK_FALSE(breaker.answered(TargetSignal::kFine, {}, true, now));
  CHECK(breaker.closed());
}

TEST_CASE(
    "breaker: a throttle waits at least what was asked, at most a tenth more, and no longer than the limit") {
  SeededRandom random(1);
  Breaker breaker(3, 1h, Backoff(1s, 60s, random));
  breaker.answered(TargetSignal::kThrottled, 30s, false, SteadyTime{});
  CHECK(breaker.throttled());
  CHECK((*breaker.retry_at() >= SteadyTime{30s}));
  CHECK((*breaker.retry_at() <= SteadyTime{33s}));
  // Answers to what was under way: a longer wish counts, a success does not end the pause.
  breaker.answered(TargetSignal::kThrottled, 40s, false, SteadyTime{1s});
  CHECK((*breaker.retry_at() == SteadyTime{41s}));
  breaker.answered(TargetSignal::kFine, {}, false, SteadyTime{1s});
  CHECK(breaker.throttled());

  Breaker patient(3, 1h, Backoff(1s, 60s, random));
  patient.answered(TargetSignal::kThrottled, 240h, false, SteadyTime{});
  CHECK((*patient.retry_at() <= SteadyTime{66min}));
}

TEST_CASE("breaker: a refused credential is tried again after the least backoff, whatever failed before") {
  SeededRandom random(1);
  Breaker breaker(3, 1h, Backoff(1s, 60s, random));
  SteadyTime now{};
  for (int i = 0; i < 3; ++i) breaker.answered(TargetSignal::kUnreachable, {}, false, now);
  for (int i = 0; i < 8; ++i) {
    now = *breaker.retry_at();
    breaker.started_probe();
    breaker.answered(TargetSignal::kUnreachable, {}, true, now);
  }
  now = *breaker.retry_at();
  breaker.started_probe();
  breaker.answered(TargetSignal::kUnauthorized, {}, true, now);
  CHECK((*breaker.retry_at() == now + 1s));
}
