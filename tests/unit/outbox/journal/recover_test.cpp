// Recovery from damage: what the chain proves is carried over, what is lost is told, nothing is sent blindly.
#include "outbox/journal/recover.h"

#include <filesystem>
#include <fstream>
#include <set>

#include "outbox/journal/journal_backlog.h"
#include "tests/unit/outbox/journal/everything.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Some hundred documents over many pages, every third delivered to erp, one large enough for overflow pages.
struct DamageBench : JournalBench {
  DamageBench() {
    route();
    REQUIRE(journal->begin().has_value());
    for (int i = 0; i < kDocuments; ++i) {
      const auto sequence = journal->append(big_post(i))->sequence;
      if (i % 3 == 0)
        REQUIRE(journal->record(outcome_fact(sequence, "erp", OutcomeKind::kDelivered)).has_value());
      if (i % 50 == 7)
        REQUIRE(journal->record(outcome_fact(sequence, "crm", OutcomeKind::kRejected)).has_value());
    }
    REQUIRE(journal->commit().has_value());
    pause(*this, "crm", DecisionFact::Kind::kPause);
    head = journal->head();
    close();
  }
  static Document big_document(int i) {
    auto document = sale_document("D" + std::to_string(i), "2.50", "2026-11-2" + std::to_string(i % 9));
    document.extensions = "{\"note\":\"" + std::string(i % 97 == 5 ? 20'000 : 120, 'n') + "\"}";
    return document;
  }
  static DocumentPost big_post(int i) {
    return make_post(big_document(i), {"", "", i % 10 == 0 ? "key-" + std::to_string(i) : ""});
  }
  /// All of it in the database file.
  void close() {
    if (journal) REQUIRE(journal->checkpoint(true).has_value());
    journal.reset();
  }
  std::string file() const { return folder() + "/journal.db"; }
  void write(std::size_t at, const std::string& bytes) const {
    std::fstream out(file(), std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(at));
    out << bytes;
    REQUIRE(out.flush().good());
  }
  std::size_t size() const { return fs::file_size(file()); }

  Result<Recovery> try_recover(const std::string& into = {}) const {
    return recover_journal(RecoverOptions{folder(), into, "the disk failed", "Ann"}, clock);
  }
  Recovery recover() const {
    auto recovery = try_recover();
    REQUIRE_MESSAGE(recovery.has_value(), (recovery ? std::string() : recovery.error().detail));
    return *recovery;
  }
  std::int64_t lost(const Recovery& recovery) const {
    std::int64_t count = 0;
    for (const auto& range : recovery.lost) count += range.through.value - range.from.value + 1;
    return count;
  }
  /// What every recovery owes: a journal that verifies and tells of the loss, every record of it as it was,
  /// and work that goes on.
  void check_sound(const Recovery& recovery) {
    const auto verification = verify();
    CHECK_MESSAGE(verification.whole, verification.reason);
    CHECK(verification.lost_records() == lost(recovery));
    REQUIRE(verification.recovered.size() == 1);
    CHECK(verification.recovered[0].reason == "the disk failed");
    CHECK(verification.recovered[0].by == "Ann");
    CHECK(verification.records >= recovery.carried + 1);  // its own; and a pause whose record is lost
    CHECK(verification.records <= recovery.carried + 2);
    reopen();
    std::int64_t documents = 0;
    auto own = reader();
    REQUIRE(journal->begin().has_value());
    for (int i = 0; i < kDocuments; ++i) {
      const auto stored = own->find("D" + std::to_string(i));
      REQUIRE(stored.has_value());
      if (!*stored) continue;
      ++documents;
      CHECK((*stored)->document == big_document(i));
      CHECK((*stored)->meta == big_post(i).meta);
      CHECK(journal->append(big_post(i))->kind == PostAnswer::Kind::kReplayed);
    }
    REQUIRE(journal->commit().has_value());
    CHECK(documents == recovery.documents - more_documents);
    const bool routes_lost = !recovery.lost.empty() && recovery.lost.front().from.value == 1;
    for (const std::string target : {"erp", "crm"}) {
      const auto lane = journal->lane(target);
      REQUIRE(lane.has_value());
      if (routes_lost && target == "erp") continue;     // without a plan nothing is owed to it, nor sent
      CHECK(lane->reserved == recovery.head.sequence);  // (I3) what is not settled is looked up first
      CHECK(lane->paused == (target == "crm"));
    }
    CHECK(append(sale_post("NEW")).kind == PostAnswer::Kind::kJournaled);
    CHECK(verify().whole);
  }

  static constexpr int kDocuments = 600;
  std::int64_t more_documents = 0;
  JournalHead head;
};

}  // namespace

TEST_CASE("recovery: a whole journal is left as it is") {
  DamageBench bench;
  const auto before = bytes_of(bench.file());
  const auto recovery = bench.recover();
  CHECK(!recovery.needed);
  CHECK(bytes_of(bench.file()) == before);
  CHECK(bench.try_recover(bench.dir.path().string() + "/into")->needed == false);
}

TEST_CASE("recovery: one flipped bit in a body loses that record alone") {
  DamageBench bench;
  const auto text = bytes_of(bench.file());
  const auto at = text.find("D300");
  REQUIRE(at != std::string::npos);
  bench.write(at + 8, std::string(1, static_cast<char>(text[at + 8] ^ 1)));
  const auto recovery = bench.recover();
  CHECK(bench.lost(recovery) == 1);
  CHECK(!recovery.end_unknown);
  CHECK(recovery.carried == bench.head.sequence.value - 1);
  bench.check_sound(recovery);
  CHECK(bench.append(DamageBench::big_post(300)).kind ==
        PostAnswer::Kind::kJournaled);  // it can be posted again
}

TEST_CASE("recovery: derived tables that differ are made anew, and no record is lost") {
  DamageBench bench;
  bench.tamper(
      "DELETE FROM delivery; UPDATE counter SET value = 3; DELETE FROM day; UPDATE lane SET paused = 0");
  REQUIRE(bench.verify().derived_differ);
  const auto recovery = bench.recover();
  CHECK(recovery.lost.empty());
  CHECK(recovery.documents == DamageBench::kDocuments);
  bench.check_sound(recovery);
  CHECK(bench.journal->counts().targets.at("erp").delivered == 200);
  CHECK(bench.journal->counts().targets.at("crm").quarantined == 12);
}

TEST_CASE("recovery: pages overwritten in the middle lose what was on them, and nothing else") {
  for (const std::size_t pages : {1, 3}) {
    DamageBench bench;
    bench.write(bench.size() / 2 / kPage * kPage, std::string(pages * kPage, '\xa5'));
    REQUIRE(!bench.try_recover(bench.dir.path().string() + "/into")->lost.empty());
    const auto recovery = bench.recover();
    CHECK(bench.lost(recovery) > 0);
    CHECK(bench.lost(recovery) < 150);
    CHECK(recovery.documents > DamageBench::kDocuments - 100);
    bench.check_sound(recovery);
  }
}

TEST_CASE("recovery: any one page may be gone, also the root of the records and the schema itself") {
  DamageBench whole;
  const auto pages = whole.size() / kPage;
  REQUIRE(pages > 60);
  std::int64_t most_lost = 0;
  for (std::size_t page = 0; page < pages; page += page < 16 ? 1 : 7) {
    DamageBench bench;
    INFO(page);
    bench.write(page * kPage, std::string(kPage, '\xa5'));
    const auto recovery = bench.recover();
    if (!recovery.needed) continue;  // a page that held nothing
    most_lost = std::max(most_lost, bench.lost(recovery));
    CHECK(bench.lost(recovery) < 60);
    bench.check_sound(recovery);
  }
  CHECK(most_lost > 0);
}

TEST_CASE("recovery: a zeroed header costs nothing but the certainty where the journal ended") {
  DamageBench bench;
  bench.write(0, std::string(100, '\0'));
  CHECK(!Journal::open(JournalOptions{bench.folder(), ""}, bench.clock).has_value());
  const auto recovery = bench.recover();
  CHECK(recovery.lost.empty());
  CHECK(recovery.end_unknown);
  CHECK(recovery.carried == bench.head.sequence.value);
  bench.check_sound(recovery);
}

TEST_CASE("recovery: a truncated file keeps its front, and the rest is told as lost") {
  DamageBench bench;
  const auto half = bench.size() / 2 / kPage * kPage;
  fs::resize_file(bench.file(), half + 100);
  const auto recovery = bench.recover();
  CHECK(bench.lost(recovery) > 100);
  CHECK(recovery.documents > 200);
  CHECK(recovery.head.sequence.value == bench.head.sequence.value + 2);  // no sequence is used twice
  bench.check_sound(recovery);
}

TEST_CASE("recovery: what stands only in the log is carried over too") {
  DamageBench bench;
  bench.reopen();
  for (int i = 0; i < 40; ++i) bench.append(sale_post("LOG" + std::to_string(i)));
  // The process dies: the log stays. A copy of it, since this one will be checkpointed.
  const auto database = bytes_of(bench.file());
  const auto log = bytes_of(bench.file() + "-wal");
  REQUIRE(log.size() > 40 * kPage);
  bench.journal.reset();
  std::ofstream(bench.file(), std::ios::binary) << database;
  std::ofstream(bench.file() + "-wal", std::ios::binary) << log;
  SUBCASE("under a damaged page") {
    bench.write(bench.size() / 2 / kPage * kPage, std::string(kPage, 'x'));
  }
  SUBCASE("under a zeroed header") {
    bench.write(0, std::string(100, '\0'));
  }
  bench.more_documents = 40;
  const auto recovery = bench.recover();
  // The log may hold the first page too: then SQLite never misses it.
  if (recovery.needed) bench.check_sound(recovery);
  for (int i = 0; i < 40; ++i) CHECK(bench.reader()->find("LOG" + std::to_string(i))->has_value());
}

TEST_CASE(
    "recovery: the damaged files are set aside as they were, and a second damage is recovered from too") {
  DamageBench bench;
  bench.write(bench.size() / 2 / kPage * kPage, std::string(kPage, 'x'));
  const auto damaged = bytes_of(bench.file());
  const auto first = bench.recover();
  CHECK(bytes_of(first.aside + "/journal.db") == damaged);
  CHECK(first.aside.starts_with(bench.folder() + "/damaged-2026"));
  CHECK(!fs::exists(bench.folder() + "/recovering"));
  CHECK(!fs::exists(bench.folder() + "/recovered.partial"));
  bench.reopen();
  bench.append(sale_post("BETWEEN"));
  bench.close();
  bench.write(bench.size() / 4 / kPage * kPage, std::string(kPage, 'x'));
  const auto second = bench.recover();
  CHECK(second.aside != first.aside);
  CHECK(bench.lost(second) > 0);
  const auto verification = bench.verify();
  CHECK_MESSAGE(verification.whole, verification.reason);
  CHECK(verification.recovered.size() == 2);
  CHECK(verification.lost_records() == bench.lost(first) + bench.lost(second));
}

TEST_CASE("recovery: interrupted while it swaps, the next call ends it") {
  for (const int step : {1, 2, 3}) {
    DamageBench bench;
    bench.write(bench.size() / 2 / kPage * kPage, std::string(kPage, 'x'));
    const auto damaged = bytes_of(bench.file());
    const auto into = bench.folder() + "/recovered.partial";
    REQUIRE(bench.try_recover(into).has_value());
    fs::create_directory(bench.folder() + "/damaged-1");
    std::ofstream(bench.folder() + "/recovering") << "damaged-1\n";
    if (step >= 2) fs::rename(bench.file(), bench.folder() + "/damaged-1/journal.db");
    if (step >= 3) fs::rename(into + "/journal.db", bench.file());
    INFO(step);
    const auto recovery = bench.recover();
    CHECK(recovery.finished_earlier);
    CHECK(bytes_of(bench.folder() + "/damaged-1/journal.db") == damaged);
    CHECK(bench.verify().whole);
    CHECK(!fs::exists(bench.folder() + "/recovering"));
    CHECK(!bench.recover().needed);
  }
}

TEST_CASE("recovery: over what retention removed, only what it did not remove counts as lost") {
  JournalBench bench;
  bench.route();
  const auto first = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  for (int i = 0; i < 60; ++i) {
    bench.clock.utc = first + std::chrono::days(i);
    const auto day = BusinessDay{first + std::chrono::days(i)}.text();
    const auto sequence = bench.append(sale_post("A" + std::to_string(i), "1", day)).sequence;
    if (i != 4) bench.deliver(sequence);
  }
  REQUIRE(bench.alone([](Journal& j) { return j.prune(30, 1'000); })->records > 0);
  bench.tamper("UPDATE record SET body = zeroblob(20) WHERE id IN ('A4', 'A40')");
  auto recovery = recover_journal(RecoverOptions{bench.folder(), "", "r", "b"}, bench.clock);
  REQUIRE_MESSAGE(recovery.has_value(), (recovery ? std::string() : recovery.error().detail));
  CHECK(recovery->lost.size() == 2);
  for (const auto& range : recovery->lost) CHECK(range.from == range.through);
  const auto verification = bench.verify();
  CHECK_MESSAGE(verification.whole, verification.reason);
  CHECK(verification.lost_records() == 2);
  bench.reopen();
  bench.clock.utc += std::chrono::days(1);
  REQUIRE(bench.alone([](Journal& j) { return j.prune(29, 1'000); })->records > 0);  // gaps join the lost
  CHECK(bench.verify().whole);
}

TEST_CASE("recovery: of a file with nothing in it nothing is made, and nothing is moved") {
  DamageBench bench;
  std::ofstream(bench.file(), std::ios::binary) << std::string(20 * kPage, 'x');
  const auto recovery = bench.try_recover();
  REQUIRE(!recovery.has_value());
  CHECK(recovery.error().code == "nothing-readable");
  CHECK(bytes_of(bench.file()) == std::string(20 * kPage, 'x'));
  CHECK(!fs::exists(bench.folder() + "/recovered.partial"));
}

TEST_CASE("journal: damage that shows while it is used is told once, and nothing is begun any more") {
  DamageBench bench;
  const auto at = bytes_of(bench.file()).find("D300");
  bench.write(at / kPage * kPage, std::string(kPage, '\xa5'));
  std::vector<Error> told;
  auto journal = Journal::open(
      JournalOptions{bench.folder(), "", [&](const Error& error) { told.push_back(error); }}, bench.clock);
  REQUIRE(journal.has_value());
  REQUIRE((*journal)->begin().has_value());
  CHECK((*journal)->append(sale_post("FINE"))->kind == PostAnswer::Kind::kJournaled);
  REQUIRE((*journal)->commit().has_value());
  REQUIRE((*journal)->begin().has_value());
  CHECK((*journal)->append(DamageBench::big_post(300)).error().kind == ErrorKind::kCorrupt);
  (*journal)->rollback();
  REQUIRE(told.size() == 1);
  CHECK((*journal)->begin().error().code == "journal-damaged");
  CHECK(told.size() == 1);
}
