// Look-ups that told of no effect, as facts (I10).
#include "outbox/journal/schema.h"
#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

LookUpFact look_up(Sequence document, LookUpFact::Found found, const std::string& reason = {},
                   int http_status = 0, const std::string& step = "erp") {
  return LookUpFact{DeliveryKey{document, step}, step, 2, found, reason, http_status};
}

constexpr auto kAbsent = LookUpFact::Found::kAbsent;
constexpr auto kFailed = LookUpFact::Found::kFailed;

struct LookUpBench : JournalBench {
  LookUpBench() {
    route();
    sale = append(sale_post("A1")).sequence;
  }
  void told(const LookUpFact& fact) {
    REQUIRE(alone([&](Journal& j) { return j.record_look_up(fact); }).has_value());
  }
  std::size_t look_ups() const {
    std::size_t count = 0;
    const auto history = reader()->history(sale);
    REQUIRE(history.has_value());
    for (const auto& record : *history) count += record.kind == RecordKind::kLookUp ? 1 : 0;
    return count;
  }
  Sequence sale;
};

}  // namespace

TEST_CASE("look-up: (I10) one that found nothing is a fact, reads back as told, and moves no delivery") {
  LookUpBench bench;
  bench.record(outcome_fact(bench.sale, "erp", OutcomeKind::kUnknown));
  const auto before = bench.reader()->deliveries(bench.sale);
  const auto counts = bench.journal->counts();
  bench.told(look_up(bench.sale, kAbsent, "", 200));
  bench.told(look_up(bench.sale, kFailed, "503 from the proxy", 503));
  const auto history = bench.reader()->history(bench.sale);
  REQUIRE(history->size() == 4);
  const auto absent = decode_look_up(bench.sale, (*history)[2].body);
  REQUIRE(absent.has_value());
  CHECK(absent->delivery == DeliveryKey{bench.sale, "erp"});
  CHECK(absent->target == "erp");
  CHECK(absent->attempt == 2);
  CHECK(absent->found == kAbsent);
  CHECK(absent->http_status == 200);
  const auto failed = decode_look_up(bench.sale, (*history)[3].body);
  REQUIRE(failed.has_value());
  CHECK(failed->found == kFailed);
  CHECK(failed->reason == "503 from the proxy");
  const auto after = bench.reader()->deliveries(bench.sale);
  for (std::size_t i = 0; i < after->size(); ++i) {
    CHECK((*after)[i].state == (*before)[i].state);
    CHECK((*after)[i].attempts == (*before)[i].attempts);
    CHECK((*after)[i].last_error == (*before)[i].last_error);
  }
  CHECK(bench.journal->counts().backlog() == counts.backlog());
  CHECK(bench.journal->counts().targets.at("erp").outcomes == counts.targets.at("erp").outcomes);
  CHECK(bench.verify().whole);
}

TEST_CASE("look-up: failed ones in a row are told once, until their reason or status changes") {
  LookUpBench bench;
  for (int i = 0; i < 5; ++i) bench.told(look_up(bench.sale, kFailed, "connection refused"));
  CHECK(bench.look_ups() == 1);
  for (int i = 0; i < 5; ++i) bench.told(look_up(bench.sale, kFailed, "503", 503));
  CHECK(bench.look_ups() == 2);
  bench.told(look_up(bench.sale, kFailed, "connection refused"));
  CHECK(bench.look_ups() == 3);
  // Another step's facts in between are no change, an outcome of this one is.
  bench.told(look_up(bench.sale, kFailed, "connection refused", 0, "crm"));
  bench.record(outcome_fact(bench.sale, "crm", OutcomeKind::kRetryable));
  bench.told(look_up(bench.sale, kFailed, "connection refused"));
  CHECK(bench.look_ups() == 4);  // crm's own
  bench.record(outcome_fact(bench.sale, "erp", OutcomeKind::kUnknown));
  bench.told(look_up(bench.sale, kFailed, "connection refused"));
  CHECK(bench.look_ups() == 5);
  // Bytes that are no UTF-8 are stored as what they can be, and repeat like any other.
  for (int i = 0; i < 3; ++i) bench.told(look_up(bench.sale, kFailed, "bad \xff byte"));
  CHECK(bench.look_ups() == 6);
  for (int i = 0; i < 2; ++i) bench.told(look_up(bench.sale, kAbsent));
  CHECK(bench.look_ups() == 8);
}

TEST_CASE("look-up: also within one transaction a repetition is seen") {
  LookUpBench bench;
  REQUIRE(bench.journal->begin().has_value());
  for (int i = 0; i < 3; ++i)
    REQUIRE(bench.journal->record_look_up(look_up(bench.sale, kFailed, "refused")).has_value());
  REQUIRE(bench.journal->commit().has_value());
  CHECK(bench.look_ups() == 1);
}

TEST_CASE("look-up: retention takes them with their document") {
  LookUpBench bench;
  bench.told(look_up(bench.sale, kAbsent));
  bench.deliver(bench.sale);
  for (int day = 0; day < 40; ++day) {
    bench.clock.utc += std::chrono::days(1);
    const auto date = BusinessDay{std::chrono::floor<std::chrono::days>(bench.clock.utc)};
    bench.append(sale_post("B" + std::to_string(day), "1", date.text()));
  }
  const auto pruned = bench.alone([](Journal& j) { return j.prune(30, 1'000); });
  REQUIRE(pruned.has_value());
  CHECK(pruned->records == 4);
  CHECK(bench.verify().whole);
}

TEST_CASE("journal: one of schema 1 is brought up to date, and keeps all that it holds") {
  LookUpBench bench;
  bench.deliver(bench.sale);
  const auto head = bench.journal->head();
  bench.tamper(
      "DROP TABLE conflict; DROP TABLE lane_ahead; DROP TABLE lane_day; DROP INDEX record_store_wide; "
      "DROP INDEX idempotency_key_document; DROP INDEX record_decision; "
      "CREATE INDEX record_store_wide ON record(kind) WHERE kind IN (4, 5); PRAGMA user_version = 1");
  CHECK(JournalReader::open(bench.folder()).error().code == "journal-too-old");
  bench.reopen();
  CHECK(bench.journal->head().hash == head.hash);
  CHECK(bench.journal->counts().targets.at("erp").delivered == 1);
  CHECK(bench.verify().whole);
  bench.told(look_up(bench.sale, kAbsent));
  CHECK(bench.verify().whole);
}
