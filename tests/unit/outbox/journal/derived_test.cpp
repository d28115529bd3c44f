// The derived tables are what the records add up to, and verify says where they are not.
#include "outbox/journal/derivation.h"
#include "platform/base/random.h"
#include "tests/unit/outbox/journal/everything.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

void check_differs(const JournalBench& bench, const std::string& table) {
  const auto verification = bench.verify();
  CHECK(!verification.whole);
  CHECK(verification.derived_differ);
  CHECK(!verification.first_bad.has_value());
  CHECK_MESSAGE(verification.reason.starts_with("table " + table + ","), verification.reason);
}

}  // namespace

TEST_CASE(
    "derived tables: a journal with everything in it verifies, parked deliveries and replayed keys too") {
  JournalBench bench;
  fill_with_everything(bench);
  const auto verification = bench.verify();
  CHECK_MESSAGE(verification.whole, verification.reason);
  CHECK(!verification.derived_differ);
  CHECK(verification.recovered.empty());
}

TEST_CASE("derived tables: a change to any of them is found, with table and key, and the records are whole") {
  const std::pair<const char*, const char*> changes[] = {
      {"delivery", "UPDATE delivery SET state = 3 WHERE document = 5 AND step = 'erp'"},
      {"delivery", "UPDATE delivery SET attempts = 7 WHERE document = 4"},
      {"delivery", "UPDATE delivery SET version = NULL WHERE document = 8"},
      {"delivery", "UPDATE delivery SET last_fact = last_fact - 1 WHERE document = 6"},
      {"delivery", "UPDATE delivery SET target = 'crm' WHERE document = 4"},
      {"delivery", "UPDATE delivery SET state = 3 WHERE document = 9"},
      {"delivery", "DELETE FROM delivery WHERE document = 5"},
      {"delivery", "INSERT INTO delivery VALUES(9, 'wms', 'wms', 0, 0, NULL, NULL)"},
      {"delivery", "INSERT INTO delivery VALUES(99, 'erp', 'erp', 0, 0, NULL, NULL)"},
      {"counter", "UPDATE counter SET value = value + 1 WHERE name = 'owed:erp'"},
      {"counter", "UPDATE counter SET value = value - 1 WHERE name = 'type:sale'"},
      {"counter", "UPDATE counter SET value = value + 1 WHERE name = 'outcome:retryable:erp'"},
      {"counter", "DELETE FROM counter WHERE name = 'quarantined:erp'"},
      {"counter", "INSERT INTO counter VALUES('delivered:wms', 1)"},
      {"day", "UPDATE day SET documents = 2 WHERE first_sequence = 4"},
      {"day", "UPDATE day SET first_sequence = 3 WHERE first_sequence = 4"},
      {"day", "DELETE FROM day WHERE first_sequence = 4"},
      {"day", "INSERT INTO day VALUES(1, 2, 1)"},
      {"day_target", "UPDATE day_target SET last_delivered = last_delivered + 1 WHERE target = 'erp'"},
      {"day_target", "DELETE FROM day_target WHERE target = 'crm'"},
      {"day_target", "INSERT INTO day_target VALUES(1, 'erp', 2)"},
      {"idempotency_key", "UPDATE idempotency_key SET document = 3 WHERE key = 'key'"},
      {"idempotency_key", "DELETE FROM idempotency_key WHERE key = 'key'"},
      {"idempotency_key", "UPDATE idempotency_key SET document = 99 WHERE key = 'replayed'"},
      {"gap", "INSERT INTO gap VALUES(50, 51, zeroblob(32))"},
      {"conflict", "UPDATE conflict SET open = 0 WHERE document = 4"},
      {"conflict", "UPDATE conflict SET resolution = NULL WHERE document = 5"},
      {"conflict", "UPDATE conflict SET key = 'other' WHERE document = 5"},
      {"conflict", "UPDATE conflict SET business_day = 7 WHERE document = 5"},
      {"conflict", "DELETE FROM conflict WHERE document = 4"},
      {"conflict", "INSERT INTO conflict VALUES(2, 'k', 2, 1, 0, NULL)"},
      {"counter", "UPDATE counter SET value = 0 WHERE name = 'conflict_open:customer-field'"},
      {"lane", "UPDATE lane SET paused = 0 WHERE target = 'crm'"},
      {"lane", "UPDATE lane SET paused = 1 WHERE target = 'erp'"},
      {"lane", "DELETE FROM lane WHERE target = 'crm'"},
      {"lane", "UPDATE lane SET frontier = 9 WHERE target = 'erp'"},
  };
  for (const auto& item : changes) {
    const auto& table = item.first;
    const auto& sql = item.second;
    JournalBench bench;
    fill_with_everything(bench).tamper(sql);
    INFO(std::string(sql));
    check_differs(bench, table);
  }
}

TEST_CASE(
    "derived tables: after retention what is left is still checked, and so are the sums that outlive it") {
  const auto first = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  const auto pruned = [&](JournalBench& bench) -> JournalBench& {
    bench.route();
    for (int i = 0; i < 40; ++i) {
      bench.clock.utc = first + std::chrono::days(i);
      const auto day = BusinessDay{first + std::chrono::days(i)}.text();
      bench.deliver(bench.append(sale_post("A" + std::to_string(i), "1", day)).sequence);
      // An old day gets a late document, so that the day outlives its first.
      if (i == 20) bench.append(sale_post("LATE", "1", "2026-01-01"));
    }
    REQUIRE(bench.alone([](Journal& j) { return j.prune(30, 1'000); })->records > 0);
    return bench;
  };
  {
    JournalBench bench;
    const auto verification = pruned(bench).verify();
    CHECK_MESSAGE(verification.whole, verification.reason);
  }
  for (const auto& item : {
           std::pair<const char*, const char*>{
               "counter", "UPDATE counter SET value = value - 10 WHERE name = 'delivered:erp'"},
           {"counter", "UPDATE counter SET value = value + 1 WHERE name = 'type:sale'"},  // sums part
           {"counter", "UPDATE counter SET value = value + 1 WHERE name = 'owed:erp'"},
           {"day", "UPDATE day SET first_sequence = 60 WHERE first_sequence = 2"},
           {"day_target", "UPDATE day_target SET last_delivered = 100000"},
           {"gap", "UPDATE gap SET last = last - 1"},
           {"gap", "UPDATE gap SET hash = zeroblob(32)"},
           {"gap", "DELETE FROM gap"},
       }) {
    const auto& table = item.first;
    const auto& sql = item.second;
    JournalBench bench;
    pruned(bench).tamper(sql);
    INFO(std::string(sql));
    check_differs(bench, table);
  }
}

TEST_CASE("derived tables: an index that lost an entry is found, before a document could come in twice") {
  JournalBench bench;
  fill_with_everything(bench).tamper(
      "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = 'CREATE UNIQUE INDEX record_id ON "
      "record(id) WHERE id IS NOT NULL AND id <> ''A5''' WHERE name = 'record_id'");
  bench.tamper("REINDEX record_id");
  bench.tamper(
      "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = 'CREATE UNIQUE INDEX record_id ON "
      "record(id) WHERE id IS NOT NULL' WHERE name = 'record_id'");
  check_differs(bench, "record");
}

TEST_CASE("derived tables: whatever happens in whatever order, they stay what the records add up to") {
  using Kind = DecisionFact::Kind;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    JournalBench bench;
    bench.route();
    SeededRandom random(seed);
    std::vector<Sequence> documents;
    for (int i = 0; i < 120; ++i) {
      bench.clock.utc += std::chrono::hours(12);
      if (documents.empty() || random.below(3) == 0) {
        const auto day = BusinessDay{std::chrono::floor<std::chrono::days>(bench.clock.utc)}.text();
        const DocumentMeta meta{"", "", random.below(2) == 0 ? "k" + std::to_string(i) : ""};
        documents.push_back(bench.append(sale_post("D" + std::to_string(i), "1", day, meta)).sequence);
        continue;
      }
      const auto document = documents[random.below(documents.size())];
      const std::string step = random.below(2) == 0 ? "erp" : "crm";
      const auto pick = random.below(8);
      REQUIRE(bench.journal->begin().has_value());
      if (pick < 5) {
        const OutcomeKind kinds[] = {OutcomeKind::kDelivered, OutcomeKind::kRetryable, OutcomeKind::kRejected,
                                     OutcomeKind::kUnknown};
        REQUIRE(bench.journal->record(outcome_fact(document, step, kinds[random.below(4)])).has_value());
      } else if (pick < 7) {
        const auto kind = random.below(2) == 0 ? Kind::kRetry : Kind::kDiscard;
        (void)bench.journal->decide({kind, {document, step}, "", "r", "b", {}, {}}).has_value();
      } else if (random.below(2) == 0) {
        REQUIRE(bench.journal->prune(30, 20).has_value());
      } else {
        REQUIRE(bench.journal->set_routes(random.below(2) == 0 ? both_targets() : Routes{}).has_value());
      }
      REQUIRE(bench.journal->commit().has_value());
      if (i % 10 == 0) {
        const auto verification = bench.verify();
        REQUIRE_MESSAGE(verification.whole, verification.reason);
      }
    }
    const auto verification = bench.verify();
    CHECK_MESSAGE(verification.whole, verification.reason);
  }
}
