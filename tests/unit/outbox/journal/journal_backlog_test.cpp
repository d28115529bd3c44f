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

TEST_CASE("backlog: a document goes along while there is room, unless it may have been amended") {
  JournalBench bench;
  bench.route();
  std::vector<Sequence> sequences;
  for (int i = 0; i < 4; ++i) sequences.push_back(bench.append(sale_post("A" + std::to_string(i))).sequence);
  bench.record(outcome_fact(sequences[1], "erp", OutcomeKind::kRetryable));
  auto reader = bench.reader();
  std::vector<BacklogEntry> kept;
  {
    JournalBacklog backlog(*reader, "0417");
    auto page = backlog.read("erp", Sequence{}, 10);
    REQUIRE(page->entries.size() == 4);
    REQUIRE(page->entries[0].document != nullptr);
    CHECK(page->entries[0].document->id == "A0");
    CHECK(page->entries[0].document->json == outgoing_document(**reader->load(sequences[0])).json);
    CHECK(page->entries[1].document == nullptr);
    kept = std::move(page->entries);
  }
  CHECK(kept[3].document->id == "A3");  // it outlives the backlog
  const std::size_t one = kept[0].document->bytes();
  JournalBacklog narrow(*reader, "0417", one + 1);
  auto page = narrow.read("erp", Sequence{}, 10);
  CHECK(page->entries[0].document != nullptr);
  CHECK(page->entries[2].document != nullptr);
  CHECK(page->entries[3].document == nullptr);
  page->entries.clear();
  page = narrow.read("erp", sequences[2], 10);
  CHECK(page->entries[0].document != nullptr);  // there is room again
}

TEST_CASE("reader: in a snapshot all that is read is one state of the journal") {
  JournalBench bench;
  bench.route();
  const auto first = bench.append(sale_post("A1")).sequence;
  auto reader = bench.reader();
  {
    const JournalReader::Snapshot snapshot(*reader);
    CHECK(reader->head()->sequence == first);
    bench.append(sale_post("A2"));
    CHECK(reader->head()->sequence == first);
    CHECK_FALSE(reader->find("A2")->has_value());
  }
  CHECK(reader->find("A2")->has_value());
}
