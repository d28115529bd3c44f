// A store, a central and a view between them: what report tests tell their stories with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/unit/reconcile/store.h"

namespace tillsync::testing {

struct ReportWorld {
  TempDir dir;
  std::unique_ptr<CentralView> view = *CentralView::open(dir.path().string(), CentralView::Mode::kReadWrite);
  ManualClock clock;
  FakeJournal journal;
  FakeCentral central;
  std::atomic<bool> stop{false};
  std::vector<std::string> targets{"erp"};

  /// Journals it, delivers it to erp, and central takes it.
  FakeJournal::Entry& traded(Document document) {
    auto& entry = journal.add(std::move(document));
    journal.deliver(entry, "erp");
    central.rows.push_back(honest_row(entry.document.stored.document, "erp"));
    return entry;
  }
  void read_back(const std::string& on = kDay) {
    ReadBack read_back(*view, store(), clock);
    REQUIRE(read_back.run(central, journal, "erp", day(on), journal.head()->sequence,
                          {stop, clock.steady + std::chrono::seconds(10)}));
  }
  Report report(const std::string& from = kDay, const std::string& to = kDay) {
    auto built = build_report(journal, *view, ReportQuery{"0417", targets, day(from), day(to), clock.utc});
    REQUIRE(built);
    return *std::move(built);
  }
  TargetFindings findings() { return report().targets.at(0).findings; }
};

}  // namespace tillsync::testing
