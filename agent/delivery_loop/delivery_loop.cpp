#include "agent/delivery_loop/delivery_loop.h"

#include <algorithm>
#include <set>

#include "agent/delivery_loop/trace.h"
#include "outbox/document/canonical.h"
#include "platform/log/log.h"

namespace tillsync {
namespace {

constexpr std::chrono::milliseconds kIdleWait{60'000};  // an event or a transfer ends the wait early
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
  loop->backlog_ = std::make_unique<JournalBacklog>(*loop->reader_, settings.store.id);
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

void DeliveryLoop::decided(const DecisionFact& fact) {
  using Kind = DecisionFact::Kind;
  tell([this, fact] {
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
  });
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
    auto now = parts_.clock.steady_now();
    if (stopping_ && stop_at == SteadyTime::max()) stop_at = now + limits_.stop_patience;
    const bool under_way = client_->in_flight() > 0 || recording_ > 0 || !outcomes_.empty();
    if (stopping_ && (!under_way || now >= stop_at)) break;
    record_again(now);
    if (!stopping_ && unrecorded_.size() < limits_.unrecorded_max) {
      auto actions = scheduler_->step(now);
      if (!actions) {
        log::error("delivery.backlog_unreadable",
                   {{"code", actions.error().code}, {"detail", actions.error().detail}});
        record_due_ = now + limits_.record_again;
      } else {
        for (auto& action : *actions) act(std::move(action));
      }
    }
    if (!outcomes_.empty()) submit_facts(std::exchange(outcomes_, {}));
    publish(false);
    auto wait = stopping_ ? std::chrono::milliseconds(20) : kIdleWait;
    now = parts_.clock.steady_now();
    const auto until = [&](SteadyTime due) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now);
      wait = std::clamp(left, std::chrono::milliseconds(0), wait);
    };
    if (auto wake = scheduler_->next_wake()) until(*wake);
    if (!unrecorded_.empty() || !unreserved_.empty()) until(record_due_);
    if (changed_) until(published_at_ + limits_.snapshot_every);
    client_->wait(wait);
  }
  client_->cancel_all();
  if (!outcomes_.empty()) submit_facts(std::exchange(outcomes_, {}));
}

void DeliveryLoop::act(Action action) {
  changed_ = true;
  if (auto* sending = std::get_if<Send>(&action)) return send(std::move(*sending));
  if (auto* looking = std::get_if<LookUp>(&action)) return look_up(std::move(*looking));
  if (auto* reservation = std::get_if<Reserve>(&action)) return reserve(std::move(*reservation));
  if (auto* frontier = std::get_if<SaveFrontier>(&action)) {
    parts_.journal.run([target = frontier->target, sequence = frontier->frontier](Journal& journal) {
      return journal.save_frontier(target, sequence);
    });
    return;
  }
  auto& park = std::get<Park>(action);
  parts_.journal.run([target = park.target, deliveries = std::move(park.deliveries)](Journal& journal) {
    return journal.park(target, deliveries);
  });
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
  if (!unrecorded_.empty()) submit_facts(std::exchange(unrecorded_, {}));
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

void DeliveryLoop::submit_facts(std::vector<OutcomeFact> facts) {
  recording_ += facts.size();
  auto shared = std::make_shared<std::vector<OutcomeFact>>(std::move(facts));
  parts_.journal.run(
      [shared](Journal& journal) -> Result<void> {
        for (const auto& fact : *shared) {
          if (auto done = journal.record(fact); !done) return done.error();
        }
        return ok();
      },
      [this, shared](Result<void> done) {
        tell([this, shared, done] {
          recording_ -= shared->size();
          if (done) return;
          log::error("delivery.unrecorded", {{"outcomes", shared->size()}, {"code", done.error().code}});
          record_due_ = parts_.clock.steady_now() + limits_.record_again;
          unrecorded_.insert(unrecorded_.end(), shared->begin(), shared->end());
        });
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
