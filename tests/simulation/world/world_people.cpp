// Operators: they look at the quarantine, decide, pause and resume, and ask for reports.
#include <atomic>

#include "reconcile/central_view/read_back.h"
#include "tests/simulation/world/world_impl.h"

namespace tillsync::sim {
namespace {

/// Central's list, as the reconcile thread reads it.
class ListPort final : public ReadBackPort {
 public:
  explicit ListPort(const SimCentral& central) : central_(central) {}
  Result<CentralPage> read_back(BusinessDay day, const std::optional<std::string>&) override {
    return central_.list(day.text());
  }

 private:
  const SimCentral& central_;
};

}  // namespace

void World::look_at_quarantine(std::int64_t verb, std::uint64_t choice) {
  if (!process_ || awake_at_ > timeline_.now()) return;
  auto entries = process_->reader().quarantine(50);
  if (!entries || entries->empty()) return;
  const auto& entry = (*entries)[choice % entries->size()];
  DecisionFact fact;
  fact.delivery = entry.delivery;
  fact.reason = fmt::format("decision {}", ++decisions_);
  fact.by = "operator";
  fact.kind = verb == 0   ? DecisionFact::Kind::kDiscard
              : verb <= 2 ? DecisionFact::Kind::kAmend
                          : DecisionFact::Kind::kRetry;
  std::string amended;
  if (fact.kind == DecisionFact::Kind::kAmend) {
    const auto* document = checker_.document(entry.document_id);
    if (document == nullptr) return;
    auto checked = parse_document(with_sku(document->body, "FIXED"), store_);
    if (!std::holds_alternative<Document>(checked)) return;
    fact.amended = std::get<Document>(std::move(checked));
    // A till's wall clock gives the day where the body gives none; what is amended keeps the day it had.
    amended = canonical_form(*fact.amended);
  }
  decide(fact, amended);
}

void World::decide(const DecisionFact& fact, const std::string& amended) {
  trace([&] {
    return fmt::format("operator: {} of {}:{}", decision_name(fact.kind), fact.delivery.document.value,
                       fact.delivery.step);
  });
  checker_.decision_tried({fact.delivery, fact.kind, fact.reason, amended, timeline_.now()});
  process_->decide(fact, [this, tag = fact.reason](Result<void> done) {
    if (done) checker_.decision_acknowledged(tag);
  });
}

void World::decide_target(int target, bool pause) {
  if (!process_ || awake_at_ > timeline_.now()) {
    if (!pause) timeline_.after(seconds(30), [this, target] { decide_target(target, false); });
    return;
  }
  DecisionFact fact;
  fact.kind = pause ? DecisionFact::Kind::kPause : DecisionFact::Kind::kResume;
  fact.target = kTargetNames[target];
  fact.reason = fmt::format("decision {}", ++decisions_);
  fact.by = "operator";
  if (!pause) checker_.resume_tried(target);
  const auto asked = ++pause_asked_[static_cast<std::size_t>(target)];
  process_->decide(fact, [this, target, pause, asked](Result<void> done) {
    trace([&] {
      return fmt::format("operator: {} {}: {}", pause ? "pause" : "resume", kTargetNames[target],
                         done ? "done" : done.error().code);
    });
    if (pause_asked_[static_cast<std::size_t>(target)] != asked) return;
    if (done && pause) {
      // It is in force with the next turn of the delivery loop.
      timeline_.after(milliseconds(10), [this, target, asked] {
        if (pause_asked_[static_cast<std::size_t>(target)] == asked) checker_.pause_acknowledged(target);
      });
    } else if (!done && !pause) {
      timeline_.after(seconds(30), [this, target] { decide_target(target, false); });
    }
  });
}

Result<Report> World::make_report(const std::string& text) {
  auto& reader = process_->reader();
  auto view = CentralView::open(kFolder, CentralView::Mode::kReadWrite, disk_.vfs());
  if (!view) return view.error();
  const std::atomic<bool> stop{false};
  ReadBack read_back(**view, store_, clock_);
  const auto day = BusinessDay::parse(text).value();
  for (int target = 0; target < kTargets; ++target) {
    ListPort port(central(target));
    auto head = reader.head();
    if (!head) return head.error();
    auto sent = SentOfDay::load(reader, kTargetNames[target], day);
    if (!sent) return sent.error();
    auto mark =
        read_back.run(port, **sent, kTargetNames[target], day, head->sequence, {stop, SteadyTime::max()});
    if (!mark) return mark.error();
  }
  return build_report(reader, **view,
                      ReportQuery{kStore, {kTargetNames[0], kTargetNames[1]}, day, day, clock_.utc_now()});
}

void World::report_under_way(std::uint64_t choice) {
  const auto days = checker_.business_days();
  if (!process_ || awake_at_ > timeline_.now() || days.empty()) return;
  const auto& day = *std::next(days.begin(), static_cast<std::ptrdiff_t>(choice % days.size()));
  auto report = make_report(day);
  if (disk_.crashed()) return crash();
  trace([&] {
    return fmt::format("report of {}: {}", day,
                       !report              ? report.error().code
                       : report->balanced() ? "balanced"
                                            : "not balanced");
  });
  if (report) checker_.report_under_way(*report, day);
}

}  // namespace tillsync::sim
