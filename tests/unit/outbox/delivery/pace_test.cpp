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
      if (pace.begin(1, Claim::kLive, now)) taken.push_back(now);
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
    while (pace.begin(1, Claim::kLive, now)) {
    }
    now = pace.next_at(1, Claim::kLive);
    CHECK_FALSE(pace.begin(1, Claim::kLive, now - 1ns));
    CHECK(pace.begin(1, Claim::kLive, now));
  }
}

TEST_CASE("pace: without a rate there is no limit") {
  Pace pace({});
  for (int i = 0; i < 1000; ++i) CHECK(pace.begin(1, Claim::kBacklog, SteadyTime{}));
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

TEST_CASE("pace: no window of any place holds more than its requests, and all of them are used") {
  const bool held = rc::check([] {
    const std::int64_t requests = *rc::gen::inRange(1, 40);
    const auto window = std::chrono::milliseconds(*rc::gen::inRange(10, 5'000));
    Pace pace({.burst_requests = requests, .burst_window = window});
    std::vector<SteadyTime> taken;
    SteadyTime now{1h};
    for (int i = 0; i < 300; ++i) {
      now += std::chrono::milliseconds(*rc::gen::inRange(0, 200));
      while (pace.begin(1, Claim::kLive, now)) {
        pace.end(1, 1, now);
        taken.push_back(now);
      }
    }
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const auto end = std::upper_bound(taken.begin(), taken.end(), taken[i] + window);
      RC_ASSERT(end - taken.begin() - static_cast<std::ptrdiff_t>(i) <= requests);
    }
    // Over a long time nearly all of what the bucket gives: half of them, where somebody asks often enough.
    const double windows = std::chrono::duration<double>(now - SteadyTime{1h}) / window;
    if (window > 2s)
      RC_ASSERT(static_cast<double>(taken.size()) >= windows * static_cast<double>(requests) / 2.5 - 1);
  });
  CHECK(held);
}

TEST_CASE("pace: what a target says is left of its burst is kept until it resets") {
  Pace pace({.burst_requests = 190, .burst_window = 10s});
  const SteadyTime now{1h};
  for (int i = 0; i < 3; ++i) CHECK(pace.begin(1, Claim::kLive, now));
  pace.end(1, 1, now);  // of which two are on their way yet
  pace.told({.burst = LimitLeft{5, 4s}, .day = {}}, now);
  int more = 0;
  while (pace.begin(1, Claim::kLive, now + 1s)) ++more;
  CHECK(more == 3);
  CHECK(pace.next_at(1, Claim::kLive) == now + 4s);
  CHECK(pace.begin(1, Claim::kLive, now + 4s));
}

TEST_CASE("pace: a day that others have used up is asked for once an hour, by one request") {
  Pace pace({.day_requests = 1'000, .day_kept_back_percent = 20});
  SteadyTime now{1h};
  pace.told({.burst = {}, .day = LimitLeft{200, {}}}, now);  // what is left is the others'
  CHECK_FALSE(pace.begin(1, Claim::kLive, now + 59min));
  now += 1h;
  CHECK(pace.begin(1, Claim::kLive, now));
  CHECK_FALSE(pace.begin(1, Claim::kLive, now + 1min));
  pace.told({.burst = {}, .day = LimitLeft{260, {}}}, now + 1min);
  int live = 0;
  while (pace.begin(1, Claim::kLive, now + 1min)) ++live;
  CHECK(live > 0);
  CHECK(live <= 60);
}

TEST_CASE("pace: of a day that runs out the backlog's part is spread over its rest") {
  Pace pace({.day_requests = 1'000, .day_kept_back_percent = 0});
  const SteadyTime now{1h};
  pace.told({.burst = {}, .day = LimitLeft{100, std::chrono::milliseconds(10h)}}, now);
  std::vector<SteadyTime> backlog;
  for (SteadyTime at = now; at < now + 9h; at += 1min) {
    if (pace.begin(1, Claim::kBacklog, at)) backlog.push_back(at);
  }
  CHECK(backlog.size() > 40);
  CHECK(backlog.size() <= 100);
  CHECK(backlog[1] - backlog[0] >= 5min);
  // Live trade need not wait for a turn of the spread.
  CHECK(pace.begin(1, Claim::kLive, now + 9h));
}
