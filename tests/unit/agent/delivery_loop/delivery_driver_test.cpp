#include "agent/delivery_loop/delivery_driver.h"

#include <deque>

#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

/// Takes tasks, and commits or fails them when the test says so.
class HandQueue final : public JournalQueue {
 public:
  explicit HandQueue(Journal& journal) : journal_(journal) {}
  void run(std::function<Result<void>(Journal&)> apply, std::function<void(Result<void>)> done) override {
    tasks.push_back(JournalTask{std::move(apply), std::move(done), 0});
  }
  void commit_next() {
    auto task = take();
    REQUIRE(journal_.begin().has_value());
    REQUIRE(task.apply(journal_).has_value());
    REQUIRE(journal_.commit().has_value());
    if (task.done) task.done(ok());
  }
  void fail_next() {
    auto task = take();
    if (task.done) task.done(Result<void>(Error{ErrorKind::kStorage, "storage-io", "the test wants it so"}));
  }
  std::deque<JournalTask> tasks;

 private:
  JournalTask take() {
    REQUIRE_FALSE(tasks.empty());
    auto task = std::move(tasks.front());
    tasks.pop_front();
    return task;
  }
  Journal& journal_;
};

/// Keeps what it is given until the test answers.
class HandPort final : public TargetPort {
 public:
  void submit(std::vector<OutgoingDelivery> batch, std::function<void(std::vector<Outcome>)> done) override {
    CHECK(batch.size() == 1);
    sent.push_back(std::move(done));
  }
  void look_up(OutgoingDelivery, std::function<void(LookUpAnswer)> done) override {
    asked.push_back(std::move(done));
  }
  std::vector<std::function<void(std::vector<Outcome>)>> sent;
  std::vector<std::function<void(LookUpAnswer)>> asked;
};

struct DriverBench {
  DriverBench() {
    Routes routes;
    for (const auto type : kDocumentTypes) routes.steps[type] = {{"erp", "erp", {}}};
    bench.route(routes);
    document = bench.append(sale_post("A1")).sequence;
    queue.emplace(*bench.journal);
    reader = bench.reader();
    driver.emplace(
        DeliveryDriver::Parts{"0417", *queue, *reader, bench.clock, random,
                              [this](std::function<void()> event) { events.push_back(std::move(event)); },
                              [](const std::string&, const Outcome&) {}});
    auto owned = std::make_unique<HandPort>();
    port = owned.get();
    driver->add_target("erp", LaneOptions{}, LaneMemory{}, document, std::move(owned));
    driver->head_is(document);
    turn();
    queue->commit_next();  // the reservation
    turn();
    REQUIRE(port->sent.size() == 1);
  }
  void turn() {
    for (auto& event : std::exchange(events, {})) event();
    for (int i = 0; i < 3; ++i) driver->turn(true);  // what a turn does not reach it asks another one for
  }
  void pass(std::chrono::milliseconds time) {
    bench.clock.steady += time;
    turn();
  }
  DeliveryState state() { return reader->deliveries(document)->front().state; }

  JournalBench bench;
  SeededRandom random{1};
  Sequence document;
  std::optional<HandQueue> queue;
  std::unique_ptr<JournalReader> reader;
  std::vector<std::function<void()>> events;
  HandPort* port = nullptr;
  std::optional<DeliveryDriver> driver;
};

Outcome lost() {
  Outcome outcome;
  outcome.kind = OutcomeKind::kUnknown;
  outcome.signal = TargetSignal::kFine;
  return outcome;
}

Outcome rejected() {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRejected;
  outcome.http_status = 422;
  return outcome;
}

}  // namespace

TEST_CASE("delivery driver: an outcome that the journal could not take comes before later ones") {
  DriverBench bench;
  bench.port->sent[0]({lost()});
  bench.turn();
  bench.queue->fail_next();
  bench.turn();
  REQUIRE(bench.port->asked.size() == 1);
  bench.port->asked[0](LookUpAnswer{LookUpAnswer::Kind::kAbsent, {}});
  bench.turn();
  REQUIRE(bench.port->sent.size() == 2);
  bench.port->sent[1]({rejected()});
  bench.turn();
  CHECK(bench.queue->tasks.empty());  // not past the one that failed
  bench.pass(std::chrono::milliseconds(1'100));
  while (!bench.queue->tasks.empty()) bench.queue->commit_next();
  bench.turn();
  CHECK(bench.state() == DeliveryState::kQuarantined);
  CHECK_FALSE(bench.driver->owes_journal());
  auto history = bench.reader->history(bench.document);
  std::vector<RecordKind> kinds;
  for (const auto& record : *history) kinds.push_back(record.kind);
  CHECK(kinds ==
        std::vector{RecordKind::kDocument, RecordKind::kOutcome, RecordKind::kLookUp, RecordKind::kOutcome});
}

TEST_CASE(
    "delivery driver: what a look-up finds to be refused is quarantined, with the target's words, and asked "
    "no more") {
  DriverBench bench;
  bench.port->sent[0]({lost()});
  bench.turn();
  REQUIRE(bench.port->asked.size() == 1);
  Outcome refusal = rejected();
  refusal.reason = "period closed";
  bench.port->asked[0](LookUpAnswer{LookUpAnswer::Kind::kRefused, refusal});
  for (int commits = 0; commits < 2; ++commits) {  // of the attempt, then of the look-up
    bench.pass(std::chrono::milliseconds(10));
    while (!bench.queue->tasks.empty()) bench.queue->commit_next();
    bench.turn();
  }
  while (!bench.queue->tasks.empty()) bench.queue->commit_next();
  bench.turn();
  CHECK(bench.state() == DeliveryState::kQuarantined);
  const auto list = bench.reader->quarantine(10);
  REQUIRE(list.has_value());
  REQUIRE(list->size() == 1);
  CHECK(list->front().reason == "period closed");
  CHECK(bench.driver->scheduler().status("erp").held == 1);
  bench.pass(std::chrono::hours(1));
  CHECK(bench.port->asked.size() == 1);
  CHECK(bench.port->sent.size() == 1);
}

TEST_CASE("delivery driver: while the journal takes nothing the driver waits, and does not spin") {
  DriverBench bench;
  bench.port->sent[0]({lost()});
  bench.turn();
  bench.queue->fail_next();
  bench.turn();
  const auto wake = bench.driver->next_wake(true);
  REQUIRE(wake.has_value());
  bench.port->asked[0](LookUpAnswer{LookUpAnswer::Kind::kFailed, lost()});
  bench.turn();
  CHECK(bench.queue->tasks.empty());
  CHECK(bench.driver->owes_journal());
  CHECK(*bench.driver->next_wake(true) > bench.bench.clock.steady);
}

TEST_CASE(
    "delivery driver: the journal gets outcomes in their order, and so many at once that tills need not "
    "wait") {
  DriverBench bench;
  std::size_t at_once = DeliveryDriverLimits{}.recorded_at_once_max;
  SUBCASE("nobody posts") {
    bench.driver->posted_at(bench.bench.clock.steady - std::chrono::seconds(1));
  }
  SUBCASE("tills post") {
    bench.driver->posted_at(bench.bench.clock.steady + std::chrono::hours(1));
    at_once = DeliveryDriverLimits{}.recorded_beside_posts_max;
  }
  std::vector<Sequence> documents = {bench.document};
  for (int i = 2; i <= 600; ++i)
    documents.push_back(bench.bench.append(sale_post("A" + std::to_string(i))).sequence);
  bench.driver->head_is(documents.back());
  std::size_t answered = 0;
  std::size_t most = 0;
  const auto facts = [&] { return static_cast<std::size_t>(bench.reader->head()->sequence.value) - 601; };
  for (int turns = 0; turns < 10'000 && facts() < documents.size(); ++turns) {
    for (; answered < bench.port->sent.size(); ++answered) {
      Outcome outcome;
      outcome.kind = OutcomeKind::kDelivered;
      bench.port->sent[answered]({outcome});
    }
    bench.pass(std::chrono::milliseconds(1));
    // The journal is slow: what comes meanwhile piles up.
    if (bench.queue->tasks.empty() || (turns % 40 != 0 && bench.port->sent.size() < documents.size()))
      continue;
    const auto before = facts();
    bench.queue->commit_next();
    most = std::max(most, facts() - before);
  }
  CHECK(most == at_once);
  CHECK(facts() == documents.size());
  auto records = bench.reader->records(documents.back(), 1'000);
  REQUIRE(records->size() == documents.size());
  for (std::size_t i = 0; i < documents.size(); ++i) CHECK((*records)[i].document == documents[i]);
}

TEST_CASE(
    "delivery driver: under load outcomes wait a moment for each other, the first after a pause does not") {
  DriverBench bench;
  Sequence last;
  for (int i = 2; i <= 4; ++i) last = bench.bench.append(sale_post("A" + std::to_string(i))).sequence;
  bench.driver->head_is(last);
  bench.turn();
  bench.queue->commit_next();  // the reservation
  bench.turn();
  REQUIRE(bench.port->sent.size() == 4);
  Outcome outcome;
  outcome.kind = OutcomeKind::kDelivered;
  bench.port->sent[0]({outcome});
  bench.turn();
  REQUIRE(bench.queue->tasks.size() == 1);
  bench.queue->commit_next();
  bench.port->sent[1]({outcome});
  bench.turn();
  CHECK(bench.queue->tasks.empty());
  REQUIRE(bench.driver->next_wake(true).has_value());
  CHECK(*bench.driver->next_wake(true) <= bench.bench.clock.steady + std::chrono::milliseconds(2));
  bench.port->sent[2]({outcome});
  bench.pass(std::chrono::milliseconds(2));
  REQUIRE(bench.queue->tasks.size() == 1);
  bench.queue->commit_next();
  bench.port->sent[3]({outcome});
  bench.turn();
  CHECK(bench.queue->tasks.empty());
  bench.driver->turn(false);  // it ends: nothing waits any more
  bench.turn();
  while (!bench.queue->tasks.empty()) bench.queue->commit_next();
  bench.turn();
  CHECK_FALSE(bench.driver->owes_journal());
}
