#include "agent/reconcile_loop/conflict_keeper.h"

#include "agent/review/reviewer.h"
#include "outbox/journal/note_conflicts.h"
#include "platform/log/log.h"
#include "reconcile/reports/report.h"

namespace tillsync {

ConflictKeeper::ConflictKeeper(Parts parts)
    : parts_(std::move(parts)), policies_(parts_.settings.conflicts), routes_(routes_from(parts_.settings)) {}
ConflictKeeper::~ConflictKeeper() = default;

void ConflictKeeper::round(bool feed_told, const ReadBackUntil& until) {
  auto done = try_round(feed_told, until);
  if (const auto found = std::exchange(found_, 0); found > 0)
    log::info("conflicts.found", {{"count", found}});
  if (done) return;
  log::warning("conflicts.round_broke_off", {{"code", done.error().code}, {"detail", done.error().detail}});
}

Result<void> ConflictKeeper::try_round(bool feed_told, const ReadBackUntil& until) {
  if (auto reviewed = review_days(); !reviewed) return reviewed.error();
  if (auto opened = open(); !opened) return opened.error();
  auto through = whole_up_to(*facts_, feed_told);
  if (!through) return through.error();
  if (auto reviewed = detector_->review_documents(*through, until); !reviewed) return reviewed.error();
  return detector_->review_stock_levels(until);
}

/// Once, behind whoever keeps central's facts: where the detector stands among the SKUs outlives a round.
Result<void> ConflictKeeper::open() {
  if (detector_) return ok();
  auto facts = CentralFacts::open(parts_.settings.journal.path, CentralFacts::Mode::kReadOnly);
  if (!facts) return facts.error();
  facts_ = std::move(*facts);
  const auto systems = systems_of_record(parts_.settings);
  inquiry_ = std::make_unique<Inquiry>(
      Inquiry::Parts{parts_.reader, parts_.trade, *facts_, parts_.store, routes_, systems, parts_.port});
  detector_ = std::make_unique<ConflictDetector>(ConflictDetector::Parts{
      parts_.reader, parts_.trade, *facts_, policies_, *inquiry_, systems, parts_.port, parts_.clock,
      [this](std::vector<ConflictFact> found) { return note(std::move(found)); }});
  return ok();
}

Result<Sequence> ConflictKeeper::whole_up_to(CentralFacts& facts, bool feed_told) {
  if (feed_told) {
    auto mark = facts.feed(parts_.settings.central_view.prices);
    if (!mark) return mark.error();
    return mark->caught_up_at ? mark->caught_up_from : Sequence{};
  }
  auto head = parts_.reader.head();
  if (!head) return head.error();
  return head->sequence;
}

Result<void> ConflictKeeper::note(std::vector<ConflictFact> found) {
  const auto count = static_cast<std::int64_t>(found.size());
  if (auto noted = note_conflicts(parts_.journal, std::move(found)); !noted) return noted.error();
  found_ += count;
  return ok();
}

/// Whether the day's rows are all as they were sent: then nobody has to compare the day.
Result<bool> ConflictKeeper::day_differs(CentralView& view, const std::string& target, BusinessDay day) {
  bool differs = false;
  auto seen = view.for_each_row(target, day, [&differs](const SeenRow& row) {
    if (!row.same_as || row.occurrence > 1) differs = true;
  });
  if (!seen) return seen.error();
  return differs;
}

Result<void> ConflictKeeper::review_days() {
  if (read_.empty()) return ok();
  auto view = CentralView::open(parts_.settings.journal.path, CentralView::Mode::kReadOnly);
  if (!view) return view.error();
  while (!read_.empty()) {
    const auto [target, day] = *read_.begin();
    auto differs = day_differs(**view, target, day);
    if (!differs) return differs.error();
    if (*differs) {
      auto report =
          build_report(parts_.reader, **view,
                       ReportQuery{parts_.settings.store.id, {target}, day, day, parts_.clock.utc_now()});
      if (!report) return report.error();
      for (const auto& one : report->targets) {
        if (one.name != target) continue;
        auto noted = note(review_identity(one.findings, target, day, policies_));
        if (!noted) return noted.error();
      }
    }
    read_.erase(read_.begin());
  }
  return ok();
}

}  // namespace tillsync
