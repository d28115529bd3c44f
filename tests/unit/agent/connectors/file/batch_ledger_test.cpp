#include "agent/connectors/file/batch_ledger.h"

#include "tests/unit/agent/connectors/file/support.h"

using namespace tillsync;
using namespace tillsync::test;
using file::BatchLedger;

namespace {

file::Batch batch_of(const BatchLedger& ledger, const std::vector<OutgoingDelivery>& deliveries) {
  return file::make_batch("0417", "legacy", ledger.next_number(), file::Format::kCsv,
                          documents_of(deliveries));
}

}  // namespace

TEST_CASE(
    "I3: file ledger: a batch is remembered across a restart, with its very bytes until it is published") {
  testing::TempDir dir;
  file::Batch batch;
  {
    auto ledger = BatchLedger::open(dir.file("files"), "legacy").value();
    CHECK(ledger.next_number() == 1);
    batch = batch_of(ledger, {sale(1), sale(2)});
    REQUIRE(ledger.spool(batch).has_value());
  }
  {
    auto ledger = BatchLedger::open(dir.file("files"), "legacy").value();
    CHECK(ledger.next_number() == 2);
    CHECK(ledger.pending().value() == 1);
    const auto entry = ledger.find("0417/S2:legacy").value();
    REQUIRE(entry.has_value());
    CHECK_FALSE(entry->published);
    CHECK(entry->digest == sha256(sale(2).document));
    const auto loaded = ledger.load(entry->batch).value();
    CHECK(loaded.name == batch.name);
    CHECK(loaded.data == batch.data);
    CHECK(loaded.manifest == batch.manifest);
    CHECK_FALSE(ledger.find("0417/S3:legacy").value().has_value());
    REQUIRE(ledger.published(1).has_value());
  }
  auto ledger = BatchLedger::open(dir.file("files"), "legacy").value();
  CHECK(ledger.pending().value() == 0);
  CHECK(ledger.find("0417/S2:legacy").value()->published);
  CHECK(ledger.load(1).value().data.empty());
  CHECK(ledger.next_number() == 2);
}

TEST_CASE("I8: file ledger: what was published long ago goes, what is pending never, and numbers go on") {
  testing::TempDir dir;
  auto ledger = BatchLedger::open(dir.file("files"), "legacy", 10).value();
  REQUIRE(ledger.spool(batch_of(ledger, {sale(1)})).has_value());  // stays pending
  for (std::int64_t i = 0; i < 20; ++i) {
    const auto batch = batch_of(ledger, {sale(100 + 2 * i), sale(101 + 2 * i)});
    REQUIRE(ledger.spool(batch).has_value());
    REQUIRE(ledger.published(batch.number).has_value());
  }
  CHECK(ledger.find("0417/S1:legacy").value().has_value());
  CHECK_FALSE(ledger.find("0417/S128:legacy").value().has_value());
  CHECK(ledger.find("0417/S130:legacy").value().has_value());
  CHECK(ledger.find("0417/S139:legacy").value().has_value());
  ledger = BatchLedger::open(dir.file("files"), "legacy", 0).value();
  const auto last = batch_of(ledger, {sale(999)});
  CHECK(last.number == 22);
  REQUIRE(ledger.spool(last).has_value());
  REQUIRE(ledger.published(22).has_value());
  CHECK(BatchLedger::open(dir.file("files"), "legacy", 0).value().next_number() == 23);
}

TEST_CASE("file ledger: one that cannot be used is an error that names the file, and nothing is forgotten") {
  testing::TempDir dir;
  std::filesystem::create_directories(dir.file("files"));
  std::ofstream(dir.file("files/legacy.db"))
      << "this is no database, and long enough to be seen as such......"
         "......................................................";
  const auto opened = BatchLedger::open(dir.file("files"), "legacy");
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().detail.find("legacy.db") != std::string::npos);
}
