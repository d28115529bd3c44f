// A journal in memory and a hand-driven clock around a scheduler.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "outbox/delivery/scheduler.h"

namespace tillsync::test {

using std::chrono::milliseconds;

/// What the journal knows of one delivery.
struct Row {
  std::string target;
  std::vector<std::string> needs;
  std::vector<OrderingKey> keys;
  DeliveryState state = DeliveryState::kPending;
  int attempts = 0;
  bool on_record = false;
};

class FakeJournal final : public BacklogSource {
 public:
  std::map<DeliveryKey, Row> rows;
  std::int64_t head = 0;
  int reads = 0;
  int failing_reads = 0;

  /// A document with one step per target, named as the target.
  Sequence add(std::vector<OrderingKey> keys, const std::vector<RouteStep>& route = {{"erp", "erp", {}}}) {
    const Sequence sequence{++head};
    for (const RouteStep& step : route) rows[{sequence, step.step}] = {step.target, step.needs, keys};
    return sequence;
  }

  Result<BacklogPage> read(const std::string& target, Sequence after, std::size_t documents_max) override {
    if (auto failed = fail()) return *failed;
    BacklogPage page;
    page.through = Sequence{std::min(head, after.value + static_cast<std::int64_t>(documents_max))};
    for (auto it = rows.upper_bound({after, "\x7f"}); it != rows.end() && it->first.document <= page.through;
         ++it) {
      if (it->second.target == target && !is_settled(it->second.state)) page.entries.push_back(entry(*it));
    }
    return page;
  }
  Result<std::vector<BacklogEntry>> read_on_record(const std::string& target, Sequence through,
                                                   std::size_t limit) override {
    if (auto failed = fail()) return *failed;
    std::vector<BacklogEntry> entries;
    for (const auto& row : rows) {
      if (row.first.document > through || entries.size() == limit) break;
      if (row.second.target == target && row.second.on_record && !is_settled(row.second.state)) {
        entries.push_back(entry(row));
      }
    }
    return entries;
  }

  Result<BacklogPage> read_live(const std::string& target, Sequence after,
                                std::size_t documents_max) override {
    auto page = read(target, after, documents_max);
    if (!page) return page;
    for (BacklogEntry& entry : page->entries) {
      entry.overtakes = !stays.contains(entry.key.document);
      for (const Sequence named : names[entry.key.document]) {
        for (const auto& [key, row] : rows) {
          if (key.document == named && row.target == target && !is_settled(row.state))
            entry.follows.push_back(named);
        }
      }
    }
    return page;
  }
  /// All keys of all documents in the stretch: more than the port promises.
  Result<BacklogKeys> read_keys(const std::string& target, Sequence after, Sequence through,
                                std::size_t documents_max) override {
    if (auto failed = fail()) return *failed;
    BacklogKeys keys;
    keys.through = std::min(through, Sequence{after.value + static_cast<std::int64_t>(documents_max)});
    for (const auto& [key, row] : rows) {
      if (key.document <= after || key.document > keys.through || row.target != target) continue;
      for (const OrderingKey& use : row.keys) keys.uses.push_back({use, key.document});
    }
    return keys;
  }
  std::set<Sequence> stays;                         ///< never overtake
  std::map<Sequence, std::vector<Sequence>> names;  ///< of documents: those they follow

  /// Appends an outcome, as its owner does before telling the scheduler.
  void record(const DeliveryKey& key, const Attempt& attempt, OutcomeKind kind) {
    Row& row = rows.at(key);
    row.on_record = true;
    row.attempts = attempt.attempt;
    if (row.state == DeliveryState::kDiscarded) return;
    row.state = kind == OutcomeKind::kDelivered   ? DeliveryState::kDelivered
                : kind == OutcomeKind::kRejected  ? DeliveryState::kQuarantined
                : kind == OutcomeKind::kRetryable ? DeliveryState::kRetrying
                                                  : DeliveryState::kUnknown;
  }

 private:
  std::optional<Error> fail() {
    ++reads;
    if (failing_reads == 0) return std::nullopt;
    --failing_reads;
    return Error{ErrorKind::kStorage, "read-failed", "the test wants it so"};
  }
  BacklogEntry entry(const std::pair<const DeliveryKey, Row>& row) const {
    BacklogEntry entry{row.first,           row.second.keys,      {}, row.second.state,
                       row.second.attempts, row.second.on_record, {}};
    entry.recorded_at = UtcTime{std::chrono::seconds(row.first.document.value)};
    for (const std::string& step : row.second.needs) {
      const auto needed = rows.find({row.first.document, step});
      if (needed == rows.end() || !is_settled(needed->second.state)) entry.needs.push_back(step);
    }
    return entry;
  }
};

inline OrderingKey shared(std::uint64_t key) {
  return {key, KeyUse::kShared};
}
inline OrderingKey exclusive(std::uint64_t key) {
  return {key, KeyUse::kExclusive};
}

inline Outcome outcome_of(OutcomeKind kind, TargetSignal signal = TargetSignal::kFine,
                          std::optional<milliseconds> retry_after = {}) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.signal = signal;
  outcome.retry_after = retry_after;
  return outcome;
}
inline Outcome delivered() {
  return outcome_of(OutcomeKind::kDelivered);
}
inline Outcome rejected() {
  return outcome_of(OutcomeKind::kRejected);
}
inline Outcome unreachable() {
  return outcome_of(OutcomeKind::kRetryable, TargetSignal::kUnreachable);
}
inline Outcome lost() {
  return outcome_of(OutcomeKind::kUnknown, TargetSignal::kUnreachable);
}

/// As the journal keeps it.
inline void keep(LaneMemory& memory, const Reserve& reserve) {
  auto& ahead = memory.reserved_ahead;
  if (!reserve.from) {
    memory.reserved = std::max(memory.reserved, reserve.through);
    std::erase_if(ahead, [&](const SequenceRange& range) { return range.last <= reserve.through; });
    return;
  }
  const auto found = std::find_if(ahead.begin(), ahead.end(),
                                  [&](const SequenceRange& range) { return range.first == *reserve.from; });
  if (found == ahead.end()) {
    ahead.push_back({*reserve.from, reserve.through});
  } else {
    found->last = std::max(found->last, reserve.through);
  }
}
inline bool is_reserved(const LaneMemory& memory, Sequence document) {
  return document <= memory.reserved ||
         std::any_of(
             memory.reserved_ahead.begin(), memory.reserved_ahead.end(),
             [&](const SequenceRange& range) { return range.first <= document && document <= range.last; });
}

class Bench {
 public:
  FakeJournal journal;
  SeededRandom random{1};
  SchedulerLimits limits;
  std::map<std::string, LaneOptions> targets{{"erp", {}}};
  std::map<std::string, LaneMemory> memory;
  std::unique_ptr<Scheduler> scheduler;
  SteadyTime now{std::chrono::hours(1)};
  bool answers_reserve = true;

  // What came out and was not answered yet, by document order within a target.
  std::vector<Send> sends;
  std::vector<LookUp> look_ups;
  // What came out at all.
  std::vector<Reserve> reserves;
  std::vector<ReserveDay> days;
  std::vector<SaveFrontier> frontiers;
  std::vector<Park> parks;

  /// A new process on the same journal.
  void start() {
    sends.clear();
    look_ups.clear();
    scheduler = std::make_unique<Scheduler>(journal, random, limits);
    for (const auto& [name, options] : targets) {
      scheduler->add_target(name, options, memory[name], Sequence{journal.head});
    }
    run();
  }

  /// Steps until nothing more comes at this instant.
  void run() {
    scheduler->head_is(Sequence{journal.head});
    for (int i = 0;; ++i) {
      REQUIRE_MESSAGE(i < 100'000, "the scheduler spins");
      auto actions = scheduler->step(now);
      REQUIRE(actions.has_value());
      for (Action& action : *actions) take(action);
      const auto wake = scheduler->next_wake();
      if (!wake || *wake > now) return;
    }
  }
  void pass(std::chrono::nanoseconds time) {
    now += time;
    run();
  }
  /// To the next time the scheduler wants; false where it waits for an event.
  bool pass_to_wake() {
    const auto wake = scheduler->next_wake();
    if (!wake) return false;
    now = std::max(now, *wake);
    run();
    return true;
  }

  std::vector<std::int64_t> sent() const {
    std::vector<std::int64_t> documents;
    for (const Send& send : sends) {
      for (const Attempt& attempt : send.attempts) documents.push_back(attempt.key.document.value);
    }
    return documents;
  }
  std::vector<std::int64_t> asked() const {
    std::vector<std::int64_t> documents;
    for (const LookUp& look_up : look_ups) documents.push_back(look_up.attempt.key.document.value);
    return documents;
  }

  /// Answers the request that holds this document (all its parts alike), and lets the scheduler act. Returns
  /// the attempt's number.
  int answer(std::int64_t document, const Outcome& outcome, const std::string& target = "erp") {
    const auto found = std::find_if(sends.begin(), sends.end(), [&](const Send& send) {
      return send.target == target &&
             std::any_of(send.attempts.begin(), send.attempts.end(),
                         [&](const Attempt& a) { return a.key.document.value == document; });
    });
    REQUIRE(found != sends.end());
    const Send send = *found;
    sends.erase(found);
    for (const Attempt& attempt : send.attempts) {
      journal.record(attempt.key, attempt, outcome.kind);
      scheduler->outcome(send.target, attempt, outcome, now);
    }
    run();
    return send.attempts.front().attempt;
  }
  int answer_look_up(std::int64_t document, LookUpAnswer::Kind kind, const Outcome& outcome = {}) {
    const auto found = std::find_if(look_ups.begin(), look_ups.end(), [&](const LookUp& look_up) {
      return look_up.attempt.key.document.value == document;
    });
    REQUIRE(found != look_ups.end());
    const LookUp look_up = *found;
    look_ups.erase(found);
    if (kind == LookUpAnswer::Kind::kFound)
      journal.record(look_up.attempt.key, look_up.attempt, OutcomeKind::kDelivered);
    scheduler->look_up_answer(look_up.target, look_up.attempt, {kind, outcome}, now);
    run();
    return look_up.attempt.attempt;
  }
  TargetStatus status(const std::string& target = "erp") const { return scheduler->status(target); }

 private:
  void take(Action& action) {
    if (auto* send = std::get_if<Send>(&action)) sends.push_back(std::move(*send));
    if (auto* look_up = std::get_if<LookUp>(&action)) look_ups.push_back(std::move(*look_up));
    if (auto* reserve = std::get_if<Reserve>(&action)) {
      reserves.push_back(*reserve);
      if (answers_reserve) {
        keep(memory[reserve->target], *reserve);
        scheduler->reserved(reserve->target, reserve->through, reserve->from);
      }
    }
    if (auto* day = std::get_if<ReserveDay>(&action)) {
      days.push_back(*day);
      scheduler->day_reserved(day->target, day->full_at);
    }
    if (auto* saved = std::get_if<SaveFrontier>(&action)) {
      memory[saved->target].frontier = saved->frontier;
      frontiers.push_back(*saved);
    }
    if (auto* park = std::get_if<Park>(&action)) {
      for (const DeliveryKey& key : park->deliveries) journal.rows.at(key).on_record = true;
      parks.push_back(std::move(*park));
    }
  }
};

}  // namespace tillsync::test
