// Quarantine, what waits for it, a person's decisions, and the limits of memory.
#include <doctest/doctest.h>

#include "tests/unit/outbox/delivery/bench.h"

using namespace tillsync;
using namespace tillsync::test;
using namespace std::chrono_literals;
using Documents = std::vector<std::int64_t>;

namespace {

Documents blocked(const Bench& bench) {
  Documents documents;
  for (const DeliveryKey& key : bench.scheduler->blocked()) documents.push_back(key.document.value);
  return documents;
}
DeliveryKey erp(std::int64_t document) {
  return {Sequence{document}, "erp"};
}

}  // namespace

TEST_CASE("scheduler: a poison sale among 10,000 delays only what depends on it (I4)") {
  Bench bench;
  constexpr std::int64_t kPoison = 1'000;
  Documents dependents;
  for (std::int64_t i = 1; i <= 10'000; ++i) {
    // Every sale has its own document key and sells the one popular SKU. Each 1,000th document is a return of
    // the poison sale.
    std::vector<OrderingKey> keys{exclusive(1'000'000 + static_cast<std::uint64_t>(i)), shared(1)};
    if (i > kPoison && i % 1'000 == 0) {
      keys.push_back(shared(1'000'000 + kPoison));
      dependents.push_back(i);
    }
    bench.journal.add(keys);
  }
  bench.start();
  std::set<std::int64_t> seen;
  while (!bench.sends.empty()) {
    const std::int64_t document = bench.sent()[0];
    seen.insert(document);
    bench.answer(document, document == kPoison ? rejected() : delivered());
  }
  CHECK(seen.size() == 10'000 - dependents.size());
  CHECK(blocked(bench) == dependents);
  CHECK(bench.status().held == 1);
  CHECK(bench.status().blocked == dependents.size());
  CHECK(bench.status().oldest_open->value == 2'000);
  CHECK((*bench.status().oldest_open_recorded_at == UtcTime{2'000s}));
  bench.scheduler->retry("erp", erp(kPoison));
  bench.run();
  // An earlier attempt without an answer may have arrived since: it is asked for first (I3).
  CHECK(bench.sent().empty());
  bench.answer_look_up(kPoison, LookUpAnswer::Kind::kAbsent);
  CHECK(bench.sent() == Documents{kPoison});
  CHECK(blocked(bench).empty());
  CHECK(bench.answer(kPoison, delivered()) == 2);
  while (!bench.sends.empty()) bench.answer(bench.sent()[0], delivered());
  CHECK(bench.status().blocked == 0);
  CHECK_FALSE(bench.status().oldest_open.has_value());
}

TEST_CASE("scheduler: blocked follows keys and needs, however far, and nothing else") {
  Bench bench;
  bench.targets["crm"] = {};
  const std::vector<RouteStep> route{{"erp", "erp", {}}, {"crm", "crm", {"erp"}}};
  bench.journal.add({exclusive(1)}, route);         // poison
  bench.journal.add({exclusive(1), exclusive(2)});  // behind it
  bench.journal.add({shared(2)});                   // behind that
  bench.journal.add({shared(3)});                   // free
  bench.journal.add({shared(1)},
                    {{"crm", "crm", {}}});  // in the other lane, behind the step that needs the poison
  bench.start();
  bench.answer(1, rejected());
  CHECK(bench.status("erp").blocked == 2);
  CHECK(bench.status("crm").blocked == 2);
  CHECK(blocked(bench).size() == 4);
  CHECK(bench.sent() == Documents{4});
  bench.scheduler->discard("erp", erp(1));
  bench.run();
  CHECK(blocked(bench).empty());
  CHECK(bench.sent() == Documents{4, 2, 1});
}

TEST_CASE(
    "scheduler: behind a quarantined movement waits the count, and behind the count every later movement") {
  Bench bench;
  bench.journal.add({shared(1)});
  bench.journal.add({shared(1)});
  bench.journal.add({exclusive(1)});
  bench.journal.add({shared(1)});
  bench.start();
  CHECK(blocked(bench).empty());
  bench.answer(1, rejected());
  CHECK(blocked(bench) == Documents{3, 4});
  CHECK(bench.sent() == Documents{2});
}

TEST_CASE("scheduler: discarding the quarantined one lets those behind it go") {
  Bench bench;
  bench.journal.add({exclusive(1)});
  bench.journal.add({exclusive(1)});
  bench.start();
  bench.answer(1, rejected());
  CHECK(bench.sends.empty());
  bench.scheduler->discard("erp", erp(1));
  bench.run();
  CHECK(bench.sent() == Documents{2});
}

TEST_CASE("scheduler: one discarded while it is under way is settled by its answer, whatever it says") {
  Bench bench;
  bench.journal.add({exclusive(1)});
  bench.journal.add({exclusive(1)});
  bench.start();
  bench.journal.rows[erp(1)].state = DeliveryState::kDiscarded;
  bench.scheduler->discard("erp", erp(1));
  bench.run();
  CHECK(bench.sent() == Documents{1});
  bench.answer(1, rejected());
  CHECK(bench.sent() == Documents{2});
  CHECK(bench.status().held == 0);
}

TEST_CASE("scheduler: amended, it keeps its place, and what depends on its new content waits for it") {
  Bench bench;
  bench.journal.add({exclusive(1)});
  bench.journal.add({exclusive(1)});
  bench.start();
  bench.answer(1, rejected());
  bench.targets["erp"].concurrency = 8;
  bench.scheduler->pause("erp");
  bench.journal.add({shared(2)});
  bench.run();
  bench.journal.rows[erp(1)].keys = {exclusive(2)};
  bench.scheduler->amend("erp", erp(1), {exclusive(2)});
  bench.scheduler->resume("erp");
  bench.run();
  bench.answer_look_up(1, LookUpAnswer::Kind::kAbsent);
  CHECK(bench.sent() == Documents{2, 1});
  bench.answer(1, delivered());
  CHECK(bench.sent() == Documents{2, 3});
}

TEST_CASE("scheduler: retry makes one that waits out a backoff due now; a stranger is ignored") {
  Bench bench;
  bench.journal.add({});
  bench.start();
  bench.answer(1, outcome_of(OutcomeKind::kRetryable, TargetSignal::kFine, 600s));
  bench.scheduler->retry("erp", erp(1));
  bench.scheduler->retry("erp", erp(77));
  bench.scheduler->discard("erp", erp(77));
  bench.scheduler->amend("erp", erp(77), {});
  bench.run();
  CHECK(bench.answer(1, delivered()) == 2);
}

TEST_CASE("scheduler: memory is bounded by the window while nothing can be sent (I8)") {
  Bench bench;
  bench.limits.window_max = 50;
  bench.limits.page_documents = 16;
  for (int i = 0; i < 1'000; ++i) bench.journal.add({});
  bench.memory["erp"].paused = true;
  bench.start();
  const int reads = bench.journal.reads;
  CHECK(reads <= 6);
  bench.run();
  CHECK(bench.journal.reads == reads);
  bench.scheduler->resume("erp");
  bench.run();
  int settled = 0;
  while (!bench.sends.empty()) {
    bench.answer(bench.sent()[0], delivered());
    ++settled;
  }
  CHECK(settled == 1'000);
  CHECK(bench.journal.reads < 120);
}

TEST_CASE("scheduler: held deliveries take no room from those that can be sent") {
  Bench bench;
  bench.limits.window_max = 10;
  bench.journal.add({exclusive(1)});
  for (int i = 0; i < 100; ++i) bench.journal.add({exclusive(1)});
  for (int i = 0; i < 100; ++i) bench.journal.add({});
  bench.start();
  bench.answer(1, rejected());
  int settled = 0;
  while (!bench.sends.empty()) {
    bench.answer(bench.sent()[0], delivered());
    ++settled;
  }
  CHECK(settled == 100);
  CHECK(bench.status().blocked == 100);
}

TEST_CASE(
    "scheduler: those that wait for a step of a target that is down take no room from those that can be "
    "sent") {
  Bench bench;
  bench.limits.window_max = 10;
  bench.targets["crm"] = {};
  for (int i = 0; i < 100; ++i) bench.journal.add({}, {{"erp", "erp", {}}, {"crm", "crm", {"erp"}}});
  for (int i = 0; i < 20; ++i) bench.journal.add({}, {{"crm", "crm", {}}});
  bench.memory["erp"].paused = true;
  bench.start();
  int settled = 0;
  while (!bench.sends.empty()) {
    bench.answer(bench.sent()[0], delivered(), "crm");
    ++settled;
  }
  CHECK(settled == 20);
  CHECK(bench.status("crm").blocked == 0);
}

TEST_CASE("scheduler: a target that rejects too much halts until a person has decided (I8)") {
  Bench bench;
  bench.limits.held_max = 20;
  bench.targets["erp"].concurrency = 4;
  for (int i = 0; i < 200; ++i) bench.journal.add({});
  bench.start();
  int rejections = 0;
  while (!bench.sends.empty()) {
    bench.answer(bench.sent()[0], rejected());
    ++rejections;
  }
  CHECK(bench.status().state == TargetState::kHalted);
  CHECK(rejections >= 21);
  CHECK(rejections <= 24);
  CHECK_FALSE(bench.scheduler->next_wake().has_value());
  for (int i = 1; i <= rejections - 20; ++i) {
    bench.journal.rows[erp(i)].state = DeliveryState::kDiscarded;
    bench.scheduler->discard("erp", erp(i));
  }
  bench.run();
  CHECK(bench.status().state == TargetState::kUp);
  while (!bench.sends.empty()) bench.answer(bench.sent()[0], delivered());
  CHECK(bench.status().held == 20);
  CHECK_FALSE(bench.status().oldest_open.has_value());
}

TEST_CASE("scheduler: names are those of the contract") {
  CHECK(state_name(DeliveryState::kQuarantined) == "quarantined");
  CHECK(status_name(DocumentStatus::kJournaled) == "journaled");
  CHECK(outcome_name(OutcomeKind::kRetryable) == "retryable");
  CHECK(target_state_name(TargetState::kThrottled) == "throttled");
}
