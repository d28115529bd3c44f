// Which documents moved a SKU, and which returns name a sale.
#include "reconcile/conflicts/trade_index.h"

#include "outbox/journal/journal.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/reconcile/store.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

struct Bench {
  Bench() { open(); }
  void open() {
    auto opened = Journal::open(JournalOptions{folder(), ""}, clock);
    REQUIRE(opened.has_value());
    journal = std::move(*opened);
    auto made = JournalReader::open(folder());
    REQUIRE(made.has_value());
    reader = std::move(*made);
  }
  std::string folder() const { return dir.path().string() + "/journal"; }
  Sequence append(const Document& document) {
    REQUIRE(journal->begin().has_value());
    const auto answer = journal->append(make_post(document, {}));
    REQUIRE(journal->commit().has_value());
    return answer->sequence;
  }
  std::unique_ptr<TradeIndex> index() const {
    auto opened = TradeIndex::open(folder());
    REQUIRE(opened.has_value());
    return std::move(*opened);
  }

  TempDir dir;
  SystemClock clock;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<JournalReader> reader;
};

Document refund(const std::string& id, const std::string& sale) {
  return document(id, R"("type":"return","original":{"id":")" + sale +
                          R"("},"lines":[{"sku":"S1","quantity":"1","unit_price":"2.50"}])");
}

}  // namespace

TEST_CASE("trade index: returns by their sale and documents by SKU, as far as it was walked") {
  Bench bench;
  const auto sold = bench.append(sale("A1"));
  const auto first = bench.append(refund("R1", "A1"));
  const auto second = bench.append(refund("R2", "A1"));
  const auto index = bench.index();
  CHECK(index->returns_of("A1", Sequence{100})->empty());
  CHECK(*index->walk(*bench.reader, second));
  CHECK(*index->returns_of("A1", Sequence{100}) == std::vector{first, second});
  CHECK(*index->returns_of("A1", second) == std::vector{first});
  CHECK(index->returns_of("A2", Sequence{100})->empty());
  CHECK(*index->moved_skus("", 10) == std::vector<std::string>{"S1"});
  CHECK(*index->moves_of("S1") == std::vector{sold, first, second});
  REQUIRE(index->set_base("S1", StockBase{R"({"quantity":"4"})", "v1", second}, {sold, first}).has_value());
  CHECK(*index->moves_of("S1") == std::vector{second});
  CHECK(index->base("S1")->value().version == "v1");
  CHECK(*index->walk(*bench.reader, second));
  CHECK(*index->moves_of("S1") == std::vector{second});  // what is settled does not come back
}

TEST_CASE("trade index: the updates of a customer, the last ones first") {
  Bench bench;
  std::vector<Sequence> updates;
  for (int i = 0; i < 3; ++i)
    updates.push_back(bench.append(document(
        "U" + std::to_string(i), R"("type":"customer_update","customer":"C1","changes":{"city":"York"})")));
  const auto index = bench.index();
  CHECK(*index->walk(*bench.reader, updates.back()));
  CHECK(*index->updates_of("C1", Sequence{100}, 2) == std::vector{updates[2], updates[1]});
  CHECK(*index->updates_of("C1", updates[1], 5) == std::vector{updates[0]});
  CHECK(index->updates_of("C2", Sequence{100}, 5)->empty());
}

TEST_CASE("trade index: another journal in the place of this one, and it is begun anew") {
  Bench bench;
  bench.append(sale("A1"));
  REQUIRE(*bench.index()->walk(*bench.reader, bench.append(refund("R1", "A1"))));
  bench.journal.reset();
  bench.reader.reset();
  for (const char* suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(bench.folder() + "/journal.db" + suffix);
  bench.open();
  const auto other = bench.append(refund("R9", "A9"));
  const auto index = bench.index();
  CHECK(*index->walk(*bench.reader, other));
  CHECK(index->returns_of("A1", Sequence{100})->empty());
  CHECK(*index->returns_of("A9", Sequence{100}) == std::vector{other});
}
