// What survives a crash: reservations, look-ups, the frontier.
#include <doctest/doctest.h>

#include "tests/unit/outbox/delivery/bench.h"

using namespace tillsync;
using namespace tillsync::test;
using namespace std::chrono_literals;
using Documents = std::vector<std::int64_t>;
using Kind = LookUpAnswer::Kind;

TEST_CASE(
    "scheduler: nothing is sent before its reservation is durable, and one is asked for at a time (I3)") {
  Bench bench;
  bench.answers_reserve = false;
  bench.limits.reserve_ahead = 2;
  bench.limits.reserve_wave_max = 0;
  for (int i = 0; i < 5; ++i) bench.journal.add({});
  bench.start();
  CHECK(bench.sends.empty());
  REQUIRE(bench.reserves.size() == 1);
  CHECK(bench.reserves[0].through.value == 3);
  bench.run();
  CHECK(bench.reserves.size() == 1);
  CHECK_FALSE(bench.scheduler->next_wake().has_value());
  bench.scheduler->reserved("erp", Sequence{3});
  bench.run();
  CHECK(bench.sent() == Documents{1, 2, 3});
  REQUIRE(bench.reserves.size() == 2);
  CHECK(bench.reserves[1].through.value == 5);
  // Less than asked for: it is asked again.
  bench.scheduler->reserved("erp", Sequence{3});
  bench.run();
  CHECK(bench.reserves.size() == 3);
}

TEST_CASE("scheduler: while a backlog drains the next reservation is asked for before the last is used up") {
  Bench bench;
  bench.answers_reserve = false;
  bench.limits.reserve_ahead = 8;
  bench.targets["erp"].concurrency = 1;
  for (int i = 0; i < 40; ++i) bench.journal.add({});
  bench.start();
  bench.scheduler->reserved("erp", Sequence{9});
  bench.run();
  for (int document = 1; document <= 5; ++document) {
    CHECK(bench.reserves.size() == 1);
    bench.answer(document, delivered());
  }
  REQUIRE(bench.reserves.size() == 2);
  CHECK(bench.reserves[1].through.value == 14);
  // Sending goes on meanwhile, up to what is reserved.
  for (int document = 6; document <= 9; ++document) bench.answer(document, delivered());
  CHECK(bench.sends.empty());
  CHECK(bench.reserves.size() == 2);
}

TEST_CASE("scheduler: a store without a backlog reserves what it sends, and nothing ahead") {
  Bench bench;
  for (int i = 1; i <= 20; ++i) {
    bench.journal.add({});
    i == 1 ? bench.start() : bench.run();
    CHECK(bench.reserves.size() == static_cast<std::size_t>(i));
    CHECK(bench.reserves.back().through.value == i);
    bench.answer(i, delivered());
  }
  CHECK(bench.reserves.size() == 20);
}

TEST_CASE("scheduler: a reservation covers all that can be under way at once, within its limit") {
  for (const int batch_max : {100, 1'000}) {
    Bench bench;
    bench.targets["erp"].concurrency = 20;
    bench.targets["erp"].batch_max = batch_max;
    for (int i = 0; i < 9'000; ++i) bench.journal.add({});
    bench.start();
    CHECK(bench.reserves[0].through.value == 1 + (batch_max == 100 ? 2'000 : 8'192));
  }
}

TEST_CASE("scheduler: after a restart all that may have been sent is looked up first, the rest is not (I3)") {
  Bench bench;
  bench.limits.reserve_ahead = 2;
  bench.limits.reserve_wave_max = 0;
  bench.targets["erp"].concurrency = 2;
  for (int i = 0; i < 6; ++i) bench.journal.add({});
  bench.start();
  CHECK(bench.sent() == Documents{1, 2});
  bench.targets["erp"].concurrency = 8;
  bench.start();
  CHECK(bench.asked() == Documents{1, 2, 3});
  CHECK(bench.sent() == Documents{4, 5, 6});
  CHECK(bench.answer_look_up(1, Kind::kFound) == 1);
  CHECK(bench.answer_look_up(2, Kind::kAbsent) == 1);
  CHECK(bench.sent() == Documents{4, 5, 6, 2});
  CHECK(bench.answer(2, delivered()) == 1);
}

TEST_CASE("scheduler: what was journaled after the start was never sent, whatever was reserved before") {
  Bench bench;
  bench.memory["erp"].reserved = Sequence{100};
  bench.journal.add({});
  bench.start();
  CHECK(bench.asked() == Documents{1});
  bench.journal.add({});
  bench.run();
  CHECK(bench.sent() == Documents{2});
}

TEST_CASE("scheduler: an unknown fate is looked up before anything else, and counts its attempts") {
  Bench bench;
  bench.journal.add({});
  bench.start();
  CHECK(bench.answer(1, outcome_of(OutcomeKind::kUnknown)) == 1);
  CHECK(bench.asked() == Documents{1});
  CHECK(bench.answer_look_up(1, Kind::kFailed) == 1);
  CHECK(bench.asked().empty());
  REQUIRE(bench.pass_to_wake());
  CHECK(bench.answer_look_up(1, Kind::kAbsent) == 1);
  CHECK(bench.sent() == Documents{1});
  CHECK(bench.answer(1, delivered()) == 2);
}

TEST_CASE(
    "scheduler: put off by the target, it is sent again soon, and asked for first where that was long ago") {
  Bench bench;
  bench.journal.add({});
  bench.start();
  auto later = outcome_of(OutcomeKind::kRetryable, TargetSignal::kFine, 4s);
  later.http_status = 503;
  CHECK(bench.answer(1, later) == 1);
  REQUIRE(bench.pass_to_wake());
  CHECK(bench.sent() == Documents{1});
  CHECK(bench.answer(1, later) == 2);
  REQUIRE(bench.pass_to_wake());
  CHECK(bench.sent() == Documents{1});
  // A copy of the first request may have arrived by now, and central need not know the key any more when this
  // one arrives.
  later.retry_after = 20s;
  CHECK(bench.answer(1, later) == 3);
  REQUIRE(bench.pass_to_wake());
  CHECK(bench.sent().empty());
  CHECK(bench.asked() == Documents{1});
  CHECK(bench.answer_look_up(1, Kind::kAbsent) == 3);
  CHECK(bench.sent() == Documents{1});
  CHECK(bench.answer(1, delivered()) == 4);
}

TEST_CASE("scheduler: what never left is sent again without being asked for, however long it takes") {
  Bench bench;
  bench.journal.add({});
  bench.start();
  CHECK(bench.answer(1, outcome_of(OutcomeKind::kRetryable, TargetSignal::kFine, 60s)) == 1);
  REQUIRE(bench.pass_to_wake());
  CHECK(bench.asked().empty());
  CHECK(bench.sent() == Documents{1});
}

TEST_CASE("scheduler: lost with the target unreachable, it is not asked for at once") {
  Bench bench;
  bench.journal.add({});
  bench.start();
  bench.answer(1, lost());
  CHECK(bench.asked().empty());
  REQUIRE(bench.scheduler->next_wake().has_value());
  CHECK((*bench.scheduler->next_wake() <= bench.now + 1s));
  bench.pass_to_wake();
  CHECK(bench.asked() == Documents{1});
}

TEST_CASE("scheduler: lost again and again though absent at each look-up, it takes longer and longer") {
  Bench bench;
  bench.journal.add({});
  bench.start();
  const SteadyTime begin = bench.now;
  for (int i = 0; i < 30; ++i) {
    while (bench.sends.empty() && bench.look_ups.empty()) REQUIRE(bench.pass_to_wake());
    if (!bench.sends.empty()) {
      bench.answer(1, outcome_of(OutcomeKind::kUnknown));
    } else {
      bench.answer_look_up(1, Kind::kAbsent);
    }
  }
  CHECK((bench.now - begin > 60s));
}

TEST_CASE(
    "scheduler: the frontier is saved when idle, and what is before it is read again only if on record") {
  Bench bench;
  for (int i = 0; i < 3; ++i) bench.journal.add({});
  bench.start();
  CHECK(bench.frontiers.empty());
  bench.answer(1, delivered());
  bench.answer(3, rejected());
  bench.answer(2, delivered());
  REQUIRE(bench.frontiers.size() == 1);
  CHECK(bench.frontiers[0].frontier.value == 3);
  bench.start();
  CHECK(bench.status().held == 1);
  CHECK(bench.look_ups.empty());
  bench.scheduler->retry("erp", {Sequence{3}, "erp"});
  bench.run();
  bench.answer_look_up(3, LookUpAnswer::Kind::kAbsent);
  CHECK(bench.sent() == Documents{3});
  CHECK(bench.answer(3, delivered()) == 2);
}

TEST_CASE("scheduler: under load the frontier is saved every 256 documents, and never passes what is open") {
  Bench bench;
  bench.targets["erp"].concurrency = 1000;
  for (int i = 0; i < 600; ++i) bench.journal.add({});
  bench.start();
  for (int i = 1; i <= 600; ++i) {
    if (i != 300) bench.answer(i, delivered());
  }
  REQUIRE(bench.frontiers.size() == 1);
  CHECK(bench.frontiers[0].frontier.value == 256);
  bench.answer(300, delivered());
  CHECK(bench.frontiers.back().frontier.value == 600);
}

TEST_CASE("scheduler: what waits long behind another is parked, so that the frontier passes it") {
  Bench bench;
  bench.limits.frontier_lag_max = 20;
  bench.journal.add({exclusive(1)});
  for (int i = 0; i < 10; ++i) bench.journal.add({exclusive(1)});
  for (int i = 0; i < 50; ++i) bench.journal.add({});
  bench.start();
  bench.answer(1, rejected());
  REQUIRE(bench.parks.size() == 1);
  CHECK(bench.parks[0].deliveries.size() == 10);
  CHECK(bench.parks[0].deliveries[0].document.value == 2);
  for (int i = 12; i <= 61; ++i) bench.answer(i, delivered());
  CHECK(bench.parks.size() == 1);
  // Restart: all eleven are still there, in their order, and only what may have been sent is asked for.
  bench.memory["erp"].frontier = Sequence{61};
  bench.start();
  CHECK(bench.status().held == 1);
  CHECK(bench.status().blocked == 10);
  CHECK(bench.sends.empty());
  bench.scheduler->discard("erp", {Sequence{1}, "erp"});
  bench.run();
  CHECK(bench.asked() == Documents{2});
}

TEST_CASE("scheduler: what is on record beyond memory is taken in turn, and nothing after it before") {
  Bench bench;
  bench.limits.window_max = 4;
  bench.limits.held_max = 4;
  for (int i = 0; i < 30; ++i) {
    bench.journal.add({});
    if (i < 20) bench.journal.rows[{Sequence{i + 1}, "erp"}].on_record = true;
  }
  bench.memory["erp"].frontier = Sequence{20};
  bench.memory["erp"].reserved = Sequence{20};
  bench.targets["erp"].concurrency = 1;
  bench.start();
  for (int i = 1; i <= 20; ++i) {
    CHECK(bench.asked() == Documents{i});
    bench.answer_look_up(i, Kind::kFound);
  }
  for (int i = 21; i <= 30; ++i) {
    CHECK(bench.sent() == Documents{i});
    bench.answer(i, delivered());
  }
}

TEST_CASE("scheduler: an attempt that was not made comes back after the least backoff, as the same attempt") {
  Bench bench;
  bench.journal.add({});
  bench.start();
  const Attempt attempt = bench.sends.at(0).attempts[0];
  bench.sends.clear();
  bench.scheduler->not_attempted("erp", attempt, bench.now);
  bench.run();
  CHECK(bench.status().in_flight == 0);
  CHECK((*bench.scheduler->next_wake() == bench.now + 1s));
  bench.pass(1s);
  CHECK(bench.answer(1, delivered()) == 1);
}
