#include "agent/reconcile_loop/reconcile_loop.h"

#include <algorithm>

#include "agent/reconcile_loop/report_query.h"
#include "platform/log/log.h"
#include "platform/service/this_thread.h"
#include "reconcile/central_view/freshness.h"

namespace tillsync {
namespace {

/// Reports read back for seconds; who waits longer tries again in the next round.
constexpr std::chrono::minutes kTurnPatience{1};

}  // namespace

Turn::Held Turn::take(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (!free_.wait_for(lock, patience, [this] { return !taken_; })) return Held(nullptr);
  taken_ = true;
  return Held(this);
}

Turn::Held::~Held() {
  if (turn_ == nullptr) return;
  {
    const std::lock_guard lock(turn_->mutex_);
    turn_->taken_ = false;
  }
  turn_->free_.notify_one();
}

ReconcileLoop::ReconcileLoop(Parts parts, ReconcileLoopLimits limits)
    : parts_(std::move(parts)), limits_(limits) {}

Result<std::unique_ptr<ReconcileLoop>> ReconcileLoop::start(Parts parts, ReconcileLoopLimits limits) {
  std::unique_ptr<ReconcileLoop> loop(new ReconcileLoop(std::move(parts), limits));
  const auto& settings = loop->parts_.settings;
  auto reader = JournalReader::open(settings.journal.path, "", loop->parts_.damaged);
  if (!reader) return reader.error();
  loop->reader_ = std::move(*reader);
  auto view = CentralView::open(settings.journal.path, CentralView::Mode::kReadWrite);
  if (!view) return view.error();
  loop->view_ = std::move(*view);
  if (auto known = loop->drop_foreign_view(); !known) return known.error();
  loop->read_back_ = std::make_unique<ReadBack>(*loop->view_, loop->parts_.store, loop->parts_.clock);
  for (const auto& [name, target] : settings.targets) {
    auto port = loop->parts_.make_port(name);
    if (!port) return port.error();
    if (!*port) continue;
    const auto listed = (*port)->listed_types();
    if (auto kept = loop->view_->forget_listed_otherwise(name, listed); !kept) return kept.error();
    loop->ports_[name] = std::move(*port);
    loop->caught_up_[name] = loop->parts_.clock.utc_now();
  }
  if (auto started = loop->start_facts(); !started) return started.error();
  loop->thread_ = std::thread([self = loop.get()] { self->loop(); });
  return loop;
}

ReconcileLoop::~ReconcileLoop() {
  stop();
}

void ReconcileLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  // A report may be reading central back; it ends with the page under way, and no later one begins.
  const auto turn = turn_.take(limits_.report_refresh_max);
}

/// A backup that was brought back has other records at the same places.
Result<void> ReconcileLoop::drop_foreign_view() {
  auto own = is_of_journal(*reader_, *view_);
  if (!own) return own.error();
  if (*own) return ok();
  log::warning(
      "reconcile.view_dropped",
      {{"reason", "the journal is not the one that central was compared with; central is read again"}});
  return view_->forget_all();
}

void ReconcileLoop::drained(bool was_away) {
  {
    const std::lock_guard lock(mutex_);
    drained_ = true;
    was_away_ = was_away_ || was_away;
  }
  wake_.notify_one();
}

Result<void> ReconcileLoop::start_facts() {
  if (!parts_.make_fetch) return ok();
  auto keeper = FactsKeeper::start(FactsKeeper::Parts{
      parts_.settings, parts_.clock, *reader_, parts_.make_fetch, parts_.make_room, limits_.facts_max});
  if (!keeper) return keeper.error();
  facts_ = std::move(*keeper);
  if (parts_.journal == nullptr || parts_.trade == nullptr) return ok();
  conflicts_ = std::make_unique<ConflictKeeper>(ConflictKeeper::Parts{
      parts_.settings, parts_.store, parts_.clock, *reader_, *parts_.journal, *parts_.trade,
      [this](const std::string& name) { return facts_ ? facts_->port(name) : nullptr; }});
  return ok();
}

void ReconcileLoop::loop() {
  name_this_thread("reconcile");
  give_way_to_other_threads();
  // What central knows is asked for at once: the machine may have been off for long.
  bool is_first = facts_ != nullptr;
  auto read_back_at = parts_.clock.steady_now() + parts_.settings.reconcile.read_back_every;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    auto due = std::min(read_back_at, service_.due());
    if (facts_) due = std::min(due, all_facts_at_ + parts_.settings.central_view.fetch_every);
    if (news_wanted_) due = std::min(due, news_at_ + limits_.news_every);
    const auto now = parts_.clock.steady_now();
    if (!is_first && due > now) wake_.wait_for(lock, due - now, [this] { return stopping_ || drained_; });
    if (!stopping_) wake_.wait_for(lock, limits_.settle, [this] { return stopping_.load(); });
    if (stopping_) return;
    const bool read_back = drained_ || (!is_first && parts_.clock.steady_now() >= read_back_at);
    const bool was_away = std::exchange(was_away_, false) || is_first;
    news_wanted_ = facts_ && (news_wanted_ || drained_);
    drained_ = is_first = false;
    lock.unlock();
    if (read_back) {
      read_due_days();
      read_back_at = parts_.clock.steady_now() + parts_.settings.reconcile.read_back_every;
    }
    const bool fetched = facts_ && fetch_facts(was_away);
    if (conflicts_ && (fetched || read_back)) look_for_conflicts();
    if (parts_.clock.steady_now() >= service_.due()) measure_service();
    lock.lock();
  }
}

/// As a report of the current day would tell it, without one: the day's documents are walked, none is kept.
void ReconcileLoop::measure_service() {
  const auto began = parts_.clock.steady_now();
  auto sample = service_sample();
  if (!sample) return service_.failed(began, parts_.clock.steady_now());
  if (*sample) service_.measured(std::move(**sample), began, parts_.clock.steady_now());
}

/// Nothing: the journal is as it was at the last one, and so would this be.
Result<std::optional<ServiceSample>> ReconcileLoop::service_sample() {
  const auto now = parts_.clock.utc_now();
  ServiceSample sample;
  sample.day = parts_.store.calendar.day_of(std::chrono::floor<std::chrono::seconds>(now));
  auto head = reader_->head();
  if (!head) return head.error();
  if (service_.unchanged(sample.day, head->sequence, parts_.clock.steady_now()))
    return std::optional<ServiceSample>();
  sample.head = head->sequence;
  std::size_t documents = 0;
  auto walked = reader_->for_each_document(sample.day, sample.day, [&](const DayDocument& document) {
    sample.figures.add(document);
    return !stopping_ && ++documents <= ServiceWatch::kDocumentsMax;
  });
  if (!walked) return walked.error();
  if (documents > ServiceWatch::kDocumentsMax)
    return Error{ErrorKind::kInvalid, "day-too-large", "the report tells, the metrics do not"};
  auto found = reader_->conflicts_of_day(sample.day, kConflictsOfDayMax);
  if (!found) return found.error();
  std::vector<ReportConflict> conflicts;
  for (auto& conflict : *found) conflicts.push_back(report_conflict(std::move(conflict)));
  for (const auto& [name, target] : parts_.settings.targets) {
    sample.figures.targets.try_emplace(name);
    auto oldest = reader_->oldest_sale_not_at(name);
    if (!oldest) return oldest.error();
    if (*oldest) sample.oldest_sales[name] = (*oldest)->recorded_at;
  }
  const SloAims aims = slo_aims(parts_.settings.slo);
  sample.results = slo_results(sample.figures, conflicts, aims, now);
  return std::optional(std::move(sample));
}

/// False: it is too early to ask again, or nobody answers.
bool ReconcileLoop::fetch_facts(bool was_away) {
  const auto now = parts_.clock.steady_now();
  const bool whole = was_away || now >= all_facts_at_ + parts_.settings.central_view.fetch_every;
  if (!whole && (!news_wanted_ || now < news_at_ + limits_.news_every)) return false;
  news_wanted_ = false;
  const bool answered = facts_->round(whole ? FactsSync::Depth::kWhole : FactsSync::Depth::kNews, stopping_);
  news_at_ = parts_.clock.steady_now();
  if (whole) all_facts_at_ = news_at_;
  return answered;
}

void ReconcileLoop::look_for_conflicts() {
  if (const auto turn = turn_.take(kTurnPatience)) {
    for (const auto& [target, day] : std::exchange(days_read_, {})) conflicts_->read_back(target, day);
  }
  const auto& view = parts_.settings.central_view;
  conflicts_->round(facts_ && facts_->has_feed(view.prices),
                    ReadBackUntil{stopping_, parts_.clock.steady_now() + limits_.facts_max});
}

void ReconcileLoop::read_due_days() {
  for (auto& [name, port] : ports_) {
    const auto turn = turn_.take(kTurnPatience);
    if (!turn || !read_days_of(name, *port)) continue;
    const std::lock_guard lock(mutex_);
    caught_up_[name] = parts_.clock.utc_now();
  }
}

/// False where some are left.
bool ReconcileLoop::read_days_of(const std::string& target, ReadBackPort& port) {
  auto days = days_to_read(*reader_, *view_, target);
  if (!days) {
    log::warning("reconcile.failed",
                 {{"target", target}, {"code", days.error().code}, {"detail", days.error().detail}});
    return false;
  }
  for (const auto day : *days) {
    const ReadBackUntil until{stopping_, parts_.clock.steady_now() + limits_.day_max};
    auto mark = read_back(*reader_, target, port, day, days->back(), until);
    if (!mark) {
      log::warning("reconcile.read_back_failed", {{"target", target},
                                                  {"business_day", day.text()},
                                                  {"code", mark.error().code},
                                                  {"detail", mark.error().detail}});
      return false;  // central cannot be read now; the next round goes on here
    }
    log::info("reconcile.read_back",
              {{"target", target}, {"business_day", day.text()}, {"rows", mark->rows}});
  }
  return true;
}

/// Of a day, until it is done or the disk has no more room to give.
Result<ReadBackMark> ReconcileLoop::read_back(JournalReader& reader, const std::string& target,
                                              ReadBackPort& port, BusinessDay day, BusinessDay last,
                                              const ReadBackUntil& until) {
  for (;;) {
    auto mark = read_back_day(reader, *read_back_, port, target, day, last, until);
    if (mark) {
      days_read_.emplace(target, day);
      if (auto noted = remember_journal(reader, *view_); !noted) return noted.error();
    }
    const bool no_room = !mark && mark.error().kind == ErrorKind::kStorage;
    if (!no_room || !parts_.make_room || !parts_.make_room()) return mark;
  }
}

void ReconcileLoop::refresh(JournalReader& reader, BusinessDay from, BusinessDay to) {
  const auto deadline = parts_.clock.steady_now() + limits_.report_refresh_max;
  const auto turn = turn_.take(limits_.report_refresh_max);
  if (!turn || stopping_) return;
  for (auto& [name, port] : ports_) {
    auto days = stale_days(reader, *view_, name, from, to);
    if (!days) continue;
    for (const auto day : *days) {
      if (parts_.clock.steady_now() >= deadline) return;
      auto mark = read_back(reader, name, *port, day, days->back(), ReadBackUntil{stopping_, deadline});
      if (!mark) {
        log::warning("report.read_back_failed", {{"target", name},
                                                 {"business_day", day.text()},
                                                 {"code", mark.error().code},
                                                 {"detail", mark.error().detail}});
        break;
      }
    }
  }
}

Result<Report> ReconcileLoop::report(JournalReader& reader, BusinessDay from, BusinessDay to,
                                     bool refresh_first) {
  if (from <= to && to.day - from.day < std::chrono::days(kReportDaysMax) && refresh_first)
    refresh(reader, from, to);
  auto view = CentralView::open(parts_.settings.journal.path, CentralView::Mode::kReadOnly);
  if (!view) return view.error();
  return build_report(reader, **view, report_query(parts_.settings, from, to, parts_.clock.utc_now()));
}

}  // namespace tillsync
