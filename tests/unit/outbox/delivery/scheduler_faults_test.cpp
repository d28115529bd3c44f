// Retry, backoff and the target's circuit breaker.
#include <doctest/doctest.h>

#include "tests/unit/outbox/delivery/bench.h"

using namespace tillsync;
using namespace tillsync::test;
using namespace std::chrono_literals;
using Documents = std::vector<std::int64_t>;

namespace {

/// The lane's breaker opens; nothing is under way.
void go_down(Bench& bench, int deliveries, int concurrency = 3) {
  bench.targets["erp"].concurrency = concurrency;
  for (int i = 0; i < deliveries; ++i) bench.journal.add({});
  bench.start();
  while (!bench.sends.empty()) bench.answer(bench.sent()[0], unreachable());
  REQUIRE(bench.status().state == TargetState::kDown);
}

}  // namespace

TEST_CASE("scheduler: a long backoff of one does not hold up the others") {
  Bench bench;
  bench.targets["erp"].concurrency = 1;
  for (int i = 0; i < 3; ++i) bench.journal.add({});
  bench.start();
  bench.answer(1, outcome_of(OutcomeKind::kRetryable, TargetSignal::kFine, 60s));
  CHECK(bench.sent() == Documents{2});
  CHECK(bench.status().state == TargetState::kUp);
  bench.answer(2, delivered());
  bench.answer(3, delivered());
  REQUIRE(bench.scheduler->next_wake().has_value());
  const auto wait = *bench.scheduler->next_wake() - bench.now;
  CHECK((wait >= 60s));
  CHECK((wait <= 66s));
  bench.pass(wait - 1ns);
  CHECK(bench.sent().empty());
  bench.pass(1ns);
  CHECK(bench.answer(1, delivered()) == 2);
}

TEST_CASE("scheduler: a Retry-After beyond the limit is cut to it") {
  Bench bench;
  bench.journal.add({});
  bench.start();
  bench.answer(1, outcome_of(OutcomeKind::kRetryable, TargetSignal::kFine, 100h));
  CHECK((*bench.scheduler->next_wake() - bench.now <= 66min));
}

TEST_CASE(
    "scheduler: an open breaker lets nothing out, then exactly one probe, the oldest, without a batch") {
  Bench bench;
  bench.targets["erp"].batch_max = 10;
  go_down(bench, 40);
  CHECK(bench.sends.empty());
  const auto retry_at = bench.status().retry_at;
  REQUIRE(retry_at.has_value());
  CHECK((*bench.scheduler->next_wake() == *retry_at));
  bench.pass(*retry_at - bench.now - 1ns);
  CHECK(bench.sends.empty());
  bench.pass(1ns);
  CHECK(bench.sent() == Documents{1});
  CHECK(bench.status().state == TargetState::kDown);
  CHECK_FALSE(bench.scheduler->next_wake().has_value());
  bench.answer(1, delivered());
  CHECK(bench.status().state == TargetState::kUp);
  CHECK(bench.sends.size() == 3);
  CHECK(bench.sends[0].attempts.size() == 10);
}

TEST_CASE("scheduler: a rejection proves that the target serves") {
  Bench bench;
  go_down(bench, 5);
  bench.pass_to_wake();
  bench.answer(1, rejected());
  CHECK(bench.status().state == TargetState::kUp);
  CHECK(bench.sent() == Documents{2, 3, 4});
}

TEST_CASE("scheduler: a day's outage costs few requests, and leaves no long backoffs behind") {
  Bench bench;
  go_down(bench, 100);
  const SteadyTime begin = bench.now;
  int probes = 0;
  while (bench.now - begin < 24h) {
    REQUIRE(bench.pass_to_wake());
    REQUIRE(bench.sends.size() == 1);
    ++probes;
    bench.answer(bench.sent()[0], unreachable());
  }
  CHECK(probes < 24 * 60);  // a probe each 150 s on average, at the default backoff_max of 300 s
  bench.pass_to_wake();
  bench.answer(bench.sent()[0], delivered());
  int settled = 1;
  while (!bench.sends.empty()) {
    bench.answer(bench.sent()[0], delivered());
    ++settled;
  }
  CHECK(settled == 100);
}

TEST_CASE("scheduler: a document on which the target breaks does not stay the probe for ever (I4)") {
  Bench bench;
  go_down(bench, 5, 3);
  int rounds = 0;
  while (bench.status().state == TargetState::kDown) {
    REQUIRE(++rounds < 10);
    bench.pass_to_wake();
    REQUIRE(bench.sends.size() == 1);
    bench.answer(bench.sent()[0], bench.sent()[0] == 1 ? unreachable() : delivered());
  }
  CHECK(rounds == 2);
}

TEST_CASE("scheduler: lost requests of an outage are looked up when it ends, not sent") {
  Bench bench;
  for (int i = 0; i < 8; ++i) bench.journal.add({});
  bench.start();
  for (int i = 1; i <= 8; ++i) bench.answer(i, lost());
  CHECK(bench.status().state == TargetState::kDown);
  bench.pass_to_wake();
  CHECK(bench.asked() == Documents{1});
  bench.answer_look_up(1, LookUpAnswer::Kind::kFound);
  CHECK(bench.asked() == Documents{2, 3, 4, 5, 6, 7, 8});
  CHECK(bench.sends.empty());
}

TEST_CASE("scheduler: a throttling target is left alone as long as it asked, then tried with one") {
  Bench bench;
  for (int i = 0; i < 20; ++i) bench.journal.add({});
  bench.start();
  CHECK(bench.sends.size() == 8);
  bench.answer(1, outcome_of(OutcomeKind::kRetryable, TargetSignal::kThrottled, 10s));
  for (int i = 2; i <= 8; ++i) bench.answer(i, delivered());
  CHECK(bench.sends.empty());
  CHECK(bench.status().state == TargetState::kThrottled);
  const auto wait = *bench.scheduler->next_wake() - bench.now;
  CHECK((wait >= 10s));
  CHECK((wait <= 11s));
  bench.pass(wait);
  CHECK(bench.sent() == Documents{1});
  bench.answer(1, delivered());
  CHECK(bench.status().state == TargetState::kUp);
  CHECK(bench.sends.size() == 8);
}

TEST_CASE("scheduler: a target that throttles with no time to wait is not hammered") {
  Bench bench;
  bench.journal.add({});
  bench.start();
  const SteadyTime begin = bench.now;
  for (int i = 0; i < 20; ++i) {
    bench.answer(1, outcome_of(OutcomeKind::kRetryable, TargetSignal::kThrottled, 0s));
    REQUIRE(bench.pass_to_wake());
  }
  CHECK((bench.now - begin > 60s));
}

TEST_CASE("scheduler: a refused credential stops the lane, and is tried again after the least backoff") {
  Bench bench;
  for (int i = 0; i < 3; ++i) bench.journal.add({});
  bench.start();
  for (int i = 1; i <= 3; ++i)
    bench.answer(i, outcome_of(OutcomeKind::kRetryable, TargetSignal::kUnauthorized));
  CHECK(bench.status().state == TargetState::kDown);
  CHECK((*bench.scheduler->next_wake() == bench.now + 1s));
  bench.pass(1s);
  CHECK(bench.sent() == Documents{1});
  bench.answer(1, delivered());
  CHECK(bench.sent() == Documents{2, 3});
}

TEST_CASE("scheduler: a probe that was not made gives its place to another") {
  Bench bench;
  go_down(bench, 5);
  bench.pass_to_wake();
  const Attempt probe = bench.sends.at(0).attempts[0];
  bench.sends.clear();
  bench.scheduler->not_attempted("erp", probe, bench.now);
  bench.run();
  CHECK(bench.sent() == Documents{2});
}

TEST_CASE("scheduler: paused, nothing goes out; what is under way ends; resumed, it goes on") {
  Bench bench;
  bench.targets["erp"].concurrency = 2;
  for (int i = 0; i < 4; ++i) bench.journal.add({});
  bench.start();
  bench.scheduler->pause("erp");
  bench.answer(1, delivered());
  CHECK(bench.sent() == Documents{2});
  CHECK(bench.status().state == TargetState::kPaused);
  bench.answer(2, outcome_of(OutcomeKind::kRetryable));
  CHECK_FALSE(bench.scheduler->next_wake().has_value());
  bench.scheduler->resume("erp");
  bench.pass(1s);
  CHECK(bench.sent() == Documents{2, 3});
  // The operator's pause outlives the process.
  bench.memory["erp"].paused = true;
  bench.start();
  CHECK(bench.sends.empty());
  CHECK(bench.look_ups.empty());
}

TEST_CASE("scheduler: during an outage documents beyond what can be sent soon are of no use to it") {
  Bench bench;
  bench.limits.page_documents = 4;
  bench.limits.window_max = 16;
  bench.targets["erp"].concurrency = 1;
  bench.start();
  CHECK(bench.scheduler->wants_documents());
  int added = 0;
  while (bench.scheduler->wants_documents() && added < 50) {
    bench.journal.add({});
    ++added;
    bench.run();
    if (!bench.sends.empty()) bench.answer(bench.sent().front(), unreachable());
  }
  CHECK(added < 20);
  // Whoever believes that loses nothing: what comes is not read, and read as soon as there is a use for it.
  const int reads = bench.journal.reads;
  for (; added < 40; ++added) bench.journal.add({});
  bench.run();
  CHECK(bench.journal.reads == reads);
  std::set<std::int64_t> settled;
  while (bench.pass_to_wake() || !bench.sends.empty()) {
    if (bench.sends.empty()) continue;
    const auto document = bench.sent().front();
    settled.insert(document);
    bench.answer(document, delivered());
    if (settled.size() == 40) break;
  }
  CHECK(settled.size() == 40);
  CHECK(bench.scheduler->wants_documents());
}
