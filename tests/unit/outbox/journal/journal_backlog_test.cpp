#include "outbox/journal/journal_backlog.h"

#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

TEST_CASE("backlog: a target's unsettled deliveries come in journal order, page by page") {
  JournalBench bench;
  bench.route();
  std::vector<Sequence> sequences;
  for (int i = 0; i < 25; ++i) sequences.push_back(bench.append(sale_post("A" + std::to_string(i))).sequence);
  bench.deliver(sequences[1]);
  bench.record(outcome_fact(sequences[2], "erp", OutcomeKind::kDelivered));
  bench.record(outcome_fact(sequences[3], "erp", OutcomeKind::kUnknown, 4));
  auto reader = bench.reader();
  JournalBacklog backlog(*reader, "0417");
  std::vector<BacklogEntry> entries;
  Sequence after;
  while (after < bench.journal->head().sequence) {
    auto page = backlog.read("erp", after, 10);
    REQUIRE(page.has_value());
    REQUIRE(page->through > after);
    CHECK(page->entries.size() <= 10);
    for (auto& entry : page->entries) {
      CHECK(entry.key.document > after);
      CHECK(entry.key.document <= page->through);
      entries.push_back(std::move(entry));
    }
    after = page->through;
  }
  REQUIRE(entries.size() == 23);
  CHECK(entries[0].key == DeliveryKey{sequences[0], "erp"});
  CHECK(!entries[0].on_record);
  CHECK(!entries[0].keys.empty());
  CHECK(entries[1].key == DeliveryKey{sequences[3], "erp"});
  CHECK(entries[1].on_record);
  CHECK(entries[1].state == DeliveryState::kUnknown);
  CHECK(entries[1].attempts == 4);
  auto on_record = backlog.read_on_record("erp", bench.journal->head().sequence, 100);
  REQUIRE(on_record.has_value());
  REQUIRE(on_record->size() == 1);
  CHECK(on_record->at(0).key.document == sequences[3]);
  CHECK(backlog.read("wms", Sequence{}, 100)->entries.empty());
}

TEST_CASE("backlog: needs name the steps that are not delivered yet, and parked deliveries are on record") {
  JournalBench bench;
  Routes routes;
  routes.steps[DocumentType::kSale] = {{"erp", "erp", {}}, {"crm", "crm", {"erp"}}};
  bench.route(routes);
  const auto a = bench.append(sale_post("A1")).sequence;
  auto reader = bench.reader();
  JournalBacklog backlog(*reader, "0417");
  auto page = backlog.read("crm", Sequence{}, 10);
  REQUIRE(page->entries.size() == 1);
  CHECK(page->entries[0].needs == std::vector<std::string>{"erp"});
  REQUIRE(bench.alone([&](Journal& j) { return j.park("crm", {DeliveryKey{a, "crm"}}); }).has_value());
  bench.record(outcome_fact(a, "erp", OutcomeKind::kDelivered));
  page = backlog.read("crm", Sequence{}, 10);
  REQUIRE(page->entries.size() == 1);
  CHECK(page->entries[0].needs.empty());
  CHECK(page->entries[0].on_record);
  CHECK(page->entries[0].attempts == 0);
  CHECK(bench.journal->counts().backlog() == 1);
}
