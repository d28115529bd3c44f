#include "outbox/journal/events.h"

#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

std::vector<std::int64_t> sequences(const EventPage& page) {
  std::vector<std::int64_t> out;
  for (const auto& event : page.events) out.push_back(event.sequence.value);
  return out;
}

}  // namespace

TEST_CASE("events: outcomes and decisions about documents, in order, with what the document has come to") {
  JournalBench bench;
  bench.route();
  const auto a = bench.append(sale_post("A1")).sequence;
  bench.record(outcome_fact(a, "erp", OutcomeKind::kRejected));
  DecisionFact discard{DecisionFact::Kind::kDiscard, DeliveryKey{a, "erp"}, "", "training", "anna"};
  REQUIRE(bench.alone([&](Journal& j) { return j.decide(discard); }).has_value());
  DecisionFact pause{DecisionFact::Kind::kPause, {}, "erp", "", "anna"};  // about no document
  REQUIRE(bench.alone([&](Journal& j) { return j.decide(pause); }).has_value());
  bench.record(outcome_fact(a, "crm", OutcomeKind::kDelivered));
  auto reader = bench.reader();
  const auto page = read_events(*reader, Sequence{}, 100, 100).value();
  REQUIRE(page.events.size() == 3);
  CHECK(!page.more);
  CHECK(page.through == reader->head()->sequence);
  for (const auto& event : page.events) {
    CHECK(event.document_id == "A1");
    CHECK(event.terminal == "T1");
    CHECK(event.status == DocumentStatus::kDiscarded);  // as of now
    CHECK(event.recorded_at == bench.clock.utc);
  }
  CHECK(std::get<OutcomeFact>(page.events[0].fact).outcome.kind == OutcomeKind::kRejected);
  CHECK(std::get<DecisionFact>(page.events[1].fact).kind == DecisionFact::Kind::kDiscard);
  CHECK(std::get<OutcomeFact>(page.events[2].fact).outcome.central_reference == "C-2");
  CHECK(sequences(read_events(*reader, page.events[0].sequence, 100, 100).value()) ==
        std::vector{page.events[1].sequence.value, page.events[2].sequence.value});
}

TEST_CASE("events: a page is bounded by events and by records, and the pages miss and repeat nothing") {
  JournalBench bench;
  bench.route();
  std::vector<std::int64_t> expected;
  for (int i = 0; i < 20; ++i) {
    const auto sequence = bench.append(sale_post("A" + std::to_string(i))).sequence;
    if (i % 7 < 3) continue;  // runs of documents without an outcome
    bench.deliver(sequence);
    const auto head = bench.journal->head().sequence.value;
    expected.insert(expected.end(), {head - 1, head});
  }
  auto reader = bench.reader();
  for (const std::size_t events_max : {1, 2, 3, 100}) {
    for (const std::size_t records_max : {1, 2, 5, 1000}) {
      CAPTURE(events_max);
      CAPTURE(records_max);
      std::vector<std::int64_t> found;
      Sequence place;
      for (int pages = 0; pages < 1000; ++pages) {
        const auto page = read_events(*reader, place, events_max, records_max).value();
        CHECK(page.events.size() <= events_max);
        CHECK(page.through.value - place.value <= static_cast<std::int64_t>(records_max));
        const auto part = sequences(page);
        found.insert(found.end(), part.begin(), part.end());
        if (!page.more) break;
        REQUIRE(page.through > place);
        place = page.through;
      }
      CHECK(found == expected);
    }
  }
}

TEST_CASE("events: behind the head there is nothing, and a place behind it stays as it is") {
  JournalBench bench;
  bench.route();
  bench.deliver(bench.append(sale_post("A1")).sequence);
  auto reader = bench.reader();
  const auto head = reader->head()->sequence;
  const auto page = read_events(*reader, head, 10, 10).value();
  CHECK(page.events.empty());
  CHECK(!page.more);
  CHECK(page.through == head);
}
