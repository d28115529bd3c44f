#include "agent/delivery_loop/delivery_loop.h"

#include <algorithm>
#include <set>

#include "agent/delivery_loop/trace.h"
#include "outbox/document/canonical.h"
#include "platform/log/log.h"

namespace tillsync {
namespace {

constexpr std::chrono::milliseconds kIdleWait{60'000};  // an event or a transfer ends the wait early
constexpr std::chrono::milliseconds kStoppingWait{20};
constexpr std::chrono::seconds kRateWindow{2};

LaneOptions lane_options(const TargetSettings& target) {
  LaneOptions options;
  options.concurrency = static_cast<int>(target.concurrency);
  options.batch_max = static_cast<int>(target.batch_max);
  options.backoff_min = target.backoff_min;
  options.backoff_max = target.backoff_max;
  options.rate_per_s = target.rate_per_s;
  return options;
}

std::int64_t connections_needed(const Settings& settings) {
  std::int64_t most = 1;
  for (const auto& [name, target] : settings.targets) most = std::max(most, target.concurrency);
  return most;
}

}  // namespace

/// The journal's backlog, as new as what the scheduler was told: an outcome is known here before its commit,
/// and a step that needs it must not be read as waiting for it.
class DeliveryLoop::FreshBacklog final : public BacklogSource {
 public:
  FreshBacklog(JournalReader& reader, std::string store_id, const std::set<DeliveryKey>& settled)
      : journal_(reader, std::move(store_id)), settled_(settled) {}

  Result<BacklogPage> read(const std::string& target, Sequence after, std::size_t documents_max) override {
    auto page = journal_.read(target, after, documents_max);
    if (page) refresh(page->entries);
    return page;
  }
  Result<std::vector<BacklogEntry>> read_on_record(const std::string& target, Sequence through,
                                                   std::size_t limit) override {
    auto entries = journal_.read_on_record(target, through, limit);
    if (entries) refresh(*entries);
    return entries;
  }

 private:
  void refresh(std::vector<BacklogEntry>& entries) const {
    if (settled_.empty()) return;
    for (auto& entry : entries) {
      std::erase_if(entry.needs, [&](const std::string& need) {
        return settled_.contains(DeliveryKey{entry.key.document, need});
      });
    }
  }

  JournalBacklog journal_;
  const std::set<DeliveryKey>& settled_;
};

DeliveryLoop::DeliveryLoop(Parts parts, DeliveryLoopLimits limits)
    : parts_(std::move(parts)), limits_(limits) {}

Result<std::unique_ptr<DeliveryLoop>> DeliveryLoop::start(Parts parts,
                                                          const std::map<std::string, LaneMemory>& lanes,
                                                          Sequence head, DeliveryLoopLimits limits) {
  std::unique_ptr<DeliveryLoop> loop(new DeliveryLoop(std::move(parts), limits));
  const auto& settings = loop->parts_.settings;
  auto client = http::Client::open(static_cast<std::size_t>(connections_needed(settings)));
  if (!client) return client.error();
  loop->client_ = std::move(*client);
  auto reader = JournalReader::open(settings.journal.path);
  if (!reader) return reader.error();
  loop->reader_ = std::move(*reader);
  loop->backlog_ = std::make_unique<FreshBacklog>(*loop->reader_, settings.store.id, loop->settled_);
  loop->scheduler_ = std::make_unique<Scheduler>(*loop->backlog_, loop->parts_.random);
  for (const auto& [name, target] : settings.targets) {
    auto port = loop->parts_.make_port(name, *loop->client_);
    if (!port) return port.error();
    loop->ports_[name] = std::move(*port);
    const auto memory = lanes.find(name);
    loop->scheduler_->add_target(name, lane_options(target),
                                 memory == lanes.end() ? LaneMemory{} : memory->second, head);
    loop->views_[name];
  }
  loop->head_ = head;
  loop->rate_since_ = loop->published_at_ = loop->parts_.clock.steady_now();
  loop->publish(true);
  loop->thread_ = std::thread([self = loop.get()] { self->loop(); });
  return loop;
}

DeliveryLoop::~DeliveryLoop() {
  stop();
}

void DeliveryLoop::stop() {
  stopping_ = true;
  if (client_) client_->wake();
  if (thread_.joinable()) thread_.join();
}

void DeliveryLoop::tell(std::function<void()> event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  client_->wake();
}

void DeliveryLoop::committed(const CommitNews& news) {
  {
    const std::lock_guard lock(mutex_);
    if (news.head <= head_) return;
    head_ = news.head;
  }
  client_->wake();
}

void DeliveryLoop::decided(const DecisionFact& fact, std::function<void()> then) {
  tell([this, fact, then = std::move(then)]() mutable {
    apply(fact);
    after_publish_.push_back(std::move(then));
  });
}

void DeliveryLoop::apply(const DecisionFact& fact) {
  using Kind = DecisionFact::Kind;
  if (!ports_.contains(fact.target)) return;  // owed to a target that the settings no longer name
  switch (fact.kind) {
    case Kind::kPause:
      return scheduler_->pause(fact.target);
    case Kind::kResume:
      return scheduler_->resume(fact.target);
    case Kind::kRetry:
      return scheduler_->retry(fact.target, fact.delivery);
    case Kind::kDiscard:
      return scheduler_->discard(fact.target, fact.delivery);
    case Kind::kAmend:
      return scheduler_->amend(fact.target, fact.delivery,
                               ordering_keys(*fact.amended, parts_.settings.store.id));
  }
}

void DeliveryLoop::handle_events() {
  std::vector<std::function<void()>> events;
  Sequence head;
  {
    const std::lock_guard lock(mutex_);
    events.swap(events_);
    head = head_;
  }
  for (auto& event : events) event();
  if (!events.empty()) changed_ = true;
  scheduler_->head_is(head);
}

void DeliveryLoop::loop() {
  SteadyTime stop_at = SteadyTime::max();
  while (true) {
    handle_events();
    const auto now = parts_.clock.steady_now();
    if (stopping_ && stop_at == SteadyTime::max()) stop_at = now + limits_.stop_patience;
    submit_outcomes();  // before step(): what it saves builds on them
    const bool under_way = client_->in_flight() > 0 || durable_ < submitted_;
    if (stopping_ && (!under_way || now >= stop_at)) break;
    record_again(now);
    save_frontiers();
    if (!stopping_) step(now);
    publish(!after_publish_.empty());
    for (auto& then : std::exchange(after_publish_, {})) then();
    client_->wait(time_to_wait());
  }
  client_->cancel_all();
  submit_outcomes();
  handle_events();
  for (auto& then : std::exchange(after_publish_, {})) then();
}

void DeliveryLoop::step(SteadyTime now) {
  std::size_t waiting = 0;
  for (const auto& ledger : unrecorded_) waiting += ledger.facts;
  if (waiting >= limits_.unrecorded_max) return;
  auto actions = scheduler_->step(now);
  if (!actions) {
    log::error("delivery.backlog_unreadable",
               {{"code", actions.error().code}, {"detail", actions.error().detail}});
    step_due_ = now + limits_.record_again;
    return;
  }
  step_due_.reset();
  for (auto& action : *actions) act(std::move(action));
}

std::chrono::milliseconds DeliveryLoop::time_to_wait() const {
  auto wait = stopping_ ? kStoppingWait : kIdleWait;
  const auto now = parts_.clock.steady_now();
  const auto until = [&](SteadyTime due) {
    wait = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(due - now), std::chrono::milliseconds(0),
                      wait);
  };
  if (step_due_) {
    until(*step_due_);
  } else if (const auto wake = scheduler_->next_wake(); wake && !stopping_) {
    until(*wake);
  }
  if (!unrecorded_.empty() || !unreserved_.empty()) until(record_due_);
  if (changed_) until(published_at_ + limits_.snapshot_every);
  return wait;
}

void DeliveryLoop::act(Action action) {
  changed_ = true;
  if (auto* sending = std::get_if<Send>(&action)) return send(std::move(*sending));
  if (auto* looking = std::get_if<LookUp>(&action)) return look_up(std::move(*looking));
  if (auto* reservation = std::get_if<Reserve>(&action)) return reserve(std::move(*reservation));
  if (const auto* frontier = std::get_if<SaveFrontier>(&action)) {
    // Never while something it builds on may be lost: then the next one will do.
    if (unrecorded_.empty()) frontiers_[frontier->target] = PendingFrontier{submitted_, frontier->frontier};
    return;
  }
  auto& park = std::get<Park>(action);
  submit(std::make_shared<Ledger>(Ledger{[target = park.target, deliveries = std::move(park.deliveries)](
                                             Journal& journal) { return journal.park(target, deliveries); },
                                         0,
                                         {}}));
}

void DeliveryLoop::reserve(Reserve action) {
  parts_.journal.run([action](Journal& journal) { return journal.reserve(action.target, action.through); },
                     [this, action](Result<void> done) {
                       tell([this, action, done] {
                         if (done) return scheduler_->reserved(action.target, action.through);
                         record_due_ = parts_.clock.steady_now() + limits_.record_again;
                         unreserved_.push_back(action);
                       });
                     });
}

void DeliveryLoop::record_again(SteadyTime now) {
  if (now < record_due_) return;
  for (auto& reservation : std::exchange(unreserved_, {})) reserve(std::move(reservation));
  for (auto& ledger : std::exchange(unrecorded_, {})) submit(std::make_shared<Ledger>(std::move(ledger)));
}

Result<OutgoingDelivery> DeliveryLoop::load(const Attempt& attempt) {
  auto stored = reader_->load_version(attempt.key);
  if (!stored) return stored.error();
  if (!*stored)
    return Error{ErrorKind::kCorrupt, "document-missing", "a document that is owed is not in the journal"};
  const auto& document = (*stored)->document;
  OutgoingDelivery delivery;
  delivery.key = attempt.key;
  delivery.type = document.type;
  delivery.store = parts_.settings.store.id;
  delivery.document_id = document.id;
  delivery.document = canonical_json(document);
  delivery.attempt = attempt.attempt;
  delivery.correlation_id = document.correlation_id.value_or((*stored)->meta.correlation_id);
  if (delivery.correlation_id.empty()) delivery.correlation_id = document.id;
  delivery.traceparent = child_traceparent((*stored)->meta.traceparent, delivery.reference(), parts_.random);
  return delivery;
}

void DeliveryLoop::send(Send action) {
  std::vector<OutgoingDelivery> batch;
  std::vector<Attempt> attempts;
  for (auto& attempt : action.attempts) {
    auto delivery = load(attempt);
    if (!delivery) {
      log::error("delivery.unreadable", {{"target", action.target},
                                         {"sequence", attempt.key.document.value},
                                         {"code", delivery.error().code},
                                         {"detail", delivery.error().detail}});
      scheduler_->not_attempted(action.target, attempt, parts_.clock.steady_now());
      continue;
    }
    batch.push_back(std::move(*delivery));
    attempts.push_back(std::move(attempt));
  }
  if (batch.empty()) return;
  ports_[action.target]->submit(
      std::move(batch),
      [this, target = action.target, attempts = std::move(attempts)](std::vector<Outcome> outcomes) {
        const auto now = parts_.clock.steady_now();
        for (std::size_t i = 0; i < attempts.size(); ++i) {
          record(target, attempts[i], outcomes[i], false);
          scheduler_->outcome(target, attempts[i], outcomes[i], now);
        }
      });
}

void DeliveryLoop::look_up(LookUp action) {
  auto delivery = load(action.attempt);
  if (!delivery) {
    log::error("delivery.unreadable", {{"target", action.target},
                                       {"sequence", action.attempt.key.document.value},
                                       {"code", delivery.error().code},
                                       {"detail", delivery.error().detail}});
    return scheduler_->not_attempted(action.target, action.attempt, parts_.clock.steady_now());
  }
  ports_[action.target]->look_up(
      std::move(*delivery), [this, target = action.target, attempt = action.attempt](LookUpAnswer answer) {
        if (answer.kind == LookUpAnswer::Kind::kFound) record(target, attempt, answer.outcome, true);
        if (answer.kind == LookUpAnswer::Kind::kFailed) note(target, answer.outcome);
        scheduler_->look_up_answer(target, attempt, answer, parts_.clock.steady_now());
      });
}

void DeliveryLoop::record(const std::string& target, const Attempt& attempt, const Outcome& outcome,
                          bool looked_up) {
  note(target, outcome);
  outcomes_.push_back(OutcomeFact{attempt.key, target, attempt.attempt, outcome, looked_up});
}

void DeliveryLoop::note(const std::string& target, const Outcome& outcome) {
  changed_ = true;
  auto& view = views_[target];
  if (outcome.kind == OutcomeKind::kDelivered) {
    ++view.delivered;
    view.last_success = parts_.clock.utc_now();
    return;
  }
  view.last_error = {parts_.clock.utc_now(), outcome.reason};
  if (outcome.kind == OutcomeKind::kRejected) {
    log::warning("delivery.rejected", {{"target", target}, {"http_status", outcome.http_status}});
  } else {
    log::info(
        "delivery.failed",
        {{"target", target}, {"outcome", outcome_name(outcome.kind)}, {"http_status", outcome.http_status}});
  }
}

void DeliveryLoop::submit_outcomes() {
  if (outcomes_.empty()) return;
  auto facts = std::make_shared<std::vector<OutcomeFact>>(std::exchange(outcomes_, {}));
  auto ledger = std::make_shared<Ledger>();
  ledger->facts = facts->size();
  for (const auto& fact : *facts) {
    if (fact.outcome.kind != OutcomeKind::kDelivered) continue;
    ledger->settled.push_back(fact.delivery);
    settled_.insert(fact.delivery);
  }
  ledger->apply = [facts](Journal& journal) -> Result<void> {
    for (const auto& fact : *facts) {
      if (auto done = journal.record(fact); !done) return done.error();
    }
    return ok();
  };
  submit(std::move(ledger));
}

void DeliveryLoop::submit(std::shared_ptr<Ledger> ledger) {
  ++submitted_;
  parts_.journal.run(
      [ledger](Journal& journal) { return ledger->apply(journal); },
      [this, ledger](Result<void> done) {
        tell([this, ledger, done] {
          if (done) {
            ++durable_;
            for (const auto& key : ledger->settled) settled_.erase(key);
            return;
          }
          log::error("delivery.unrecorded", {{"outcomes", ledger->facts}, {"code", done.error().code}});
          --submitted_;
          frontiers_.clear();
          record_due_ = parts_.clock.steady_now() + limits_.record_again;
          unrecorded_.push_back(std::move(*ledger));
        });
      });
}

void DeliveryLoop::save_frontiers() {
  std::erase_if(frontiers_, [this](const auto& pending) {
    if (durable_ < pending.second.ticket) return false;
    parts_.journal.run([target = pending.first, frontier = pending.second.frontier](Journal& journal) {
      return journal.save_frontier(target, frontier);
    });
    return true;
  });
}

void DeliveryLoop::publish(bool force) {
  const auto now = parts_.clock.steady_now();
  if (!force && (!changed_ || now < published_at_ + limits_.snapshot_every)) return;
  const bool new_window = now - rate_since_ >= kRateWindow;
  std::set<Sequence> blocked;
  for (const auto& key : scheduler_->blocked()) blocked.insert(key.document);
  for (auto& [name, view] : views_) {
    view.status = scheduler_->status(name);
    view.retry_in.reset();
    if (view.status.retry_at && *view.status.retry_at > now) {
      view.retry_in = std::chrono::duration_cast<std::chrono::milliseconds>(*view.status.retry_at - now);
    }
    if (new_window) {
      const double seconds = std::chrono::duration<double>(now - rate_since_).count();
      view.rate_per_s = static_cast<double>(view.delivered - rate_base_[name]) / seconds;
      rate_base_[name] = view.delivered;
    }
    const bool owes = view.status.oldest_open.has_value();
    if (owing_[name] && !owes && parts_.drained) parts_.drained(name);
    owing_[name] = owes;
  }
  if (new_window) rate_since_ = now;
  published_at_ = now;
  changed_ =
      std::any_of(views_.begin(), views_.end(), [](const auto& view) { return view.second.rate_per_s > 0; });
  const std::lock_guard lock(mutex_);
  shown_ = views_;
  shown_blocked_ = static_cast<std::int64_t>(blocked.size());
}

std::map<std::string, TargetView> DeliveryLoop::targets() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

std::int64_t DeliveryLoop::blocked_documents() const {
  const std::lock_guard lock(mutex_);
  return shown_blocked_;
}

}  // namespace tillsync
