#include "agent/reconcile_loop/facts_keeper.h"

#include "platform/log/log.h"
#include "reconcile/central_facts/wanted.h"
#include "reconcile/central_view/freshness.h"

namespace tillsync {
namespace {

std::map<std::string, std::set<FactKind>> kinds_by_target(const CentralViewSettings& view) {
  std::map<std::string, std::set<FactKind>> kinds;
  for (const auto& [kind, name] :
       {std::pair<FactKind, const std::string&>{FactKind::kCustomer, view.customers},
        {FactKind::kStock, view.stock},
        {FactKind::kPrice, view.prices},
        {FactKind::kRefundPolicy, view.refund_policy}}) {
    if (!name.empty()) kinds[name].insert(kind);
  }
  return kinds;
}

/// It gave no answer at all.
bool is_away(const FactsRound& round) {
  return round.broken && round.nothing_served() &&
         (round.broken->kind == ErrorKind::kUnavailable || round.broken->kind == ErrorKind::kTimeout);
}

/// One round after the other, as one.
void add_up(FactsRound& round, const FactsRound& more) {
  round.feed_served = round.feed_served || more.feed_served;
  round.caught_up = more.caught_up || round.caught_up;
  round.served.insert(more.served.begin(), more.served.end());
  for (const auto count :
       {&FactsRound::requests, &FactsRound::pages, &FactsRound::rows, &FactsRound::bytes,
        &FactsRound::changed, &FactsRound::confirmed, &FactsRound::unusable, &FactsRound::no_room})
    round.*count += more.*count;
  if (!round.first_unusable) round.first_unusable = more.first_unusable;
  round.broken = more.broken;
}

std::int64_t as_number(std::size_t count) {
  return static_cast<std::int64_t>(count);
}

}  // namespace

Result<std::unique_ptr<FactsKeeper>> FactsKeeper::start(Parts parts) {
  if (parts.settings.central_view.fetch_every.count() == 0) return std::unique_ptr<FactsKeeper>();
  std::unique_ptr<FactsKeeper> keeper(new FactsKeeper(std::move(parts)));
  if (auto opened = keeper->open(); !opened) return opened.error();
  return keeper;
}

Result<void> FactsKeeper::open() {
  for (auto& [name, kinds] : kinds_by_target(parts_.settings.central_view)) {
    auto port = parts_.make_port(name);
    if (!port) return port.error();
    if (!*port) continue;
    Source& source = sources_[name];
    source.kinds = std::move(kinds);
    source.port = std::move(*port);
    summary_.sources[name] = {};
  }
  auto facts = CentralFacts::open(parts_.settings.journal.path, CentralFacts::Mode::kReadWrite);
  if (!facts) return facts.error();
  facts_ = std::move(*facts);
  if (auto known = drop_foreign_facts(); !known) return known.error();
  if (auto forgotten = forget_what_nobody_tells(); !forgotten) return forgotten.error();
  sync_ = std::make_unique<FactsSync>(FactsSync::Parts{*facts_, parts_.settings.store.id, parts_.clock,
                                                       [this]() -> Result<Sequence> {
                                                         auto head = parts_.reader.head();
                                                         if (!head) return head.error();
                                                         return head->sequence;
                                                       },
                                                       parts_.limits});
  auto counts = facts_->counts();
  if (!counts) return counts.error();
  summary_.counts = std::move(*counts);
  return ok();
}

/// A backup that was brought back has other records at the same places.
Result<void> FactsKeeper::drop_foreign_facts() {
  auto place = facts_->journal_place();
  if (!place) return place.error();
  auto own = is_of_journal(parts_.reader, *place);
  if (!own) return own.error();
  if (*own) return ok();
  log::warning("central_view.dropped",
               {{"reason", "the journal is not the one that it was fetched for; central is asked again"}});
  auto writer = FactsWriter::begin(*facts_);
  if (!writer) return writer.error();
  if (auto cleared = writer->forget_all(); !cleared) return cleared.error();
  return writer->commit();
}

Result<void> FactsKeeper::forget_what_nobody_tells() {
  std::set<FactKind> told;
  for (const auto& [name, source] : sources_) told.insert(source.kinds.begin(), source.kinds.end());
  auto writer = FactsWriter::begin(*facts_);
  if (!writer) return writer.error();
  for (const FactKind kind : kFactKinds) {
    if (told.contains(kind)) continue;
    if (auto forgotten = writer->forget_kind(kind, ""); !forgotten) return forgotten.error();
  }
  return writer->commit();
}

bool FactsKeeper::round(FactsSync::Depth depth, const std::atomic<bool>& stop) {
  bool answered = false;
  for (auto& [name, source] : sources_) {
    if (stop.load()) return answered;
    const ReadBackUntil until{stop, parts_.clock.steady_now() + parts_.round_max};
    auto round = ask(name, source, depth, until);
    if (round) {
      log_round(name, source, *round);
    } else {
      log::warning("central_view.failed",
                   {{"target", name}, {"code", round.error().code}, {"detail", round.error().detail}});
    }
    publish(name, round);
    answered = answered || (round && !is_away(*round));
  }
  return answered;
}

/// Until it is done or the disk has no more room to give.
Result<FactsRound> FactsKeeper::ask(const std::string& name, Source& source, FactsSync::Depth depth,
                                    const ReadBackUntil& until) {
  for (;;) {
    auto round = try_ask(name, source, depth, until);
    const bool no_room = !round && round.error().kind == ErrorKind::kStorage;
    if (!no_room || !parts_.make_room || !parts_.make_room()) return round;
  }
}

Result<FactsRound> FactsKeeper::try_ask(const std::string& name, Source& source, FactsSync::Depth depth,
                                        const ReadBackUntil& until) {
  auto round = sync_->round(*source.port, name, source.kinds, until, depth);
  if (!round || is_away(*round)) return round;
  // Only now: while central is away nothing is worked through for it.
  auto wanted = collect_wanted(parts_.reader, *facts_, parts_.clock, until);
  if (!wanted) return wanted.error();
  if (wanted->added > 0 && !round->broken) {
    auto more = sync_->round(*source.port, name, source.kinds, until, FactsSync::Depth::kNews);
    if (!more) return more.error();
    add_up(*round, *more);
  }
  auto head = parts_.reader.head();
  if (!head) return head.error();
  if (head->sequence.value == 0) return round;
  auto writer = FactsWriter::begin(*facts_);
  if (!writer) return writer.error();
  if (auto noted = writer->set_journal_place({head->sequence, to_hex(head->hash)}); !noted)
    return noted.error();
  if (auto committed = writer->commit(); !committed) return committed.error();
  return round;
}

void FactsKeeper::log_round(const std::string& name, Source& source, const FactsRound& round) {
  if (round.broken && round.broken->code != "facts-stopped") {
    log::warning("central_view.round_broke_off",
                 {{"target", name}, {"code", round.broken->code}, {"detail", round.broken->detail}});
  }
  if (round.first_unusable) {
    log::warning("central_view.rows_unusable", {{"target", name},
                                                {"rows", as_number(round.unusable)},
                                                {"code", round.first_unusable->code},
                                                {"detail", round.first_unusable->detail}});
  }
  if (round.no_room > 0) {
    log::warning("central_view.full", {{"target", name},
                                       {"rows", as_number(round.no_room)},
                                       {"reason", "more rows than the store keeps; the others stay"}});
  }
  if (round.nothing_served() && !round.broken) {
    if (!source.told_nothing) {
      log::info("central_view.not_served",
                {{"target", name}, {"reason", "it tells neither changes nor rows; one question a round"}});
    }
    source.told_nothing = true;
    return;
  }
  if (!round.nothing_served()) source.told_nothing = false;
  if (round.changed == 0) return;
  log::info(
      "central_view.fetched",
      {{"target", name}, {"changed", as_number(round.changed)}, {"requests", as_number(round.requests)}});
}

void FactsKeeper::publish(const std::string& name, const Result<FactsRound>& round) {
  auto counts = facts_->counts();
  auto mark = facts_->feed(name);
  const std::lock_guard lock(mutex_);
  if (counts) summary_.counts = std::move(*counts);
  auto& source = summary_.sources[name];
  source.asked_at = parts_.clock.utc_now();
  if (mark) source.caught_up_at = mark->caught_up_at;
  source.trouble = round ? round->broken : std::optional(round.error());
  if (round && (round->feed_served || !round->broken)) source.changes_served = round->feed_served;
}

FetchPort* FactsKeeper::port(const std::string& name) {
  const auto source = sources_.find(name);
  return source == sources_.end() ? nullptr : source->second.port.get();
}

bool FactsKeeper::has_feed(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto source = summary_.sources.find(name);
  return source != summary_.sources.end() && source->second.changes_served;
}

FactsSummary FactsKeeper::summary() const {
  const std::lock_guard lock(mutex_);
  return summary_;
}

}  // namespace tillsync
