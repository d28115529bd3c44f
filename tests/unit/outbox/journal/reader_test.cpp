#include "outbox/journal/reader.h"

#include <atomic>
#include <thread>

#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

TEST_CASE("reader: each call that meets damage tells of it, and only those do") {
  JournalBench bench;
  bench.route();
  const auto a = bench.append(sale_post("A1")).sequence;
  const auto b = bench.append(sale_post("B1")).sequence;
  bench.tamper("UPDATE record SET body = x'00' WHERE sequence = " + std::to_string(b.value));
  std::vector<Error> told;
  auto opened = JournalReader::open(bench.folder(), "", [&](const Error& error) { told.push_back(error); });
  REQUIRE(opened.has_value());
  auto& reader = **opened;
  CHECK(reader.find("A1").has_value());
  CHECK(reader.deliveries(a).has_value());
  CHECK(reader.head().has_value());
  CHECK(!reader.status(Sequence{99}).has_value());  // there is none; that is no damage
  CHECK(told.empty());
  const auto tells = [&](const auto& result) {
    CHECK(!result.has_value());
    REQUIRE(!told.empty());
    for (const auto& error : told) CHECK(error.kind == ErrorKind::kCorrupt);
    told.clear();
  };
  tells(reader.find("B1"));
  tells(reader.load(b));
  tells(reader.load_version(DeliveryKey{b, "erp"}));
  tells(reader.deliveries(b));
  tells(reader.status(b));
  const auto day = BusinessDay::parse("2026-11-23").value();
  tells(reader.for_each_document(day, day, [](const DayDocument&) { return true; }));
  // What a caller finds in the bytes of a record.
  CHECK(reader.records(Sequence{}, 10).has_value());
  CHECK(told.empty());
  tells(reader.noted(Result<int>(Error{ErrorKind::kCorrupt, "record-corrupt", "found by the caller"})));
  CHECK(!reader.noted(Result<int>(Error{ErrorKind::kNotFound, "none", ""})).has_value());
  CHECK(told.empty());
}

TEST_CASE("reader: what retention takes away meanwhile is gone, and not damage") {
  JournalBench bench;
  bench.route();
  std::atomic<std::int64_t> latest{0};
  std::atomic<bool> stop{false};
  std::atomic<int> damaged{0};
  std::int64_t asked = 0;
  std::thread asking([&] {
    auto reader = bench.reader();
    while (!stop) {
      const Sequence document{latest.load()};
      const auto views = reader->deliveries(document);
      if (!views && views.error().kind == ErrorKind::kCorrupt) ++damaged;
      const auto version = reader->load_version(DeliveryKey{document, "erp"});
      if (!version && version.error().kind == ErrorKind::kCorrupt) ++damaged;
      ++asked;
    }
  });
  for (int i = 0; i < 300; ++i) {
    const auto day = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) + std::chrono::days(2 * i);
    bench.clock.utc = day;
    const auto sequence =
        bench.append(sale_post("A" + std::to_string(i), "2.50", BusinessDay{day}.text())).sequence;
    bench.record(outcome_fact(sequence, "erp", OutcomeKind::kRejected));
    DecisionFact amend;
    amend.kind = DecisionFact::Kind::kAmend;
    amend.delivery = DeliveryKey{sequence, "erp"};
    amend.reason = "price";
    amend.by = "Ann";
    amend.amended = sale_document("A" + std::to_string(i), "3.50", BusinessDay{day}.text());
    REQUIRE(bench.alone([&](Journal& j) { return j.decide(amend); }).has_value());
    bench.record(outcome_fact(sequence, "erp", OutcomeKind::kDelivered, 2));
    bench.record(outcome_fact(sequence, "crm", OutcomeKind::kDelivered));
    latest = sequence.value;
    REQUIRE(bench.alone([&](Journal& j) { return j.prune(1, 1'000); }).has_value());
  }
  stop = true;
  asking.join();
  CHECK(asked > 0);
  CHECK(damaged == 0);
}
