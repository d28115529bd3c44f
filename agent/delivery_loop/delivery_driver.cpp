#include "agent/delivery_loop/delivery_driver.h"

#include <algorithm>

#include "agent/delivery_loop/trace.h"
#include "outbox/journal/policy_verdict.h"
#include "platform/base/mutation.h"
#include "platform/log/log.h"

namespace tillsync {

/// The journal's backlog, as new as what the scheduler was told: an outcome is known here before its commit,
/// and a step that needs it must not be read as waiting for it.
class DeliveryDriver::FreshBacklog final : public BacklogSource {
 public:
  FreshBacklog(const Parts& parts, const std::unordered_set<DeliveryKey>& settled)
      : journal_(parts.reader, parts.store_id, parts.ahead), settled_(settled) {}

  void read_ahead(bool wanted) { journal_.read_ahead(wanted); }
  Result<BacklogPage> read(const std::string& target, Sequence after, std::size_t documents_max) override {
    auto page = journal_.read(target, after, documents_max);
    if (page) refresh(page->entries);
    return page;
  }
  Result<BacklogPage> read_live(const std::string& target, Sequence after,
                                std::size_t documents_max) override {
    auto page = journal_.read_live(target, after, documents_max);
    if (page) refresh(page->entries);
    return page;
  }
  Result<BacklogKeys> read_keys(const std::string& target, Sequence after, Sequence through,
                                std::size_t documents_max) override {
    return journal_.read_keys(target, after, through, documents_max);
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
    std::erase_if(entries, [&](const BacklogEntry& entry) { return settled_.contains(entry.key); });
    for (auto& entry : entries) {
      std::erase_if(entry.needs, [&](const std::string& need) {
        return settled_.contains(DeliveryKey{entry.key.document, need});
      });
    }
  }

  JournalBacklog journal_;
  const std::unordered_set<DeliveryKey>& settled_;
};

LaneOptions lane_options(const TargetSettings& target) {
  LaneOptions options;
  options.concurrency = static_cast<int>(target.concurrency);
  options.batch_max = static_cast<int>(target.batch_max);
  options.backoff_min = target.backoff_min;
  options.backoff_max = target.backoff_max;
  return options;
}

DeliveryDriver::DeliveryDriver(Parts parts, DeliveryDriverLimits limits)
    : parts_(std::move(parts)),
      limits_(limits),
      spans_(parts_.random.next()),
      backlog_(std::make_unique<FreshBacklog>(parts_, settled_)),
      scheduler_(std::make_unique<Scheduler>(*backlog_, parts_.random, limits_.scheduler)) {}

DeliveryDriver::~DeliveryDriver() = default;

void DeliveryDriver::add_target(const std::string& name, const LaneOptions& options, const LaneMemory& memory,
                                Sequence head, std::unique_ptr<TargetPort> port) {
  LaneOptions whole = options;
  whole.pace = port->limits();
  if (whole.pace.concurrency_max > 0)
    whole.concurrency = std::min(whole.concurrency, static_cast<int>(whole.pace.concurrency_max));
  whole.requests_max = [speaks = port.get()](std::size_t deliveries) {
    return speaks->requests_max(deliveries);
  };
  ports_[name] = std::move(port);
  scheduler_->add_target(name, whole, memory, head);
}

void DeliveryDriver::apply(const DecisionFact& fact) {
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
      return scheduler_->amend(fact.target, fact.delivery, ordering_keys(*fact.amended, parts_.store_id));
  }
}

SteadyTime DeliveryDriver::now() const {
  if (mutated("backoff-by-wall-clock")) return SteadyTime(parts_.clock.utc_now().time_since_epoch());
  return parts_.clock.steady_now();
}

bool DeliveryDriver::turn(bool sending) {
  const auto at = now();
  if (at >= record_due_) {
    if (!sending) {
      submit_told(told_.size());  // the end is near
    } else if (at >= due_of_told()) {
      submit_told(recorded_at_once(at));
    }
    for (auto& reservation : std::exchange(unreserved_, {})) reserve(std::move(reservation));
  }
  save_frontiers();
  return sending && step(at);
}

std::optional<SteadyTime> DeliveryDriver::next_wake(bool sending) const {
  std::optional<SteadyTime> wake;
  const auto until = [&](SteadyTime due) {
    if (!wake || due < *wake) wake = due;
  };
  if (sending && told_.size() < limits_.unrecorded_max) {
    if (step_due_) {
      until(*step_due_);
    } else if (const auto due = scheduler_->next_wake()) {
      until(*due);
    }
  }
  if (!told_.empty() && !telling_) until(std::max(record_due_, due_of_told()));
  if (!unreserved_.empty()) until(record_due_);
  return wake;
}

bool DeliveryDriver::step(SteadyTime at) {
  if (told_.size() >= limits_.unrecorded_max) return false;
  backlog_->read_ahead(!tills_post(at));  // one thread less that they would have to share the processors with
  const JournalReader::Snapshot snapshot(parts_.reader);
  auto actions = scheduler_->step(at);
  if (!actions) {
    log::error("delivery.backlog_unreadable",
               {{"code", actions.error().code}, {"detail", actions.error().detail}});
    note_damage(actions.error());
    step_due_ = at + limits_.record_again;
    return false;
  }
  step_due_.reset();
  for (auto& action : *actions) act(std::move(action));
  return !actions->empty();
}

void DeliveryDriver::act(Action action) {
  if (auto* sending = std::get_if<Send>(&action)) return send(std::move(*sending));
  if (auto* looking = std::get_if<LookUp>(&action)) return look_up(std::move(*looking));
  if (auto* reservation = std::get_if<Reserve>(&action)) return reserve(std::move(*reservation));
  if (auto* day = std::get_if<ReserveDay>(&action)) return reserve(std::move(*day));
  if (const auto* frontier = std::get_if<SaveFrontier>(&action)) {
    frontiers_[frontier->target] = PendingFrontier{told_count_, frontier->frontier};
    return;
  }
  tell_journal(std::get<Park>(std::move(action)));
}

void DeliveryDriver::reserve(Reservation action) {
  const auto write = [this](const Reservation& reservation) -> std::function<Result<void>(Journal&)> {
    if (const auto* documents = std::get_if<Reserve>(&reservation)) {
      return [documents = *documents](Journal& journal) {
        return journal.reserve(documents.target, documents.through, documents.from);
      };
    }
    const auto& day = std::get<ReserveDay>(reservation);
    const auto full_at = parts_.clock.utc_now() + std::chrono::duration_cast<std::chrono::microseconds>(
                                                      day.full_at - parts_.clock.steady_now());
    return [target = day.target, full_at](Journal& journal) { return journal.reserve_day(target, full_at); };
  };
  parts_.journal.run(write(action), [this, action](Result<void> done) {
    parts_.tell([this, action, done] {
      if (!done) {
        record_due_ = now() + limits_.record_again;
        unreserved_.push_back(action);
      } else if (const auto* documents = std::get_if<Reserve>(&action)) {
        scheduler_->reserved(documents->target, documents->through, documents->from);
      } else {
        const auto& day = std::get<ReserveDay>(action);
        scheduler_->day_reserved(day.target, day.full_at);
      }
    });
  });
}

Result<std::shared_ptr<const OutgoingDocument>> DeliveryDriver::read(const Attempt& attempt) {
  if (attempt.document) return attempt.document;
  auto stored =
      attempt.on_record ? parts_.reader.load_version(attempt.key) : parts_.reader.load(attempt.key.document);
  if (!stored) return stored.error();
  if (!*stored)
    return Error{ErrorKind::kCorrupt, "document-missing", "a document that is owed is not in the journal"};
  return std::make_shared<const OutgoingDocument>(outgoing_document(**stored));
}

/// Nothing: it could not be read, and the scheduler was told so.
std::optional<OutgoingDelivery> DeliveryDriver::load(const std::string& target, Attempt& attempt) {
  const auto document = read(attempt);
  attempt.document.reset();
  if (!document) {
    log::error("delivery.unreadable", {{"target", target},
                                       {"sequence", attempt.key.document.value},
                                       {"code", document.error().code},
                                       {"detail", document.error().detail}});
    note_damage(document.error());
    scheduler_->not_attempted(target, attempt, now());
    return std::nullopt;
  }
  OutgoingDelivery delivery;
  delivery.key = attempt.key;
  delivery.type = (*document)->type;
  delivery.store = parts_.store_id;
  delivery.document_id = (*document)->id;
  delivery.document = (*document)->json;
  delivery.attempt = attempt.attempt;
  delivery.correlation_id = (*document)->correlation_id;
  delivery.traceparent = child_traceparent((*document)->traceparent, delivery.reference(), spans_);
  return delivery;
}

void DeliveryDriver::send(Send action) {
  std::vector<OutgoingDelivery> batch;
  std::vector<Attempt> attempts;
  for (auto& attempt : action.attempts) {
    auto delivery = load(action.target, attempt);
    if (!delivery) continue;
    batch.push_back(std::move(*delivery));
    attempts.push_back(std::move(attempt));
  }
  if (batch.empty()) return;
  ports_[action.target]->submit(
      std::move(batch),
      [this, target = action.target, attempts = std::move(attempts)](std::vector<Outcome> outcomes) {
        const auto at = now();
        for (std::size_t i = 0; i < attempts.size(); ++i) {
          if (!outcomes[i].verdict)
            parts_.note(target, outcomes[i]);  // a policy's is no answer of the target's
          scheduler_->outcome(target, attempts[i], outcomes[i], at);
          record(target, attempts[i], std::move(outcomes[i]), false);
        }
      });
}

void DeliveryDriver::look_up(LookUp action) {
  auto delivery = load(action.target, action.attempt);
  if (!delivery) return;
  ports_[action.target]->look_up(
      std::move(*delivery), [this, target = action.target, attempt = action.attempt](LookUpAnswer answer) {
        if (answer.kind != LookUpAnswer::Kind::kAbsent) parts_.note(target, answer.outcome);
        scheduler_->look_up_answer(target, attempt, answer, now());
        looked_up(target, attempt, std::move(answer));
      });
}

void DeliveryDriver::looked_up(const std::string& target, const Attempt& attempt, LookUpAnswer answer) {
  using Kind = LookUpAnswer::Kind;
  if (answer.kind == Kind::kFound || answer.kind == Kind::kRefused)
    return record(target, attempt, std::move(answer.outcome), true);
  LookUpFact fact{attempt.key, target, attempt.attempt, LookUpFact::Found::kAbsent, "", 0};
  if (answer.kind == Kind::kFailed) {
    fact.found = LookUpFact::Found::kFailed;
    fact.reason = std::move(answer.outcome.reason);
    fact.http_status = answer.outcome.http_status;
  }
  tell_journal(std::move(fact));
}

void DeliveryDriver::record(const std::string& target, const Attempt& attempt, Outcome outcome,
                            bool looked_up) {
  if (outcome.kind == OutcomeKind::kDelivered) settled_.insert(attempt.key);
  tell_journal(OutcomeFact{attempt.key, target, attempt.attempt, std::move(outcome), looked_up});
}

void DeliveryDriver::tell_journal(Told told) {
  ++told_count_;
  told_.push_back(std::move(told));
}

bool DeliveryDriver::tills_post(SteadyTime at) const {
  return posted_at_ != SteadyTime::min() && at - posted_at_ < limits_.posts_last;
}

std::size_t DeliveryDriver::recorded_at_once(SteadyTime at) const {
  return tills_post(at) ? limits_.recorded_beside_posts_max : limits_.recorded_at_once_max;
}

// A commit costs as much as some ten outcomes: under load they go together. The first after a pause goes at
// once.
SteadyTime DeliveryDriver::due_of_told() const {
  return told_.size() >= recorded_at_once(now()) ? SteadyTime::min() : told_due_;
}

void DeliveryDriver::submit_told(std::size_t at_most) {
  if (told_.empty() || telling_) return;
  telling_ = true;
  told_due_ = now() + limits_.record_every;
  const auto end = told_.begin() + static_cast<std::ptrdiff_t>(std::min(told_.size(), at_most));
  auto told = std::make_shared<std::vector<Told>>(std::make_move_iterator(told_.begin()),
                                                  std::make_move_iterator(end));
  told_.erase(told_.begin(), end);
  auto decided = std::make_shared<std::vector<DecisionFact>>();  // by policies
  parts_.journal.run(
      [told, decided](Journal& journal) -> Result<void> {
        decided->clear();  // a group that failed is tried again
        const auto write = [&](const auto& fact) -> Result<void> {
          using Fact = std::decay_t<decltype(fact)>;
          if constexpr (std::is_same_v<Fact, OutcomeFact>) {
            auto decision = record_with_verdict(journal, fact);
            if (!decision) return decision.error();
            if (*decision) decided->push_back(std::move(**decision));
            return ok();
          }
          if constexpr (std::is_same_v<Fact, LookUpFact>) return journal.record_look_up(fact);
          if constexpr (std::is_same_v<Fact, Park>) return journal.park(fact.target, fact.deliveries);
        };
        for (const auto& fact : *told) {
          if (auto done = std::visit(write, fact); !done) return done.error();
        }
        return ok();
      },
      [this, told, decided](Result<void> done) {
        parts_.tell([this, told, decided, done] {
          told_journal(*told, done);
          if (!done) return;
          for (const auto& decision : *decided) apply(decision);
        });
      });
}

void DeliveryDriver::told_journal(const std::vector<Told>& told, const Result<void>& done) {
  telling_ = false;
  if (!done && !mutated("outcome-given-up")) {
    log::error("delivery.unrecorded", {{"outcomes", told.size()}, {"code", done.error().code}});
    told_.insert(told_.begin(), told.begin(), told.end());
    record_due_ = now() + limits_.record_again;
    return;
  }
  durable_count_ += static_cast<std::int64_t>(told.size());
  for (const auto& fact : told) {
    if (const auto* outcome = std::get_if<OutcomeFact>(&fact)) settled_.erase(outcome->delivery);
  }
}

void DeliveryDriver::note_damage(const Error& error) const {
  if (error.kind == ErrorKind::kCorrupt && parts_.damaged) parts_.damaged(error);
}

void DeliveryDriver::save_frontiers() {
  std::erase_if(frontiers_, [this](const auto& pending) {
    if (durable_count_ < pending.second.builds_on && !mutated("frontier-before-outcomes")) return false;
    parts_.journal.run([target = pending.first, frontier = pending.second.frontier](Journal& journal) {
      return journal.save_frontier(target, frontier);
    });
    return true;
  });
}

}  // namespace tillsync
