#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

/// One sale on each of `days` days, from 2026-01-01 on, posted on that day.
std::vector<Sequence> trade(JournalBench& bench, int days) {
  std::vector<Sequence> sequences;
  const auto first = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  for (int i = 0; i < days; ++i) {
    bench.clock.utc = first + std::chrono::days(i);
    const auto day = BusinessDay{first + std::chrono::days(i)};
    sequences.push_back(
        bench.append(sale_post("A" + std::to_string(i), "1", day.text(), {"", "", "K" + std::to_string(i)}))
            .sequence);
  }
  return sequences;
}

PruneResult prune(JournalBench& bench, std::int64_t keep_days, std::size_t records_max = 1'000) {
  auto result = bench.alone([&](Journal& j) { return j.prune(keep_days, records_max); });
  REQUIRE(result.has_value());
  return *result;
}

bool has(JournalBench& bench, int i) {
  return bench.reader()->find("A" + std::to_string(i))->has_value();
}

}  // namespace

TEST_CASE(
    "retention: settled days beyond the kept ones go, with their facts, and the chain still proves itself") {
  JournalBench bench;
  bench.route();
  for (const auto sequence : trade(bench, 50)) bench.deliver(sequence);
  const auto result = prune(bench, 30);
  CHECK(result.records == 19 * 3);  // days 1 to 19: more than 30 days old by the clock too
  CHECK(!result.more);
  CHECK(!has(bench, 18));
  CHECK(has(bench, 19));
  CHECK(has(bench, 49));
  CHECK(bench.verify().whole);
  CHECK(prune(bench, 30).records == 0);
  bench.reopen();
  CHECK(bench.append(sale_post("NEW")).kind == PostAnswer::Kind::kJournaled);
  CHECK(bench.verify().whole);
}

TEST_CASE("retention: (I2) what is owed or quarantined stays for ever, and so do its facts") {
  JournalBench bench;
  bench.route();
  const auto sequences = trade(bench, 50);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    if (i == 3) {
      bench.record(outcome_fact(sequences[i], "erp", OutcomeKind::kRejected));
    } else if (i == 5) {
      bench.record(outcome_fact(sequences[i], "erp", OutcomeKind::kRetryable));
    } else if (i != 7) {
      bench.deliver(sequences[i]);
    }
  }
  prune(bench, 30);
  for (const int owed : {3, 5, 7}) CHECK(has(bench, owed));
  CHECK(!has(bench, 4));
  CHECK(bench.reader()->history(sequences[3])->size() == 2);
  CHECK(bench.verify().whole);
  // Once settled it goes too, and neighbouring gaps join.
  bench.deliver(sequences[5]);
  bench.deliver(sequences[7]);
  prune(bench, 30);
  CHECK(!has(bench, 5));
  CHECK(has(bench, 3));
  CHECK(bench.verify().whole);
}

TEST_CASE("retention: (I5) a clock that jumps ahead by years expires nothing by itself") {
  JournalBench bench;
  bench.route();
  for (const auto sequence : trade(bench, 10)) bench.deliver(sequence);
  bench.clock.utc += std::chrono::days(3'650);
  CHECK(prune(bench, 30).records == 0);
}

TEST_CASE("retention: (I5) a till with wild dates expires nothing by itself") {
  JournalBench bench;
  bench.route();
  const auto kept = bench.append(sale_post("KEEP")).sequence;
  bench.deliver(kept);
  for (int year = 1970; year < 2060; ++year) {
    bench.deliver(
        bench.append(sale_post("W" + std::to_string(year), "1", std::to_string(year) + "-01-01")).sequence);
  }
  CHECK(prune(bench, 30).records == 0);
}

TEST_CASE("retention: works in bounded steps, and tells when there is more") {
  JournalBench bench;
  bench.route();
  for (const auto sequence : trade(bench, 50)) bench.deliver(sequence);
  const auto first = prune(bench, 30, 10);
  CHECK(first.more);
  CHECK(first.records >= 10);
  CHECK(first.records < 13);
  CHECK(bench.verify().whole);
  while (prune(bench, 30, 10).more) CHECK(bench.verify().whole);
  CHECK(!has(bench, 18));
  CHECK(has(bench, 19));
}

TEST_CASE("retention: a gap's hash that was changed is found") {
  JournalBench bench;
  bench.route();
  for (const auto sequence : trade(bench, 50)) bench.deliver(sequence);
  prune(bench, 30);
  CHECK(bench.verify().whole);
  bench.tamper("UPDATE gap SET last = last - 1");
  CHECK(!bench.verify().whole);
}

TEST_CASE("retention: a key that came with a replay goes with its document, and can be used again") {
  JournalBench bench;
  bench.route();
  const auto sequences = trade(bench, 50);
  const auto day = BusinessDay{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};
  CHECK(bench.append(sale_post("A0", "1", day.text(), {"", "", "replayed"})).kind ==
        PostAnswer::Kind::kReplayed);
  for (const auto sequence : sequences) bench.deliver(sequence);
  prune(bench, 30);
  CHECK(!has(bench, 0));
  CHECK(bench.append(sale_post("NEW", "1", day.text(), {"", "", "replayed"})).kind ==
        PostAnswer::Kind::kJournaled);
  CHECK(bench.verify().whole);
}
