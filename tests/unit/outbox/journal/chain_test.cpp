#include "outbox/journal/chain.h"

#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

/// Ten documents (sequences 2 to 11, behind the routes), the first delivered (12, 13).
JournalBench& filled(JournalBench& bench) {
  bench.route();
  for (int i = 0; i < 10; ++i) bench.append(sale_post("A" + std::to_string(i)));
  bench.deliver(Sequence{2});
  return bench;
}

void check_broken_at(const JournalBench& bench, std::int64_t sequence) {
  const auto verification = bench.verify();
  CHECK(!verification.whole);
  REQUIRE(verification.first_bad.has_value());
  CHECK(verification.first_bad->value == sequence);
  CHECK(!verification.reason.empty());
}

}  // namespace

TEST_CASE("chain: an untouched journal verifies to its head") {
  JournalBench bench;
  filled(bench);
  const auto verification = bench.verify();
  CHECK(verification.whole);
  CHECK(verification.records == 13);
  CHECK(verification.head.sequence == Sequence{13});
  CHECK(verification.head.hash == bench.journal->head().hash);
}

TEST_CASE("chain: (I7) a changed body, time, kind or subject is found at its sequence") {
  for (const char* sql :
       {"UPDATE record SET body = substr(body, 1, length(body) - 1) || x'00' WHERE sequence = 5",
        "UPDATE record SET recorded_at = recorded_at + 1 WHERE sequence = 5",
        "UPDATE record SET kind = 2 WHERE sequence = 5", "UPDATE record SET document = 2 WHERE sequence = 5",
        "UPDATE record SET hash = zeroblob(32) WHERE sequence = 5"}) {
    JournalBench bench;
    filled(bench).tamper(sql);
    INFO(sql);
    check_broken_at(bench, 5);
  }
}

TEST_CASE("chain: (I7) columns beside the body cannot be changed unseen either") {
  for (const char* sql : {"UPDATE record SET id = 'forged' WHERE sequence = 5",
                          "UPDATE record SET business_day = business_day + 1 WHERE sequence = 5",
                          "UPDATE record SET type = 2 WHERE sequence = 5"}) {
    JournalBench bench;
    filled(bench).tamper(sql);
    INFO(sql);
    check_broken_at(bench, 5);
  }
}

TEST_CASE("chain: (I7) a missing record is found, in the middle and at the end") {
  JournalBench bench;
  filled(bench).tamper("DELETE FROM record WHERE sequence = 7");
  check_broken_at(bench, 7);
  JournalBench tail;
  filled(tail).tamper("DELETE FROM record WHERE sequence = 13");
  check_broken_at(tail, 13);
  // A journal that has lost its end is not silently used.
  CHECK(Journal::open(JournalOptions{tail.folder(), ""}, tail.clock).error().code == "head-differs");
}

TEST_CASE("chain: (I7) two records that change places are found at the first of them") {
  JournalBench bench;
  filled(bench).tamper(
      "UPDATE record SET id = NULL WHERE sequence IN (4, 6); UPDATE record SET sequence = 100 WHERE sequence "
      "= 4;"
      "UPDATE record SET sequence = 4 WHERE sequence = 6; UPDATE record SET sequence = 6 WHERE sequence = "
      "100;");
  check_broken_at(bench, 4);
}

TEST_CASE("chain: (I7) a gap that retention did not make is found, even where the gap table was forged") {
  JournalBench bench;
  filled(bench).tamper(
      "INSERT INTO gap SELECT 5, 6, hash FROM record WHERE sequence = 6; DELETE FROM record WHERE sequence "
      "IN (5, 6)");
  check_broken_at(bench, 5);
}

TEST_CASE("chain: the quick check sees the end of the journal, and no further") {
  JournalBench bench;
  filled(bench);
  CHECK(verify_journal_end(*bench.reader(), 4)->records == 4);
  CHECK(verify_journal_end(*bench.reader(), 1'000)->records == 13);
  bench.tamper("UPDATE record SET recorded_at = recorded_at + 1 WHERE sequence = 5");
  CHECK(verify_journal_end(*bench.reader(), 4)->whole);
  CHECK(!verify_journal_end(*bench.reader(), 9)->whole);
  JournalBench tail;
  filled(tail).tamper("DELETE FROM record WHERE sequence = 13");
  CHECK(!verify_journal_end(*tail.reader(), 4)->whole);
}

TEST_CASE("chain: the hash of known bytes is what it always was") {
  const auto hash = chain_hash(Sha256Digest{}, Sequence{1}, RecordKind::kOutcome,
                               UtcTime(std::chrono::microseconds(2)), Sequence{3}, "body");
  std::string bytes(32, '\0');
  for (const char value : {1, 2, 2, 3}) {
    bytes += std::string(7, '\0');
    bytes += value;
  }
  CHECK(hash == sha256(bytes + "body"));
}
