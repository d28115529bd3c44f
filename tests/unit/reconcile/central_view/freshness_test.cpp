// Reconcile on a real journal: which days are read, when they are fresh, and the report that comes of it.
#include "reconcile/central_view/freshness.h"

#include <filesystem>

#include "outbox/journal/journal.h"
#include "platform/sqlite/database.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/reconcile/store.h"

namespace tillsync {
namespace {

using namespace testing;

struct RealWorld {
  TempDir dir;
  ManualClock clock;
  std::unique_ptr<Journal> journal = *Journal::open(JournalOptions{dir.path().string(), ""}, clock);
  std::unique_ptr<JournalReader> reader;
  std::unique_ptr<CentralView> view = *CentralView::open(dir.path().string(), CentralView::Mode::kReadWrite);
  FakeCentral central;
  std::atomic<bool> stop{false};

  RealWorld() {
    Routes routes;
    for (const DocumentType type : kDocumentTypes) routes.steps[type] = {RouteStep{"erp", "erp", {}}};
    transact([&] { REQUIRE(journal->set_routes(routes)); });
    reader = *JournalReader::open(dir.path().string());
  }
  template <class Work>
  void transact(Work work) {
    REQUIRE(journal->begin());
    work();
    REQUIRE(journal->commit());
  }
  Sequence post(const Document& document) {
    Sequence sequence;
    transact([&] {
      auto answer = journal->append(make_post(document, {}));
      REQUIRE(answer);
      REQUIRE(answer->kind == PostAnswer::Kind::kJournaled);
      sequence = answer->sequence;
    });
    return sequence;
  }
  void outcome(Sequence document, OutcomeKind kind, const std::string& words = "") {
    OutcomeFact fact;
    fact.delivery = DeliveryKey{document, "erp"};
    fact.target = "erp";
    fact.outcome.kind = kind;
    (kind == OutcomeKind::kDelivered ? fact.outcome.central_reference : fact.outcome.reason) = words;
    transact([&] { REQUIRE(journal->record(fact)); });
  }
  /// Posted, delivered, taken.
  Sequence trade(const Document& document) {
    const Sequence sequence = post(document);
    outcome(sequence, OutcomeKind::kDelivered, "C-" + document.id);
    central.rows.push_back(honest_row(document, "erp"));
    return sequence;
  }
  void read_back(const std::string& on) {
    ReadBack read(*view, store(), clock);
    REQUIRE(read_back_day(*reader, read, central, "erp", day(on), day(on),
                          {stop, clock.steady + std::chrono::seconds(9)}));
  }
  std::vector<std::string> to_read() {
    std::vector<std::string> days;
    auto found = days_to_read(*reader, *view, "erp");
    REQUIRE(found);
    for (const BusinessDay one : *found) days.push_back(one.text());
    return days;
  }
  Report report(const std::string& from = kDay, const std::string& to = kDay) {
    auto built = build_report(*reader, *view, ReportQuery{"0417", {"erp"}, day(from), day(to), clock.utc});
    REQUIRE(built);
    return *std::move(built);
  }
};

using Days = std::vector<std::string>;

TEST_CASE("freshness: a day is to be read after each delivery for it, and not without") {
  RealWorld world;
  CHECK(world.to_read().empty());
  const Sequence waiting = world.post(sale("S1"));
  CHECK(world.to_read().empty());
  world.outcome(waiting, OutcomeKind::kDelivered, "C-S1");
  CHECK(world.to_read() == Days{kDay});
  CHECK_FALSE(*is_fresh(*world.reader, *world.view, "erp", day(kDay), day(kDay)));
  world.read_back(kDay);
  CHECK(world.to_read().empty());
  CHECK(*is_fresh(*world.reader, *world.view, "erp", day(kDay), day(kDay)));
  CHECK(world.view->watermark("erp")->value == world.reader->head()->sequence.value);
  world.trade(sale("S2", "1.00", "", "T1", "2026-11-20"));
  world.trade(sale("S3"));
  CHECK(world.to_read() == Days{"2026-11-20", kDay});
  world.read_back(kDay);
  CHECK(world.to_read() == Days{"2026-11-20"});
}

TEST_CASE("freshness: a day with documents that was never read back is stale, though nothing was delivered") {
  RealWorld world;
  world.post(sale("S1"));
  CHECK(stale_days(*world.reader, *world.view, "erp", day("2026-11-01"), day("2026-11-30"))->size() == 1);
  CHECK(stale_days(*world.reader, *world.view, "erp", day("2026-11-01"), day("2026-11-22"))->empty());
  world.read_back(kDay);
  CHECK(*is_fresh(*world.reader, *world.view, "erp", day("2026-11-01"), day("2026-11-30")));
}

TEST_CASE("freshness: a lost view is read back again, whole") {
  RealWorld world;
  world.trade(sale("S1"));
  world.read_back(kDay);
  CHECK(world.to_read().empty());
  world.view.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(world.dir.file(std::string(CentralView::kFileName) + suffix));
  }
  world.view = *CentralView::open(world.dir.path().string(), CentralView::Mode::kReadWrite);
  CHECK(world.to_read() == Days{kDay});
}

TEST_CASE("report on a real journal: matched, missing, different, quarantined and pending, each once") {
  RealWorld world;
  world.trade(sale("S1", "2.50"));
  world.trade(sale("S2", "4.00"));
  world.central.rows.pop_back();
  world.trade(sale("S3", "8.00"));
  set_at(world.central.rows.back().document, "/lines/0/sku", "OTHER");
  world.outcome(world.post(sale("Q1", "16.00")), OutcomeKind::kRejected, "unknown SKU");
  world.outcome(world.post(sale("P1", "32.00")), OutcomeKind::kRetryable, "busy");
  world.read_back(kDay);
  const Report report = world.report();
  const TargetFindings& found = report.targets[0].findings;
  CHECK(found.matched == 1);
  REQUIRE(found.missing.size() == 1);
  CHECK(found.missing[0].id == "S2");
  REQUIRE(found.different.size() == 1);
  CHECK(found.different[0].member == "/lines/0/sku");
  CHECK(found.different[0].central == json::Value("OTHER"));
  REQUIRE(found.quarantined.size() == 1);
  CHECK(found.quarantined[0].reason == "unknown SKU");
  REQUIRE(found.pending.size() == 1);
  CHECK(found.pending[0].reason == "busy");
  CHECK(found.unexpected.empty());
  CHECK(totals_text(found.journal_total) == R"({"GBP":"62.50"})");
  CHECK(report.head.sequence == world.reader->head()->sequence);
  CHECK_FALSE(report.balanced());
}

TEST_CASE(
    "report on a real journal: an amended delivery is compared with what it sent; a late one is "
    "unconfirmed") {
  RealWorld world;
  const Sequence rejected = world.post(sale("S1", "2.50"));
  world.outcome(rejected, OutcomeKind::kRejected, "no such price");
  DecisionFact amend;
  amend.kind = DecisionFact::Kind::kAmend;
  amend.delivery = DeliveryKey{rejected, "erp"};
  amend.target = "erp";
  amend.reason = "price typed wrong";
  amend.by = "ops";
  amend.amended = sale("S1", "3.00");
  world.transact([&] { REQUIRE(world.journal->decide(amend)); });
  world.read_back(kDay);
  world.outcome(rejected, OutcomeKind::kDelivered, "C-S1");
  CHECK(world.report().targets[0].findings.unconfirmed == 1);
  CHECK(world.report().targets[0].findings.missing.empty());
  world.central.rows.push_back(honest_row(sale("S1", "3.00"), "erp"));
  world.read_back(kDay);
  const Report report = world.report();
  CHECK(report.targets[0].findings.matched == 1);
  CHECK(totals_text(report.targets[0].findings.journal_total) == R"({"GBP":"3.00"})");
  CHECK(report.balanced());
}

TEST_CASE("report on a real journal: it can be made from a read-only view, as the command line does") {
  RealWorld world;
  world.trade(sale("S1"));
  world.read_back(kDay);
  auto view = *CentralView::open(world.dir.path().string(), CentralView::Mode::kReadOnly);
  auto report = build_report(*world.reader, *view, ReportQuery{"0417", {"erp"}, day(kDay), day(kDay), {}});
  REQUIRE(report);
  CHECK(report->balanced());
  CHECK(*days_to_read(*world.reader, *view, "erp") == std::vector<BusinessDay>{});
}

TEST_CASE("freshness: a backup that was brought back is told from the journal that the view belongs to") {
  RealWorld world;
  CHECK(*is_of_journal(*world.reader, *world.view));  // it knows nothing yet
  REQUIRE(remember_journal(*world.reader, *world.view));
  world.trade(sale("S1"));
  const std::string backup = world.dir.file("backup");
  std::filesystem::create_directory(backup);
  REQUIRE(sqlite::Database::open(world.dir.file("journal.db"), sqlite::OpenMode::kReadOnly)
              ->execute(("VACUUM INTO '" + backup + "/journal.db'").c_str()));
  world.trade(sale("S2"));
  world.read_back(kDay);
  REQUIRE(remember_journal(*world.reader, *world.view));
  world.trade(sale("S3"));
  CHECK(*is_of_journal(*world.reader, *world.view));

  auto restored = *Journal::open(JournalOptions{backup, ""}, world.clock);
  auto reader = *JournalReader::open(backup);
  CHECK_FALSE(*is_of_journal(*reader, *world.view));  // shorter
  for (const char* id : {"T1", "T2", "T3"}) {
    REQUIRE(restored->begin());
    REQUIRE(restored->append(make_post(sale(id), {})));
    REQUIRE(restored->commit());
  }
  CHECK_FALSE(*is_of_journal(*reader, *world.view));  // other records
  REQUIRE(world.view->forget_all());
  CHECK(*is_of_journal(*reader, *world.view));
  CHECK(world.view->marks("erp", day(kDay), day(kDay))->empty());
  std::size_t rows = 0;
  REQUIRE(world.view->for_each_row("erp", day(kDay), [&](const SeenRow&) { ++rows; }));
  CHECK(rows == 0);
}

}  // namespace
}  // namespace tillsync
