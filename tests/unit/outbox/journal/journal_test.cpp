#include "outbox/journal/journal.h"

#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

TEST_CASE("journal: a document is there after a reopen, with what came with it") {
  JournalBench bench;
  bench.route();
  const auto answer = bench.append(sale_post("A1", "2.50", "2026-11-23", {"00-trace", "corr", "key-1"}));
  CHECK(answer.kind == PostAnswer::Kind::kJournaled);
  bench.reopen();
  auto reader = bench.reader();
  auto stored = reader->find("A1");
  REQUIRE(stored.has_value());
  REQUIRE(stored->has_value());
  CHECK((*stored)->sequence == answer.sequence);
  CHECK((*stored)->document == sale_document("A1"));
  CHECK((*stored)->meta == DocumentMeta{"00-trace", "corr", "key-1"});
  CHECK((*stored)->recorded_at == bench.clock.utc);
}

TEST_CASE("journal: the same post again is a replay, another document under the same id is refused") {
  JournalBench bench;
  bench.route();
  const auto first = bench.append(sale_post("A1"));
  const auto again = bench.append(sale_post("A1"));
  CHECK(again.kind == PostAnswer::Kind::kReplayed);
  CHECK(again.sequence == first.sequence);
  CHECK(again.recorded_at == first.recorded_at);
  const auto reused = bench.append(sale_post("A1", "2.51"));
  CHECK(reused.kind == PostAnswer::Kind::kReused);
  CHECK(!reused.key_reused);
  CHECK(bench.journal->head().sequence == first.sequence);
}

TEST_CASE("journal: an idempotency key belongs to its first document") {
  JournalBench bench;
  bench.route();
  bench.append(sale_post("A1", "2.50", "2026-11-23", {"", "", "K"}));
  CHECK(bench.append(sale_post("A1", "2.50", "2026-11-23", {"", "", "K"})).kind ==
        PostAnswer::Kind::kReplayed);
  const auto other = bench.append(sale_post("A2", "2.50", "2026-11-23", {"", "", "K"}));
  CHECK(other.kind == PostAnswer::Kind::kReused);
  CHECK(other.key_reused);
  bench.reopen();
  CHECK(bench.append(sale_post("A2", "2.50", "2026-11-23", {"", "", "K"})).kind == PostAnswer::Kind::kReused);
  // A key that comes with a replay is taken from then on too.
  CHECK(bench.append(sale_post("A1", "2.50", "2026-11-23", {"", "", "K2"})).kind ==
        PostAnswer::Kind::kReplayed);
  CHECK(bench.append(sale_post("A3", "2.50", "2026-11-23", {"", "", "K2"})).key_reused);
}

TEST_CASE("journal: the same id twice within one transaction is a replay of the first") {
  JournalBench bench;
  REQUIRE(bench.journal->begin().has_value());
  CHECK(bench.journal->append(sale_post("A1"))->kind == PostAnswer::Kind::kJournaled);
  CHECK(bench.journal->append(sale_post("A1"))->kind == PostAnswer::Kind::kReplayed);
  CHECK(bench.journal->append(sale_post("A2"))->kind == PostAnswer::Kind::kJournaled);
  REQUIRE(bench.journal->commit().has_value());
  CHECK(bench.verify().records == 2);
}

TEST_CASE("journal: what was rolled back never was: no record, no count, no hole in the sequence") {
  JournalBench bench;
  bench.route();
  bench.append(sale_post("A1"));
  const auto head = bench.journal->head();
  REQUIRE(bench.journal->begin().has_value());
  REQUIRE(bench.journal->append(sale_post("A2")).has_value());
  REQUIRE(bench.journal->set_routes(Routes{}).has_value());
  bench.journal->rollback();
  CHECK(bench.journal->head().sequence == head.sequence);
  CHECK(bench.journal->routes() == both_targets());
  CHECK(bench.journal->counts().backlog() == 1);
  CHECK(bench.append(sale_post("A2")).sequence.value == head.sequence.value + 1);
  CHECK(bench.verify().whole);
}

TEST_CASE("journal: counts follow every state, and survive a reopen") {
  JournalBench bench;
  bench.route();
  const auto a = bench.append(sale_post("A1")).sequence;
  const auto b = bench.append(sale_post("A2")).sequence;
  bench.append(sale_post("A3"));
  bench.deliver(a);
  bench.record(outcome_fact(b, "erp", OutcomeKind::kRejected));
  bench.record(outcome_fact(b, "crm", OutcomeKind::kUnknown));
  for (int round = 0; round < 2; ++round) {
    const auto& counts = bench.journal->counts();
    CHECK(counts.backlog() == 1);
    CHECK(counts.by_status[static_cast<int>(DocumentStatus::kDelivered)] == 1);
    CHECK(counts.by_status[static_cast<int>(DocumentStatus::kQuarantined)] == 1);
    CHECK(counts.documents_by_type.at("sale") == 3);
    CHECK(counts.targets.at("erp").owed == 2);
    CHECK(counts.targets.at("erp").delivered == 1);
    CHECK(counts.targets.at("erp").quarantined == 1);
    CHECK(counts.targets.at("crm").owed == 2);
    CHECK(counts.targets.at("crm").outcomes.at("unknown") == 1);
    bench.reopen();
  }
}

TEST_CASE("journal: status changes are told once, and only those that were committed") {
  JournalBench bench;
  bench.route();
  const auto a = bench.append(sale_post("A1")).sequence;
  bench.record(outcome_fact(a, "erp", OutcomeKind::kDelivered));
  CHECK(bench.journal->take_changes().empty());
  REQUIRE(bench.journal->begin().has_value());
  REQUIRE(bench.journal->record(outcome_fact(a, "crm", OutcomeKind::kDelivered)).has_value());
  bench.journal->rollback();
  CHECK(bench.journal->take_changes().empty());
  bench.record(outcome_fact(a, "crm", OutcomeKind::kDelivered));
  const auto changes = bench.journal->take_changes();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].document == a);
  CHECK(changes[0].status == DocumentStatus::kDelivered);
  CHECK(bench.journal->take_changes().empty());
}

TEST_CASE("journal: an outcome of a settled delivery is kept as a fact and changes nothing") {
  JournalBench bench;
  bench.route();
  const auto a = bench.append(sale_post("A1")).sequence;
  bench.deliver(a);
  const auto before = bench.journal->head().sequence;
  bench.record(outcome_fact(a, "erp", OutcomeKind::kRejected, 2));
  CHECK(bench.journal->head().sequence.value == before.value + 1);
  CHECK(*bench.reader()->status(a) == DocumentStatus::kDelivered);
  CHECK(bench.journal->counts().targets.at("erp").quarantined == 0);
}

TEST_CASE("journal: a plan is for ever: changed routes touch only what comes after") {
  JournalBench bench;
  bench.route();
  const auto a = bench.append(sale_post("A1")).sequence;
  Routes only_erp;
  only_erp.steps[DocumentType::kSale] = {{"erp", "erp", {}}};
  bench.route(only_erp);
  const auto b = bench.append(sale_post("A2")).sequence;
  bench.reopen();
  auto reader = bench.reader();
  CHECK(reader->deliveries(a)->size() == 2);
  CHECK(reader->deliveries(b)->size() == 1);
  const auto head = bench.journal->head().sequence;
  bench.route(only_erp);  // unchanged routes are no fact
  CHECK(bench.journal->head().sequence == head);
}

TEST_CASE("journal: a document that goes nowhere is delivered at once") {
  JournalBench bench;
  bench.route(Routes{});
  const auto answer = bench.append(sale_post("A1"));
  CHECK(answer.status == DocumentStatus::kDelivered);
  CHECK(bench.journal->counts().backlog() == 0);
}

TEST_CASE("journal: decisions apply to what is quarantined, and are facts with reason and actor") {
  JournalBench bench;
  bench.route();
  const auto a = bench.append(sale_post("A1")).sequence;
  DecisionFact discard{DecisionFact::Kind::kDiscard, DeliveryKey{a, "erp"}, "", "test sale", "ann", {}};
  const auto decide = [&](const DecisionFact& fact) {
    REQUIRE(bench.journal->begin().has_value());
    auto result = bench.journal->decide(fact);
    REQUIRE(bench.journal->commit().has_value());
    return result;
  };
  CHECK(decide(discard).error().code == "not-quarantined");
  discard.delivery.step = "wms";
  CHECK(decide(discard).error().code == "no-such-delivery");
  discard.delivery = DeliveryKey{Sequence{99}, "erp"};
  CHECK(decide(discard).error().code == "no-such-delivery");

  bench.record(outcome_fact(a, "erp", OutcomeKind::kRejected));
  bench.record(outcome_fact(a, "crm", OutcomeKind::kDelivered));
  const auto listed = bench.reader()->quarantine(10);
  REQUIRE(listed->size() == 1);
  CHECK(listed->at(0).document_id == "A1");
  CHECK(listed->at(0).reason == "unknown SKU");
  CHECK(listed->at(0).http_status == 422);

  CHECK(*decide({DecisionFact::Kind::kRetry, DeliveryKey{a, "erp"}, "", "SKU made", "ann", {}}) == "erp");
  CHECK(*bench.reader()->status(a) == DocumentStatus::kJournaled);
  bench.record(outcome_fact(a, "erp", OutcomeKind::kRejected, 2));
  auto amended = sale_document("A1", "2.40");
  CHECK(decide({DecisionFact::Kind::kAmend, DeliveryKey{a, "erp"}, "", "price", "ann", amended}).has_value());
  CHECK((*bench.reader()->load_version(DeliveryKey{a, "erp"}))->document == amended);
  CHECK((*bench.reader()->load_version(DeliveryKey{a, "crm"}))->document == sale_document("A1"));
  bench.record(outcome_fact(a, "erp", OutcomeKind::kRejected, 3));
  CHECK(
      decide({DecisionFact::Kind::kDiscard, DeliveryKey{a, "erp"}, "", "test sale", "ann", {}}).has_value());
  CHECK(*bench.reader()->status(a) == DocumentStatus::kDiscarded);
  CHECK(bench.journal->counts().targets.at("erp").owed == 0);
  CHECK(bench.journal->counts().targets.at("erp").discarded == 1);

  int decisions = 0;
  for (const auto& record : *bench.reader()->history(a)) {
    if (record.kind != RecordKind::kDecision) continue;
    ++decisions;
    auto fact = decode_decision(a, record.body);
    REQUIRE(fact.has_value());
    CHECK(fact->by == "ann");
    CHECK(fact->target == "erp");
    CHECK(!fact->reason.empty());
  }
  CHECK(decisions == 3);
  CHECK(bench.verify().whole);
}

TEST_CASE("journal: what a lane remembers outlives the process, and pausing is audited") {
  JournalBench bench;
  bench.alone([](Journal& j) { return j.reserve("erp", Sequence{512}); }).value();
  bench.alone([](Journal& j) { return j.save_frontier("erp", Sequence{40}); }).value();
  bench
      .alone([](Journal& j) {
        return j.decide({DecisionFact::Kind::kPause, {}, "erp", "stocktake", "ann", {}});
      })
      .value();
  bench.reopen();
  auto lane = bench.journal->lane("erp");
  REQUIRE(lane.has_value());
  CHECK(lane->reserved == Sequence{512});
  CHECK(lane->frontier == Sequence{40});
  CHECK(lane->paused);
  bench.alone([](Journal& j) {
         return j.decide({DecisionFact::Kind::kResume, {}, "erp", "", "", {}});
       })
      .value();
  CHECK(!bench.journal->lane("erp")->paused);
  CHECK(bench.verify().records == 2);
}

TEST_CASE("journal: the last delivery of a day is known per target") {
  JournalBench bench;
  bench.route();
  const auto a = bench.append(sale_post("A1", "1", "2026-11-20")).sequence;
  const auto b = bench.append(sale_post("A2", "1", "2026-11-21")).sequence;
  auto reader = bench.reader();
  const auto day = [](const char* text) { return BusinessDay::parse(text).value(); };
  CHECK(*reader->last_delivery(day("2026-11-20"), "erp") == Sequence{});
  bench.record(outcome_fact(a, "erp", OutcomeKind::kDelivered));
  const auto at = bench.journal->head().sequence;
  bench.record(outcome_fact(b, "erp", OutcomeKind::kRetryable));
  CHECK(*reader->last_delivery(day("2026-11-20"), "erp") == at);
  CHECK(*reader->last_delivery(day("2026-11-21"), "erp") == Sequence{});
  CHECK(reader->days_delivered_after("erp", Sequence{})->size() == 1);
  CHECK(reader->days_delivered_after("erp", at)->empty());
  CHECK(reader->business_days(day("2026-11-01"), day("2026-11-30"))->size() == 2);
}

TEST_CASE("journal: no question that is asked all the time walks the records") {
  JournalBench bench;
  bench.route();
  bench.append(sale_post("A1"));
  bench.journal.reset();
  auto database = sqlite::Database::open(bench.folder() + "/journal.db", sqlite::OpenMode::kReadOnly);
  REQUIRE(database.has_value());
  for (const char* sql :
       {"SELECT sequence, body FROM record WHERE kind > 3 AND kind <> 6 AND kind = 4 AND sequence > 0 "
        "ORDER BY sequence",
        "SELECT sequence FROM record WHERE id = 'A1'", "SELECT key FROM idempotency_key WHERE document = 2",
        "SELECT min(document) FROM delivery WHERE state NOT IN (3, 5) AND target = 'erp' AND document <= 9",
        "SELECT sequence FROM record WHERE sequence = 2 OR document = 2 ORDER BY sequence"}) {
    auto plan = database->prepare(std::string("EXPLAIN QUERY PLAN ") + sql);
    REQUIRE(plan.has_value());
    INFO(sql);
    while (*plan->step()) CHECK_MESSAGE(plan->text(3).find("SCAN") == std::string::npos, plan->text(3));
  }
}

TEST_CASE("journal: no statement of the writer makes a table of its own") {
  JournalBench bench;
  auto database = sqlite::Database::open(bench.folder() + "/journal.db", sqlite::OpenMode::kReadWriteCreate);
  REQUIRE(database.has_value());
  auto program = database->prepare("EXPLAIN INSERT INTO record VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
  REQUIRE(program.has_value());
  while (*program->step()) CHECK(program->text(1) != "OpenEphemeral");
}

TEST_CASE("journal: one from the future, or of another program, is refused and left as it is") {
  JournalBench bench;
  bench.route();
  bench.append(sale_post("A1"));
  bench.tamper("PRAGMA user_version = 99");
  auto future = Journal::open(JournalOptions{bench.folder(), ""}, bench.clock);
  REQUIRE(!future.has_value());
  CHECK(future.error().code == "journal-from-the-future");
  CHECK(JournalReader::open(bench.folder()).error().code == "journal-from-the-future");
  bench.tamper("PRAGMA user_version = 5; PRAGMA application_id = 7");
  CHECK(Journal::open(JournalOptions{bench.folder(), ""}, bench.clock).error().code == "not-a-journal");
  bench.tamper("PRAGMA application_id = 0x54534a31");
  bench.reopen();
  CHECK(bench.append(sale_post("A1")).kind == PostAnswer::Kind::kReplayed);
}

TEST_CASE("journal: what was reserved out of order, and of a target's day, outlives the process") {
  JournalBench bench;
  const auto reserve = [&](Sequence from, Sequence through) {
    bench.alone([&](Journal& j) { return j.reserve("erp", through, from); }).value();
  };
  bench.alone([](Journal& j) { return j.reserve("erp", Sequence{10}); }).value();
  reserve(Sequence{100}, Sequence{120});
  reserve(Sequence{100}, Sequence{140});
  reserve(Sequence{300}, Sequence{301});
  bench.alone([](Journal& j) { return j.reserve("crm", Sequence{9}, Sequence{8}); }).value();
  const UtcTime full_at = bench.clock.utc + std::chrono::hours(3);
  bench.alone([&](Journal& j) { return j.reserve_day("erp", full_at); }).value();
  bench.reopen();
  const std::vector<SequenceRange> both{{Sequence{100}, Sequence{140}}, {Sequence{300}, Sequence{301}}};
  CHECK(bench.journal->lane("erp")->reserved == Sequence{10});
  CHECK(bench.journal->lane("erp")->reserved_ahead == both);
  CHECK(bench.journal->lane("erp")->day_owed == std::chrono::hours(3));
  CHECK(bench.journal->lane("crm")->day_owed == std::chrono::hours(0));
  // A clock that jumps while nothing runs neither stops a target for years nor makes a debt of the future.
  bench.clock.utc -= std::chrono::hours(24 * 3650);
  CHECK(bench.journal->lane("erp")->day_owed == std::chrono::hours(48));
  bench.clock.utc += std::chrono::hours(24 * 7300);
  CHECK(bench.journal->lane("erp")->day_owed == std::chrono::hours(0));
  // What is reserved in order by now is not kept twice.
  bench.alone([](Journal& j) { return j.reserve("erp", Sequence{200}); }).value();
  CHECK(bench.journal->lane("erp")->reserved_ahead ==
        std::vector<SequenceRange>{{Sequence{300}, Sequence{301}}});
}
