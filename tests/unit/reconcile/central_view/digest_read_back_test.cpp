// A read-back by digests: it finds what a read-back of the whole list finds, for less; and gives way to that
// where digests cannot be relied on.
#include <rapidcheck.h>

#include <set>

#include "reconcile/central_view/digest_descent.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/reconcile/digest_central.h"

namespace tillsync {
namespace {

using namespace testing;

struct World {
  TempDir dir, other_dir;
  std::unique_ptr<CentralView> view = *CentralView::open(dir.path().string(), CentralView::Mode::kReadWrite);
  std::unique_ptr<CentralView> whole_view =
      *CentralView::open(other_dir.path().string(), CentralView::Mode::kReadWrite);
  ManualClock clock;
  FakeJournal journal;
  DigestCentral central;
  std::atomic<bool> stop{false};
  ReadBack read_back{*view, store(), clock};

  FakeJournal::Entry& traded(Document document) {
    auto& entry = journal.add(std::move(document));
    journal.deliver(entry, "erp");
    central.list().push_back(honest_row(entry.document.stored.document, "erp"));
    return entry;
  }
  void trade(int documents) {
    for (int i = 0; i < documents; ++i) traded(sale("D" + std::to_string(i)));
  }
  ReadBackUntil until() { return {stop, clock.steady + std::chrono::seconds(10)}; }

  /// As read_back_day() does it.
  Result<ReadBackMark> read(BusinessDay last = day(kDay)) {
    const Sequence head = journal.head()->sequence;
    auto central_digest = read_back.digest(central, "erp", day(kDay), last, until());
    if (!central_digest) return central_digest.error();
    if (*central_digest) journal.reckon_rows("erp");
    return read_back.run(central, journal, "erp", day(kDay), head, until(), *central_digest);
  }
  Result<ReadBackMark> read_whole() {
    ReadBack whole(*whole_view, store(), clock);
    return whole.run(central, journal, "erp", day(kDay), journal.head()->sequence, until());
  }
  std::string report(CentralView& from) {
    auto built = build_report(journal, from, ReportQuery{"0417", {"erp"}, day(kDay), day(kDay), clock.utc});
    REQUIRE(built);
    return json::dump(report_json(*built));
  }
  /// Both views say the same: rows but for central's own words, and the whole report.
  void check_same() {
    REQUIRE(read_whole());
    CHECK(report(*view) == report(*whole_view));
    CHECK(rows_of(*view) == rows_of(*whole_view));
    CHECK(*view->mark("erp", day(kDay)) == *whole_view->mark("erp", day(kDay)));
  }
  std::vector<SeenRow> rows_of(CentralView& from) {
    std::vector<SeenRow> rows;
    REQUIRE(from.for_each_row("erp", day(kDay), [&](const SeenRow& row) {
      rows.push_back(row);
      rows.back().central_reference.clear();
      rows.back().recorded_at.clear();
      if (row.total) rows.back().total = Decimal::parse(*row.total, Decimal::kDecimals)->text();
    }));
    return rows;
  }
  CentralRow& row(const std::string& id) {
    const auto found = std::find_if(central.list().begin(), central.list().end(),
                                    [&](const CentralRow& one) { return one.reference == "0417/" + id; });
    REQUIRE(found != central.list().end());
    return *found;
  }
  void lose(const std::string& id) {
    std::erase_if(central.list(), [&](const CentralRow& one) { return one.reference == "0417/" + id; });
  }
};

TEST_CASE("digests: a day that agrees is one question, and the view is as after a whole list") {
  World world;
  world.trade(100);
  REQUIRE(world.read());
  CHECK(world.central.day_requests == 1);
  CHECK(world.central.part_requests + world.central.row_requests + world.central.list_requests == 0);
  world.check_same();
}

TEST_CASE("digests: a few differences are found by listing a few rows of many") {
  World world;
  world.trade(600);
  world.lose("D17");
  world.row("D250").total = "2.51";
  set_at(world.row("D444").document, "/lines/0/sku", "OTHER");
  world.central.list().push_back(world.row("D5"));
  world.central.list().push_back(honest_row(sale("X1"), "erp"));
  REQUIRE(world.read());
  CHECK(world.central.day_requests == 2);
  CHECK(world.central.part_requests <= 3);
  CHECK(world.central.row_requests <= 3);
  CHECK(world.central.list_requests == 0);
  CHECK(world.central.rows_listed <= 5 * kListedRowsMax + 2);
  world.check_same();
}

TEST_CASE("digests: what is pending, quarantined or discarded here, and there all the same, is found") {
  World world;
  world.trade(200);
  for (const auto& [id, state] : {std::pair{"P", DeliveryState::kPending},
                                  {"U", DeliveryState::kUnknown},
                                  {"Q", DeliveryState::kQuarantined},
                                  {"R", DeliveryState::kDiscarded}}) {
    for (const char* at : {"-here", "-there"}) {
      auto& entry = world.journal.add(sale(std::string(id) + at));
      world.journal.deliver(entry, "erp", state);
      if (std::string(at) == "-there")
        world.central.list().push_back(honest_row(entry.document.stored.document, "erp"));
    }
  }
  REQUIRE(world.read());
  CHECK(world.central.list_requests == 0);
  CHECK(world.central.rows_listed <= 4 * kListedRowsMax);
  world.check_same();
}

TEST_CASE("digests: whatever a store did and however central lies, a whole list finds the same") {
  CHECK(rc::check([] {
    World world;
    const int documents = *rc::gen::inRange(0, 150);
    // Few lies among many documents, or many among few: both ways are taken.
    const int one_in = *rc::gen::element(3, 30, 1000);
    for (int i = 0; i < documents; ++i) {
      const std::string id = "D" + std::to_string(i);
      auto& entry = world.journal.add(
          *rc::gen::inRange(0, 5) == 0
              ? document(id, R"("type":"customer_update","customer":"C1","changes":{"b":1.50,"a":"x"})")
              : sale(id, std::to_string(*rc::gen::inRange(1, 999)) + ".5" + std::to_string(i % 10),
                     i % 3 == 0 ? R"(,"extensions":{"z":[1.0],"a":null})" : ""));
      const Document posted = entry.document.stored.document;
      const auto state = *rc::gen::weightedElement<DeliveryState>({{20, DeliveryState::kDelivered},
                                                                   {1, DeliveryState::kPending},
                                                                   {1, DeliveryState::kQuarantined},
                                                                   {1, DeliveryState::kDiscarded}});
      world.journal.deliver(entry, "erp", state);
      CentralRow row = honest_row(posted, "erp");
      const int lie = *rc::gen::inRange(0, one_in);
      if (state == DeliveryState::kDelivered ? lie == 0 : lie != 1) continue;
      if (lie == 1) set_at(row.document, "/operator", "somebody");
      if (lie == 2) row.total = "77.77", row.currency = "GBP";
      world.central.list().push_back(row);
      if (lie == 3) {
        row.central_reference += "-again";
        world.central.list().push_back(row);
      }
    }
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
      world.central.list().push_back(honest_row(sale("X" + std::to_string(i)), "erp"));
    RC_ASSERT(world.read().has_value());
    RC_ASSERT(world.read_whole().has_value());
    RC_ASSERT(world.report(*world.view) == world.report(*world.whole_view));
    RC_ASSERT(world.rows_of(*world.view) == world.rows_of(*world.whole_view));
  }));
}

TEST_CASE("digests: an amended delivery is expected as it was amended") {
  World world;
  world.trade(60);
  auto& entry = world.journal.add(sale("A1", "2.50"));
  world.journal.deliver(entry, "erp");
  entry.document.deliveries[0].version = Sequence{900};
  entry.amended.emplace("erp", sale("A1", "3.00"));
  world.central.list().push_back(honest_row(sale("A1", "3.00"), "erp"));
  REQUIRE(world.read());
  CHECK(world.central.rows_listed == 0);
  world.check_same();
  CHECK(world.view->find("erp", day(kDay), "0417/A1", "erp", 1)->value().same_as == Sequence{900});
}

TEST_CASE("digests: a target that has none is read whole, and asked again after a day") {
  World world;
  world.trade(30);
  world.central.refuses = [] { return Error{ErrorKind::kNotFound, kDigestUnsupported, "404"}; };
  REQUIRE(world.read());
  CHECK(world.central.list_requests == 5);  // of 7 rows
  REQUIRE(world.read());
  CHECK(world.central.day_requests == 1);
  world.check_same();
  world.central.refuses = nullptr;
  world.clock.steady += std::chrono::hours(23);
  REQUIRE(world.read());
  CHECK(world.central.day_requests == 1);
  world.clock.steady += std::chrono::hours(1);
  world.central.list_requests = 0;
  REQUIRE(world.read());
  CHECK(world.central.day_requests == 2);
  CHECK(world.central.list_requests == 0);
}

TEST_CASE("digests: a central that cannot be reached fails the read-back and is no central without digests") {
  World world;
  world.trade(30);
  world.central.refuses = [] { return Error{ErrorKind::kUnavailable, "read-back", "503"}; };
  CHECK(world.read().error().code == "read-back");
  world.central.refuses = nullptr;
  REQUIRE(world.read());
  CHECK(world.central.list_requests == 0);
}

TEST_CASE("digests: wrong ones are found out, the day is read whole, and they are left alone for a day") {
  World world;
  world.trade(400);
  world.lose("D7");
  const auto tampered = [&](auto tamper) { world.central.tamper = tamper; };
  SUBCASE("a part is left out") {
    tampered([](DigestCentral::Parts& parts) { parts.pop_back(); });
  }
  SUBCASE("a count is wrong") {
    tampered([](DigestCentral::Parts& parts) { ++parts.front().second.count; });
  }
  SUBCASE("a sum is wrong") {
    tampered([](DigestCentral::Parts& parts) { ++parts.front().second.sums[3]; });
  }
  SUBCASE("a part comes twice") {
    tampered([](DigestCentral::Parts& parts) { parts.push_back(parts.front()); });
  }
  SUBCASE("a part was not asked for") {
    tampered([](DigestCentral::Parts& parts) { parts.push_back({*KeyPrefix::parse("abcdef"), {}}); });
  }
  SUBCASE("the whole is given for a part") {
    tampered([](DigestCentral::Parts& parts) { parts.push_back({KeyPrefix(), {}}); });
  }
  SUBCASE("rows outside of the ranges are listed") {
    world.central.lists_whole_day = true;
  }
  SUBCASE("they are of another text") {
    world.central.of_other_text = true;
  }
  REQUIRE(world.read());
  CHECK(world.central.list_requests == 57);  // of 7 rows
  world.check_same();
  const int asked = world.central.day_requests + world.central.part_requests;
  REQUIRE(world.read());
  CHECK(world.central.day_requests + world.central.part_requests == asked);
}

TEST_CASE("digests: where most of a day differs it is read whole, and its digests are not blamed") {
  World world;
  world.trade(60);
  SUBCASE("lost") {
    for (int i = 0; i < 60; i += 2) world.lose("D" + std::to_string(i));
  }
  SUBCASE("lost, all of it") {
    world.central.list().clear();
  }
  SUBCASE("doubled") {
    const auto rows = world.central.list();
    world.central.list().insert(world.central.list().end(), rows.begin(), rows.end());
  }
  SUBCASE("other totals") {
    for (auto& row : world.central.list()) row.total = "9.99";
  }
  SUBCASE("other documents") {
    for (auto& row : world.central.list()) set_at(row.document, "/operator", "somebody");
  }
  REQUIRE(world.read());
  CHECK(world.central.list_requests > 0);
  world.check_same();
  const int asked = world.central.day_requests;
  REQUIRE(world.read());
  CHECK(world.central.day_requests > asked);
}

TEST_CASE("digests: a day that grows while it is read makes nothing missing, and is no contradiction") {
  World world;
  world.trade(300);
  world.lose("D9");
  int more = 0;
  world.central.before_parts = [&] {
    world.journal.moves = true;
    // Central takes it first; its outcome may be there or not.
    auto& entry = world.journal.add(sale("N" + std::to_string(more++)));
    world.central.list().push_back(honest_row(entry.document.stored.document, "erp"));
    world.journal.deliver(entry, "erp");
  };
  REQUIRE(world.read());
  CHECK(more > 0);
  CHECK(world.central.list_requests == 0);
  auto built = build_report(world.journal, *world.view,
                            ReportQuery{"0417", {"erp"}, day(kDay), day(kDay), world.clock.utc});
  REQUIRE(built);
  const TargetFindings& found = built->targets[0].findings;
  REQUIRE(found.missing.size() == 1);
  CHECK(found.missing[0].id == "D9");
  CHECK(found.unexpected.empty());
  CHECK(found.different.empty());
  CHECK(found.unconfirmed + found.matched == 299 + more);
}

TEST_CASE("digests: one question covers all days that are to be read; it is asked again when it is old") {
  World world;
  world.trade(20);
  const BusinessDay last = day("2026-12-20");
  REQUIRE(world.read(last));
  CHECK(world.central.day_requests == 1);
  const auto other = world.read_back.digest(world.central, "erp", day("2026-12-01"), last, world.until());
  REQUIRE(other);
  CHECK(*other == RangeSum{});
  CHECK(world.central.day_requests == 1);
  CHECK(*world.read_back.digest(world.central, "crm", day(kDay), last, world.until()));
  CHECK(world.central.day_requests == 2);
  world.clock.steady += std::chrono::seconds(61);
  REQUIRE(world.read(last));
  CHECK(world.central.day_requests == 3);
}

TEST_CASE("digests: what was asked for before a delivery is not held against it") {
  World world;
  world.trade(50);
  REQUIRE(world.read());
  world.traded(sale("LATE"));
  REQUIRE(world.read());  // the first answer is still known, and now too old
  CHECK(world.central.day_requests == 2);
  CHECK(world.central.part_requests + world.central.row_requests + world.central.list_requests == 0);
  world.check_same();
}

TEST_CASE("digests: a read-back by digests that breaks off keeps the old view (I8)") {
  World world;
  world.trade(300);
  REQUIRE(world.read());
  const ReadBackMark before = **world.view->mark("erp", day(kDay));
  world.traded(sale("LATE"));
  world.lose("D3");
  world.central.before_parts = [&] { world.stop = true; };
  CHECK(world.read().error().code == "read-back-stopped");
  world.stop = false;
  world.clock.steady += std::chrono::minutes(2);
  world.central.before_parts = [&] { world.clock.steady += std::chrono::seconds(11); };
  CHECK(world.read().error().kind == ErrorKind::kTimeout);
  CHECK(**world.view->mark("erp", day(kDay)) == before);
  CHECK(world.view->find("erp", day(kDay), "0417/D3", "erp", 1)->has_value());
}

TEST_CASE("digests: the work is in the number of differences, not of rows") {
  struct Sent final : SentDocuments {
    SentRows all{"0417"};
    Result<std::optional<SentContent>> content(const std::string&, const std::string&) override {
      return std::optional<SentContent>();
    }
    Result<std::optional<Document>> document(const std::string&, const std::string&) override {
      return std::optional<Document>();
    }
    const SentRows* rows() override { return &all; }
    Result<bool> moving() override { return false; }
  };
  DigestCentral central;
  Sent sent;
  std::deque<Document> documents;
  const SentContent content;
  const auto template_row = sale("T");
  constexpr int kRows = 20'000;
  for (int i = 0; i < kRows; ++i) {
    documents.push_back(template_row);
    documents.back().id = "D" + std::to_string(i);
    sent.all.add(documents.back().id, content, "erp", documents.back());
    central.list().push_back(honest_row(documents.back(), "erp"));
  }
  sent.all.seal();
  std::size_t parts = 0;
  central.tamper = [&](DigestCentral::Parts& answer) { parts += answer.size(); };
  const auto find = [&] {
    auto root = central.days(day(kDay), day(kDay));
    REQUIRE(root);
    central.part_requests = 0;
    parts = 0;
    auto found = descend(central, day(kDay), sent, (*root)[day(kDay)], [] { return ok(); });
    REQUIRE(found);
    CHECK_FALSE(found->nearly_all);
    return std::move(found->ranges);
  };
  central.list()[7].total = "9.99";
  const auto one = find();
  REQUIRE(one.size() == 1);
  CHECK(one[0].range.contains(row_key("0417/D7", "erp")));
  CHECK(one[0].rows() <= kListedRowsMax);
  CHECK(central.part_requests <= 4);
  CHECK(parts <= 64);
  for (int i = 0; i < 40; ++i) central.list()[static_cast<std::size_t>(500 * i)].total = "9.99";
  const auto many = find();
  CHECK(many.size() <= 41);
  std::vector<KeyPrefix> ranges;
  for (const auto& range : many) ranges.push_back(range.range);
  CHECK(std::is_sorted(ranges.begin(), ranges.end()));
  for (int i = 0; i < 40; ++i) CHECK(is_in(ranges, row_key("0417/D" + std::to_string(500 * i), "erp")));
  CHECK(central.part_requests <= 4);  // each level is one question
  CHECK(parts <= 41 * 64);
}

}  // namespace
}  // namespace tillsync
