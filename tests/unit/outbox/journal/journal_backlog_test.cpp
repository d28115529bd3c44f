#include "outbox/journal/journal_backlog.h"

#include <algorithm>

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
  JournalBacklog narrow(*reader, "0417", nullptr, one + 1);
  auto page = narrow.read("erp", Sequence{}, 10);
  CHECK(page->entries[0].document != nullptr);
  CHECK(page->entries[2].document != nullptr);
  CHECK(page->entries[3].document == nullptr);
  page->entries.clear();
  page = narrow.read("erp", sequences[2], 10);
  CHECK(page->entries[0].document != nullptr);  // there is room again
}

namespace {

void check_same(const BacklogPage& a, const BacklogPage& b) {
  CHECK(a.through == b.through);
  REQUIRE(a.entries.size() == b.entries.size());
  for (std::size_t i = 0; i < a.entries.size(); ++i) {
    const auto& x = a.entries[i];
    const auto& y = b.entries[i];
    CHECK(x.key == y.key);
    CHECK(x.keys == y.keys);
    CHECK(x.needs == y.needs);
    CHECK(x.state == y.state);
    CHECK(x.attempts == y.attempts);
    CHECK(x.on_record == y.on_record);
    CHECK(x.recorded_at == y.recorded_at);
    REQUIRE((x.document == nullptr) == (y.document == nullptr));
    if (x.document != nullptr) CHECK(x.document->json == y.document->json);
  }
}

}  // namespace

TEST_CASE("backlog: what was read ahead is as new as what is read in its turn") {
  JournalBench bench;
  bench.route();
  std::vector<Sequence> sequences;
  const auto post = [&] {
    sequences.push_back(bench.append(sale_post("A" + std::to_string(sequences.size()))).sequence);
  };
  while (sequences.size() < 60) post();
  auto reader = bench.reader();
  auto ahead = DocumentsAhead::start(bench.folder(), "0417");
  REQUIRE(ahead.has_value());
  JournalBacklog plain(*reader, "0417");
  JournalBacklog early(*reader, "0417", ahead->get());
  Sequence after;
  std::size_t documents_max = 10;
  for (int page = 0; after < bench.journal->head().sequence; ++page) {
    const auto here = plain.read("erp", after, documents_max);
    const auto there = early.read("erp", after, documents_max);
    REQUIRE(here.has_value());
    REQUIRE(there.has_value());
    check_same(*here, *there);
    after = here->through;
    // The next page is being read, or has been: what happens now must show in it all the same.
    documents_max = page % 2 == 0 ? 13 : 10;
    const auto next = std::lower_bound(sequences.begin(), sequences.end(), after) - sequences.begin() + 1;
    if (static_cast<std::size_t>(next) + 4 >= sequences.size()) continue;
    bench.record(outcome_fact(sequences[static_cast<std::size_t>(next)], "erp", OutcomeKind::kUnknown, 3));
    bench.record(outcome_fact(sequences[static_cast<std::size_t>(next) + 2], "erp", OutcomeKind::kDelivered));
    if (page < 3) post();
  }
  CHECK(sequences.size() == 63);
}

TEST_CASE(
    "backlog: a page looks no farther than its documents are worth, and a page that ended is not read "
    "again") {
  JournalBench bench;
  bench.route();
  const auto first = bench.append(sale_post("A1")).sequence;
  for (int i = 0; i < 30; ++i) bench.record(outcome_fact(first, "crm", OutcomeKind::kRetryable, i + 1));
  const auto last = bench.append(sale_post("A2")).sequence;
  for (int i = 0; i < 3; ++i) bench.record(outcome_fact(first, "crm", OutcomeKind::kRetryable, i + 31));
  auto reader = bench.reader();
  CHECK(page_end(first, 2) < last);
  CHECK(read_backlog_documents(*reader, "0417", first, 2)->empty());
  auto ahead = DocumentsAhead::start(bench.folder(), "0417");
  REQUIRE(ahead.has_value());
  (*ahead)->ask("erp", first, 2);
  CHECK((*ahead)->take("erp", first).empty());
  JournalBacklog backlog(*reader, "0417");
  const auto page = backlog.read("erp", first, 2);
  CHECK(page->entries.empty());
  CHECK(page->through == page_end(first, 2));
  const auto rest = backlog.read("erp", page_end(last, 1), 10);
  CHECK(rest->entries.empty());
  const auto whole = backlog.read("erp", first, 10);
  REQUIRE(whole->entries.size() == 1);
  CHECK(whole->entries[0].key.document == last);
  CHECK(whole->through == bench.journal->head().sequence);  // the outcomes behind it were looked at too
  const auto on_record = backlog.read_on_record("crm", last, 10);
  REQUIRE(on_record->size() == 1);
  CHECK(on_record->front().document == nullptr);
}

TEST_CASE("read ahead: nothing is taken that was not asked for, and each lane has its own") {
  JournalBench bench;
  bench.route();
  std::vector<Sequence> sequences;
  for (int i = 0; i < 6; ++i) sequences.push_back(bench.append(sale_post("A" + std::to_string(i))).sequence);
  auto ahead = DocumentsAhead::start(bench.folder(), "0417");
  REQUIRE(ahead.has_value());
  CHECK((*ahead)->take("erp", Sequence{}).empty());
  (*ahead)->ask("erp", sequences[0], 2);
  (*ahead)->ask("crm", sequences[3], 9);
  CHECK((*ahead)->take("erp", sequences[1]).empty());
  const auto erp = (*ahead)->take("erp", sequences[0]);
  REQUIRE(erp.size() == 2);
  CHECK(erp[0].sequence == sequences[1]);
  CHECK(erp[1].outgoing->id == "A2");
  CHECK((*ahead)->take("crm", sequences[3]).size() == 2);
  CHECK((*ahead)->take("crm", sequences[3]).empty());
  (*ahead)->ask("erp", sequences[0], 2);
  (*ahead)->ask("erp", sequences[4], 2);
  CHECK((*ahead)->take("erp", sequences[4]).size() == 1);
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

namespace {

Document parsed(const std::string& json) {
  auto checked = parse_document(json, journal_store());
  REQUIRE(std::holds_alternative<Document>(checked));
  return std::get<Document>(std::move(checked));
}
std::string document_text(const std::string& id, const std::string& type, const std::string& members) {
  return R"({"id":")" + id + R"(","type":")" + type +
         R"(","terminal":"T1","occurred_at":"2026-11-23T10:00:00Z",)" + members + "}";
}
Document return_of(const std::string& id, const std::string& original) {
  return parsed(document_text(
      id, "return",
      R"("original":{"id":")" + original + R"("},"lines":[{"sku":"X","quantity":1,"unit_price":"1"}])"));
}
Document count_of(const std::string& id, const std::string& sku) {
  return parsed(document_text(id, "stock_count", R"("lines":[{"sku":")" + sku + R"(","counted":3}])"));
}
bool has(const BacklogKeys& keys, std::uint64_t hash, KeyUse use, Sequence document) {
  return std::any_of(keys.uses.begin(), keys.uses.end(), [&](const BacklogKeys::Use& found) {
    return found.key == OrderingKey{hash, use} && found.document == document;
  });
}

}  // namespace

TEST_CASE("backlog: live documents come with what decides whether they may go first") {
  JournalBench bench;
  bench.route();
  const auto open_sale = bench.append(sale_post("S1")).sequence;
  bench.append(sale_post("S2"));
  bench.deliver(Sequence{3});
  const auto from = bench.journal->head().sequence;
  bench.append(sale_post("S3"));
  bench.append(make_post(return_of("R1", "S1"), {}));
  bench.append(make_post(return_of("R2", "S2"), {}));
  bench.append(make_post(return_of("R3", "elsewhere"), {}));
  bench.append(make_post(count_of("C1", "X"), {}));
  auto reader = bench.reader();
  JournalBacklog backlog(*reader, "0417");
  auto page = backlog.read_live("erp", from, 10);
  REQUIRE(page.has_value());
  REQUIRE(page->entries.size() == 5);
  const auto& [s3, r1, r2, r3, c1] =
      std::tie(page->entries[0], page->entries[1], page->entries[2], page->entries[3], page->entries[4]);
  for (const auto* entry : {&s3, &r1, &r2, &r3}) CHECK(entry->overtakes);
  CHECK_FALSE(c1.overtakes);
  CHECK(s3.follows.empty());
  CHECK(r1.follows == std::vector<Sequence>{open_sale});
  CHECK(r2.follows.empty());  // settled
  CHECK(r3.follows.empty());
  CHECK(s3.document != nullptr);
}

TEST_CASE("backlog: the keys that hold later documents back are found without reading every document") {
  JournalBench bench;
  bench.route();
  const auto sale = bench.append(sale_post("S1")).sequence;
  const auto returned = bench.append(make_post(return_of("R1", "S1"), {})).sequence;
  const auto count = bench.append(make_post(count_of("C1", "Y"), {})).sequence;
  const auto amended = bench.append(make_post(count_of("C2", "Z"), {})).sequence;
  const auto beyond = bench.append(make_post(count_of("C3", "W"), {})).sequence;
  bench.record(outcome_fact(amended, "erp", OutcomeKind::kRejected));
  DecisionFact amend{DecisionFact::Kind::kAmend, {amended, "erp"}, "erp", "wrong shelf", "ann", {}};
  amend.amended = count_of("C2", "V");
  REQUIRE(bench.alone([&](Journal& j) { return j.decide(amend); }).has_value());
  auto reader = bench.reader();
  JournalBacklog backlog(*reader, "0417");

  const auto key_of = [](const Document& document, KeyUse use) {
    for (const OrderingKey& key : ordering_keys(document, "0417")) {
      if (key.use == use) return key.hash;
    }
    return std::uint64_t{0};
  };
  auto keys = backlog.read_keys("erp", Sequence{}, amended, 100);
  REQUIRE(keys.has_value());
  CHECK(keys->through == amended);
  CHECK(has(*keys, key_of(count_of("C1", "Y"), KeyUse::kExclusive), KeyUse::kExclusive, count));
  CHECK(has(*keys, key_of(count_of("C2", "Z"), KeyUse::kExclusive), KeyUse::kExclusive, amended));
  CHECK(has(*keys, key_of(count_of("C2", "V"), KeyUse::kExclusive), KeyUse::kExclusive, amended));
  CHECK(has(*keys, key_of(sale_document("S1"), KeyUse::kExclusive), KeyUse::kShared, returned));
  for (const auto& use : keys->uses) {
    CHECK(use.document != sale);
    CHECK(use.document != beyond);
  }
  // In pieces, it is the same.
  BacklogKeys all;
  for (Sequence after; after < amended;) {
    auto some = backlog.read_keys("erp", after, amended, 1);
    REQUIRE(some.has_value());
    REQUIRE(some->through > after);
    all.uses.insert(all.uses.end(), some->uses.begin(), some->uses.end());
    after = some->through;
  }
  CHECK(all.uses.size() == keys->uses.size());
}
