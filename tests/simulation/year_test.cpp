// A year of trading on one journal with retention: neither the write-ahead log nor the file grows for ever
// (I8).
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "outbox/document/validation.h"
#include "outbox/journal/group_commit.h"
#include "outbox/journal/verify.h"
#include "tests/simulation/disk/crash_disk.h"
#include "tests/simulation/world/process.h"

using namespace tillsync;
using namespace tillsync::sim;

namespace {

constexpr int kDays = 365;
constexpr int kDocumentsADay = 60;
constexpr int kKeepDays = 30;

class DayClock final : public Clock {
 public:
  UtcTime utc_now() const override {
    return UtcTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)) + passed;
  }
  SteadyTime steady_now() const override { return SteadyTime(std::chrono::hours(1) + passed); }
  std::chrono::microseconds passed{0};
};

class Year {
 public:
  Year() {
    auto journal = Journal::open(JournalOptions{kFolder, disk.vfs()}, clock);
    REQUIRE(journal.has_value());
    limits_.retention_trading_days = kKeepDays;
    commit.emplace(std::move(*journal), clock, limits_, GroupCommit::Hooks{});
    do_all({JournalTask{[](Journal& j) { return j.set_routes(routes()); }, {}, 0}});
  }

  static Routes routes() {
    Routes both;
    for (const auto type : kDocumentTypes) both.steps[type] = {{"erp", "erp", {}}, {"crm", "crm", {}}};
    return both;
  }

  void trade(int day) {
    for (int n = 0; n < kDocumentsADay; n += 6) {
      std::vector<JournalTask> group;
      for (int i = 0; i < 6; ++i) group.push_back(post(day, n + i));
      do_all(std::move(group));
      clock.passed += std::chrono::minutes(60);
    }
    clock.passed += std::chrono::hours(14);
    // What waits for retention goes in the night, a step a second.
    for (int i = 0; i < 3; ++i) {
      commit->keep_house();
      clock.passed += std::chrono::seconds(2);
    }
  }
  std::size_t size(const char* suffix) const {
    const auto bytes = disk.content(std::string(kFolder) + "/journal.db" + suffix);
    return bytes ? bytes->size() : 0;
  }

  CrashDisk disk{1};
  DayClock clock;
  std::optional<GroupCommit> commit;
  std::vector<std::string> owed;  ///< ids that are never delivered

 private:
  JournalTask post(int day, int n) {
    const auto id = fmt::format("D{}-{}", day, n);
    auto checked = parse_document(
        fmt::format(
            R"({{"id":"{}","type":"sale","terminal":"T1","occurred_at":"{}","extensions":{{"note":"{}"}},"lines":[{{"sku":"S{}","quantity":"2","unit_price":"1.99"}}]}})",
            id, format_utc(clock.utc_now()), std::string(600, 'x'), n),
        store_);
    REQUIRE(std::holds_alternative<Document>(checked));
    const bool is_owed = n == 0 && day % 50 == 0;
    if (is_owed) owed.push_back(id);
    return JournalTask{
        [made = make_post(std::get<Document>(checked), {}), is_owed](Journal& journal) -> Result<void> {
          auto answer = journal.append(made);
          if (!answer) return answer.error();
          if (is_owed) return ok();
          for (const char* target : {"erp", "crm"}) {
            OutcomeFact fact;
            fact.delivery = DeliveryKey{answer->sequence, target};
            fact.target = target;
            fact.outcome.kind = OutcomeKind::kDelivered;
            fact.outcome.central_reference = "C-1";
            if (auto done = journal.record(fact); !done) return done.error();
          }
          return ok();
        },
        {},
        700};
  }
  void do_all(std::vector<JournalTask> group) {
    int failed = 0;
    for (auto& task : group) task.done = [&failed](Result<void> done) { failed += done ? 0 : 1; };
    commit->commit(group);
    REQUIRE(failed == 0);
    commit->keep_house();
  }

  GroupCommitLimits limits_;
  const StoreDefaults store_{kStore, "GBP",
                             BusinessCalendar(TimeZone::find("UTC").value(), std::chrono::hours(4))};
};

}  // namespace

TEST_CASE("journal: over a year with retention file and log stay bounded, and what is owed stays") {
  Year year;
  std::size_t file_at_settling = 0, log_max = 0;
  for (int day = 0; day < kDays; ++day) {
    year.trade(day);
    log_max = std::max(log_max, year.size("-wal"));
    if (day == 2 * kKeepDays) file_at_settling = year.size("");
  }
  const auto file_at_end = year.size("");
  // The chain and the removals' own records grow by a little with each day; the documents do not.
  CHECK(file_at_end < file_at_settling + file_at_settling / 4);
  CHECK(log_max < 2 * GroupCommitLimits{}.wal_passive_bytes);
  auto reader = JournalReader::open(kFolder, year.disk.vfs());
  REQUIRE(reader.has_value());
  auto verified = verify_journal(**reader);
  REQUIRE(verified.has_value());
  CHECK_MESSAGE(verified->whole, verified->reason);
  CHECK(verified->records < (kKeepDays + 10) * kDocumentsADay * 3);
  for (const auto& id : year.owed) {
    auto found = (*reader)->find(id);
    REQUIRE(found.has_value());
    CHECK_MESSAGE(found->has_value(), id);
  }
  MESSAGE(kDays, " days of ", kDocumentsADay, " documents: file ", file_at_settling, " bytes after ",
          2 * kKeepDays, " days, ", file_at_end, " at the end; log at most ", log_max);
}
