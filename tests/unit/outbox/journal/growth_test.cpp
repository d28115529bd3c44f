// What is asked with every status must cost the same at any size of journal: counted in steps of SQLite's
// virtual machine, which no busy machine changes.
#include <sqlite3.h>

#include "outbox/journal/reader_impl.h"
#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

constexpr int kStepsPerCall = 10;

/// Steps that `call` makes on the reader's connection, in tens.
template <class Call>
int steps_of(JournalReader& reader, Call call) {
  int counted = 0;
  auto* const handle = reader.impl().database.handle();
  sqlite3_progress_handler(
      handle, kStepsPerCall,
      [](void* counter) {
        ++*static_cast<int*>(counter);
        return 0;
      },
      &counted);
  call();
  sqlite3_progress_handler(handle, 0, nullptr, nullptr);
  return counted * kStepsPerCall;
}

/// `documents` documents on both targets, all delivered but the last ones: one quarantined, one retrying, one
/// new.
struct Shop {
  explicit Shop(int documents) {
    bench.route();
    REQUIRE(bench.journal->begin().has_value());
    for (int i = 0; i < documents; ++i) {
      auto answer = bench.journal->append(sale_post("S-" + std::to_string(i)));
      REQUIRE(answer.has_value());
      last = answer->sequence;
      for (const char* target : {"erp", "crm"})
        REQUIRE(bench.journal->record(outcome_fact(last, target, OutcomeKind::kDelivered)).has_value());
    }
    for (const char* target : {"erp", "crm"}) REQUIRE(bench.journal->save_frontier(target, last).has_value());
    // A lane of a target that the settings no longer name: nothing is owed to it, and nobody moves it on.
    REQUIRE(bench.journal->save_frontier("gone", Sequence{1}).has_value());
    REQUIRE(bench.journal->commit().has_value());
    quarantined = bench.append(sale_post("Q")).sequence;
    retrying = bench.append(sale_post("R")).sequence;
    bench.append(sale_post("N"));
    bench.record(outcome_fact(quarantined, "crm", OutcomeKind::kDelivered));
    bench.record(outcome_fact(quarantined, "erp", OutcomeKind::kRejected));
    bench.record(outcome_fact(retrying, "erp", OutcomeKind::kRetryable));
  }
  JournalBench bench;
  Sequence last, quarantined, retrying;
};

}  // namespace

TEST_CASE("journal reader: status, quarantine and explain cost the same at any size of journal") {
  int steps[2] = {};
  int place = 0;
  for (const int documents : {50, 2'000}) {
    const Shop shop(documents);
    auto reader = shop.bench.reader();
    const int counted = steps_of(*reader, [&] {
      auto oldest = reader->oldest_open();
      REQUIRE(oldest.has_value());
      REQUIRE(oldest->has_value());
      CHECK((*oldest)->document.id == "R");
      auto quarantine = reader->quarantine(10);
      REQUIRE(quarantine.has_value());
      CHECK(quarantine->size() == 1);
      REQUIRE(reader->counts().has_value());
      REQUIRE(reader->find("S-7").has_value());
      REQUIRE(reader->history(shop.last).has_value());
      REQUIRE(reader->deliveries(shop.last).has_value());
    });
    steps[place++] = counted;
  }
  CAPTURE(steps[0]);
  CHECK(steps[1] <= steps[0] + kStepsPerCall);
}
