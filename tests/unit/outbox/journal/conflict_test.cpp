// Conflicts and what people choose on them are facts of the journal.
#include "tests/unit/outbox/journal/everything.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

std::optional<Sequence> note(JournalBench& bench, const ConflictFact& fact) {
  auto noted = bench.alone([&](Journal& j) { return j.note_conflict(fact); });
  REQUIRE_MESSAGE(noted.has_value(), noted.error().detail);
  return *noted;
}

Result<ConflictView> resolve(JournalBench& bench, Sequence conflict, const std::string& choice) {
  return bench.alone([&](Journal& j) {
    return j.resolve_conflict(ResolutionFact{conflict, choice, "looked into it", "Ann"});
  });
}

}  // namespace

TEST_CASE("conflicts: told once, however often they are met, and kept with both sides' values") {
  JournalBench bench;
  bench.route();
  const auto document = bench.append(sale_post("A1")).sequence;
  const auto fact = open_conflict(document);
  const auto record = note(bench, fact);
  REQUIRE(record.has_value());
  CHECK(!note(bench, fact).has_value());
  bench.reopen();
  CHECK(!note(bench, fact).has_value());
  auto other = fact;
  other.version = "v2";
  CHECK(note(bench, other).has_value());

  const auto reader = bench.reader();
  const auto kept = reader->conflict(*record);
  REQUIRE(kept.has_value());
  REQUIRE(kept->has_value());
  CHECK((*kept)->fact.key() == fact.key());
  CHECK((*kept)->fact.store == fact.store);
  CHECK((*kept)->fact.central == fact.central);
  CHECK((*kept)->fact.policy == fact.policy);
  CHECK((*kept)->fact.steps == fact.steps);
  CHECK((*kept)->fact.document == document);
  CHECK((*kept)->is_open());
  CHECK(reader->open_conflicts(Sequence{}, 10)->size() == 2);
  CHECK(reader->open_conflicts(*record, 10)->size() == 1);
  CHECK(reader->conflicts_of(document)->size() == 2);
  CHECK(reader->conflicts_of_day(fact.business_day, 10)->size() == 2);
  CHECK(reader->counts()->open_conflicts.at("customer-field") == 2);
  CHECK(reader->history(document)->size() == 3);
  CHECK(bench.verify().whole);
}

TEST_CASE("conflicts: a person's choice closes one, once, and only by what can be chosen") {
  JournalBench bench;
  bench.route();
  const auto document = bench.append(sale_post("A1")).sequence;
  const auto record = *note(bench, open_conflict(document));
  CHECK(resolve(bench, Sequence{99}, "store").error().code == "no-such-conflict");
  CHECK(resolve(bench, document, "store").error().code == "no-such-conflict");
  const auto wrong = resolve(bench, record, "both");
  CHECK(wrong.error().code == "no-such-choice");
  CHECK(wrong.error().detail.find("store, central") != std::string::npos);
  const auto head = bench.journal->head().sequence;
  const auto done = resolve(bench, record, "central");
  REQUIRE(done.has_value());
  CHECK(done->decision() == "central");
  CHECK(bench.journal->head().sequence.value == head.value + 1);
  CHECK(resolve(bench, record, "store").error().code == "not-open");
  const auto kept = bench.reader()->conflict(record);
  CHECK((*kept)->decision() == "central");
  CHECK((*kept)->resolution->fact.by == "Ann");
  CHECK(bench.reader()->open_conflicts(Sequence{}, 10)->empty());
  CHECK(bench.reader()->counts()->open_conflicts.at("customer-field") == 0);
  CHECK(bench.reader()->counts()->conflicts.at("customer-field") == 1);
  CHECK(bench.verify().whole);
}

TEST_CASE("conflicts: what a policy decided is not open, and one without a document is kept as well") {
  JournalBench bench;
  bench.route();
  auto fact = open_conflict(bench.append(sale_post("A1")).sequence);
  fact.document.reset();
  fact.document_id = "0099/X";
  fact.choices.clear();
  fact.decision = "flagged";
  const auto record = *note(bench, fact);
  CHECK(resolve(bench, record, "store").error().code == "not-open");
  const auto kept = bench.reader()->conflict(record);
  CHECK(!(*kept)->fact.document.has_value());
  CHECK((*kept)->fact.document_id == "0099/X");
  CHECK(bench.verify().whole);
}

TEST_CASE("conflicts: a transaction that is rolled back leaves none, and does not count") {
  JournalBench bench;
  bench.route();
  const auto document = bench.append(sale_post("A1")).sequence;
  REQUIRE(bench.journal->begin().has_value());
  REQUIRE(bench.journal->note_conflict(open_conflict(document)).has_value());
  CHECK(bench.journal->conflicts_of(document)->size() == 1);
  bench.journal->rollback();
  CHECK(bench.reader()->open_conflicts(Sequence{}, 10)->empty());
  CHECK(note(bench, open_conflict(document)).has_value());
  CHECK(bench.verify().whole);
}

TEST_CASE("conflicts: retention keeps a document as long as one of its conflicts is open") {
  JournalBench bench;
  bench.route();
  std::vector<Sequence> documents;
  const auto first = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  for (int i = 0; i < 50; ++i) {
    bench.clock.utc = first + std::chrono::days(i);
    const BusinessDay day{first + std::chrono::days(i)};
    documents.push_back(bench.append(sale_post("A" + std::to_string(i), "1", day.text())).sequence);
    bench.deliver(documents.back());
  }
  const auto open = *note(bench, open_conflict(documents[3]));
  auto decided = open_conflict(documents[4]);
  decided.choices.clear();
  const auto closed = *note(bench, decided);
  const auto prune = [&] { return bench.alone([](Journal& j) { return j.prune(30, 1'000); })->records; };
  CHECK(prune() == 18 * 3 + 1);
  CHECK((*bench.reader()->conflict(open)).has_value());
  CHECK(!(*bench.reader()->conflict(closed)).has_value());
  CHECK(bench.reader()->find("A3")->has_value());
  CHECK(bench.verify().whole);
  REQUIRE(resolve(bench, open, "store").has_value());
  CHECK(prune() == 5);
  CHECK(!bench.reader()->find("A3")->has_value());
  CHECK(bench.verify().whole);
}

TEST_CASE("audit: a change to the daemon itself is a record of the chain") {
  JournalBench bench;
  bench.route();
  REQUIRE(bench
              .alone([](Journal& j) {
                return j.note_audit(AuditEvent{"terminal-added", "T9", "Ann", "until 2027-01-01"});
              })
              .has_value());
  const auto records = bench.reader()->records(Sequence{}, 10);
  CHECK(records->back().kind == RecordKind::kAudit);
  CHECK(records->back().body ==
        R"({"what":"terminal-added","subject":"T9","by":"Ann","detail":"until 2027-01-01"})");
  CHECK(bench.verify().whole);
}
