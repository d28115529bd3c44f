// Order, pace, batches and needs.
#include <doctest/doctest.h>

#include "tests/unit/outbox/delivery/bench.h"

using namespace tillsync;
using namespace tillsync::test;
using namespace std::chrono_literals;
using Documents = std::vector<std::int64_t>;

TEST_CASE("scheduler: what commutes goes together, in journal order, up to the concurrency") {
  Bench bench;
  bench.targets["erp"].concurrency = 3;
  for (int i = 0; i < 5; ++i) bench.journal.add({shared(1)});
  bench.start();
  CHECK(bench.sent() == Documents{1, 2, 3});
  bench.answer(2, delivered());
  CHECK(bench.sent() == Documents{1, 3, 4});
}

TEST_CASE("scheduler: a count waits for earlier movements, and later movements for the count (I4)") {
  Bench bench;
  bench.journal.add({shared(1)});
  bench.journal.add({shared(1)});
  bench.journal.add({exclusive(1)});
  bench.journal.add({shared(1), shared(2)});
  bench.journal.add({shared(2)});
  bench.start();
  CHECK(bench.sent() == Documents{1, 2, 5});
  bench.answer(1, delivered());
  CHECK(bench.sent() == Documents{2, 5});
  bench.answer(2, delivered());
  CHECK(bench.sent() == Documents{5, 3});
  bench.answer(3, delivered());
  CHECK(bench.sent() == Documents{5, 4});
}

TEST_CASE("scheduler: a batch holds only what is independent") {
  Bench bench;
  bench.targets["erp"].batch_max = 10;
  bench.targets["erp"].concurrency = 2;
  for (int i = 0; i < 3; ++i) bench.journal.add({exclusive(7)});
  for (int i = 0; i < 12; ++i) bench.journal.add({shared(1)});
  bench.start();
  REQUIRE(bench.sends.size() == 2);
  CHECK(bench.sends[0].attempts.size() == 10);
  CHECK(bench.sends[1].attempts.size() == 3);
  CHECK(bench.sent() == Documents{1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  bench.answer(1, delivered());
  CHECK(bench.sends.size() == 2);
  CHECK(bench.sends[1].attempts.size() == 1);
}

TEST_CASE("scheduler: a batch's outcomes free one request, not one for each part") {
  Bench bench;
  bench.targets["erp"].batch_max = 4;
  bench.targets["erp"].concurrency = 1;
  for (int i = 0; i < 8; ++i) bench.journal.add({});
  bench.start();
  const Send first = bench.sends.at(0);
  bench.sends.clear();
  for (int i = 0; i < 3; ++i) {
    bench.scheduler->outcome("erp", first.attempts[i], delivered(), bench.now);
    bench.journal.record(first.attempts[i].key, first.attempts[i], OutcomeKind::kDelivered);
    bench.run();
    CHECK(bench.sends.empty());
    CHECK(bench.status().in_flight == 1);
  }
  bench.scheduler->outcome("erp", first.attempts[3], delivered(), bench.now);
  bench.run();
  CHECK(bench.sent() == Documents{5, 6, 7, 8});
}

TEST_CASE("scheduler: the rate holds, and the next wake is when it allows one more") {
  Bench bench;
  bench.targets["erp"].pace.rate_per_s = 2;
  for (int i = 0; i < 5; ++i) bench.journal.add({});
  bench.start();
  CHECK(bench.sent() == Documents{1, 2});
  CHECK((*bench.scheduler->next_wake() == bench.now + 500ms));
  bench.pass(500ms - 1ns);
  CHECK(bench.sent().size() == 2);
  bench.pass(1ns);
  CHECK(bench.sent() == Documents{1, 2, 3});
}

TEST_CASE("scheduler: a step waits for the steps it needs, in whatever lane") {
  Bench bench;
  bench.targets["crm"] = {};
  const std::vector<RouteStep> route{
      {"check", "crm", {}}, {"erp", "erp", {"check"}}, {"done", "crm", {"erp", "check"}}};
  bench.journal.add({exclusive(1)}, route);
  bench.journal.add({}, {{"erp", "erp", {}}});
  bench.start();
  REQUIRE(bench.sends.size() == 2);
  CHECK(bench.sends[0].attempts[0].key == DeliveryKey{Sequence{1}, "check"});
  CHECK(bench.sends[1].attempts[0].key == DeliveryKey{Sequence{2}, "erp"});
  bench.answer(1, delivered(), "crm");
  CHECK(bench.sends.back().attempts[0].key == DeliveryKey{Sequence{1}, "erp"});
  bench.answer(1, delivered(), "erp");
  CHECK(bench.sends.back().attempts[0].key == DeliveryKey{Sequence{1}, "done"});
}

TEST_CASE(
    "scheduler: a step whose needed step a person discarded is released, also where that step is in no "
    "lane") {
  Bench bench;
  bench.targets["crm"] = {};
  bench.journal.add({}, {{"erp", "erp", {}}, {"crm", "crm", {"erp"}}});
  bench.journal.add({}, {{"gone", "old", {}}, {"crm", "crm", {"gone"}}});
  bench.start();
  bench.answer(1, rejected());
  CHECK(bench.sends.empty());
  CHECK(bench.status("crm").blocked == 1);
  bench.journal.rows[{Sequence{1}, "erp"}].state = DeliveryState::kDiscarded;
  bench.scheduler->discard("erp", {Sequence{1}, "erp"});
  bench.run();
  CHECK(bench.sent() == Documents{1});
  bench.scheduler->discard("erp", {Sequence{2}, "gone"});
  bench.run();
  CHECK(bench.sent() == Documents{1, 2});
}

TEST_CASE("scheduler: documents that come later are read and sent without a wake-up in between") {
  Bench bench;
  bench.start();
  CHECK_FALSE(bench.scheduler->next_wake().has_value());
  bench.journal.add({});
  bench.run();
  CHECK(bench.sent() == Documents{1});
  bench.answer(1, delivered());
  CHECK_FALSE(bench.scheduler->next_wake().has_value());
  const int reads = bench.journal.reads;
  bench.pass(24h);
  CHECK(bench.journal.reads == reads);
}

TEST_CASE("scheduler: never reads further than the head it was told") {
  Bench bench;
  bench.start();
  bench.journal.add({});
  bench.journal.add({});
  bench.scheduler->head_is(Sequence{1});
  auto actions = bench.scheduler->step(bench.now);
  REQUIRE(actions.has_value());
  for (const Action& action : *actions) {
    if (const auto* reserve = std::get_if<Reserve>(&action)) CHECK(reserve->through.value == 1);
  }
  bench.scheduler->reserved("erp", Sequence{1});
  actions = bench.scheduler->step(bench.now);
  REQUIRE(actions->size() == 1);
  CHECK(std::get<Send>(actions->at(0)).attempts[0].key.document.value == 1);
}

TEST_CASE(
    "scheduler: a backlog that cannot be read is an error once, and read again after a while; sending goes "
    "on") {
  Bench bench;
  bench.targets["erp"].concurrency = 1;
  bench.limits.window_max = 2;
  for (int i = 0; i < 4; ++i) bench.journal.add({});
  bench.start();
  bench.journal.failing_reads = 1;
  bench.scheduler->outcome("erp", bench.sends[0].attempts[0], delivered(), bench.now);
  CHECK_FALSE(bench.scheduler->step(bench.now).has_value());
  const auto actions = bench.scheduler->step(bench.now);
  REQUIRE(actions.has_value());
  REQUIRE(actions->size() == 1);
  CHECK(std::get<Send>(actions->at(0)).attempts[0].key.document.value == 2);
  REQUIRE(bench.scheduler->next_wake().has_value());
  CHECK((*bench.scheduler->next_wake() == bench.now + 1s));
}

TEST_CASE("scheduler: an outage of one target leaves the others alone") {
  Bench bench;
  bench.targets["crm"] = {};
  const std::vector<RouteStep> both{{"erp", "erp", {}}, {"crm", "crm", {}}};
  for (int i = 0; i < 20; ++i) bench.journal.add({}, both);
  bench.start();
  for (int i = 1; i <= 8; ++i) bench.answer(i, unreachable(), "crm");
  CHECK(bench.status("crm").state == TargetState::kDown);
  for (int i = 1; i <= 20; ++i) bench.answer(i, delivered(), "erp");
  CHECK(bench.status("erp").state == TargetState::kUp);
}
