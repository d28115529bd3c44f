#include "agent/connectors/mapped/connector_engine.h"

#include <algorithm>

#include "agent/connectors/classify.h"
#include "agent/connectors/mapped/slow_programs.h"
#include "agent/connectors/mapped/verdict.h"
#include "agent/connectors/pace_limits.h"
#include "agent/connectors/plain_text.h"

namespace tillsync {
namespace {

Outcome of_connector(OutcomeKind kind, const std::string& reason) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.reason = one_line(reason, kReasonBytesMax);
  return outcome;
}

/// An error page that somebody on the way sent as 200 has no list either, and would make every look-up find
/// nothing.
bool tells_absence(const http::Answer& answer) {
  return answer.status == 404 || is_json(answer.body);
}

/// Of the tables [[submit_batch]] the least that one takes.
std::size_t batch_min_of(const Connector& connector) {
  std::int64_t least = connector.batch_max();
  for (const Operation& operation : connector.submit_batch) least = std::min(least, operation.batch_max);
  return static_cast<std::size_t>(least);
}

}  // namespace

struct ConnectorEngine::Shared {
  std::shared_ptr<const Connector> connector;
  std::string parameters;  ///< JSON
  Requester requester;
  std::unique_ptr<SlowPrograms> slow;

  MappingInput input(const OutgoingDelivery& delivery, const json::Object& captured) const {
    MappingInput input;
    input.json("delivery", delivery_json(delivery));
    input.json("document", delivery.document);
    input.json("parameters", parameters);
    input.value("captured", json::Value(captured));
    return input;
  }
  std::string named(std::string_view operation, const RequestSpec& request) const {
    return "connector " + connector->name + ", " + std::string(operation) + "." + request.name;
  }
};

/// One delivery on its way through the requests of `submit`.
struct ConnectorEngine::Flow : std::enable_shared_from_this<Flow> {
  std::shared_ptr<const Shared> shared;
  OutgoingDelivery delivery;
  const Operation* operation = nullptr;
  std::function<void(Outcome)> done;
  std::size_t next = 0;
  json::Object captured;
  bool begun = false;  ///< the target has a part of it
  http::Answer last;
  TargetUsage usage;
  bool ran_too_long = false;

  void go_on() {
    if (next == operation->requests.size()) return end_without_outcome();
    const RequestSpec& request = operation->requests[next++];
    shared->requester.send(
        request, shared->named("submit", request), shared->input(delivery, captured),
        [self = shared_from_this(), &request](Reply reply) { self->answered(request, std::move(reply)); });
  }

  void answered(const RequestSpec& request, Reply reply) {
    usage.add(reply.usage);
    if (reply.passed_over) return go_on();
    ran_too_long = reply.ran_too_long;
    if (reply.outcome) return finish(std::move(*reply.outcome));
    last = std::move(reply.answer);
    Verdict verdict = verdict_of(reply.said, last, captured);
    merge(captured, verdict.capture);
    switch (verdict.kind) {
      case Verdict::Kind::kNext:
        begun = begun || !request.reads;
        return go_on();
      case Verdict::Kind::kSettled:
        if (verdict.outcome.signal == TargetSignal::kUnauthorized) reply.refuse_credential();
        return finish(std::move(verdict.outcome));
      case Verdict::Kind::kAbsent:
      case Verdict::Kind::kResume:
        return finish(of_connector(OutcomeKind::kUnknown, shared->named("submit", request) +
                                                              ": only a look-up may say absent or resume"));
    }
  }

  void end_without_outcome() {
    if (const auto* reference = member(captured, "central_reference"); reference != nullptr) {
      json::Value said = json::Object{{"outcome", "delivered"}, {"central_reference", *reference}};
      return finish(verdict_of(said, last, {}).outcome);
    }
    if (last.status != 0) return finish(classify(last));
    finish(of_connector(OutcomeKind::kRejected, "connector " + shared->connector->name +
                                                    ": none of submit's requests is for this document"));
  }

  /// A part was done, so that "later" is not the whole truth: what is there has to be found before anything
  /// is sent again.
  void finish(Outcome outcome) {
    if (!ran_too_long) {
      shared->slow->forget(delivery.key);
    } else if (shared->slow->again(delivery.key)) {
      outcome.kind = OutcomeKind::kRejected;
      outcome.reason = one_line(outcome.reason + ", " + std::to_string(SlowPrograms::kInARowMax) +
                                    " times in a row; mend the program, then retry",
                                kReasonBytesMax);
    }
    if (begun && outcome.kind == OutcomeKind::kRetryable) outcome.kind = OutcomeKind::kUnknown;
    charge(outcome, usage);
    done(std::move(outcome));
  }

  static void run(const std::shared_ptr<const Shared>& shared, OutgoingDelivery delivery,
                  std::function<void(Outcome)> done) {
    const Operation* operation = shared->connector->submit_of(delivery.type);
    if (operation == nullptr) {
      return done(of_connector(OutcomeKind::kRejected, "connector " + shared->connector->name +
                                                           " does not serve " +
                                                           std::string(type_name(delivery.type)) +
                                                           "; take it out of this target's routes"));
    }
    auto flow = std::make_shared<Flow>();
    flow->shared = shared;
    flow->delivery = std::move(delivery);
    flow->operation = operation;
    flow->done = std::move(done);
    flow->go_on();
  }
};

/// Several deliveries: those that the file sends together in one request, group after group, others by
/// themselves.
struct ConnectorEngine::Several : std::enable_shared_from_this<Several> {
  struct Group {
    const Operation* together = nullptr;  ///< null: one by one
    std::vector<std::size_t> members;     ///< of `batch`
  };

  std::shared_ptr<const Shared> shared;
  std::vector<OutgoingDelivery> batch;
  std::vector<Group> groups;
  std::vector<Outcome> outcomes;  ///< as many as deliveries; those so far are told by `known`
  std::vector<bool> known;
  std::function<void(std::vector<Outcome>)> done;
  TargetUsage usage;
  std::size_t group = 0;   ///< the one that is under way
  std::size_t member = 0;  ///< of it, where it goes one by one

  void start() {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Operation* together = shared->connector->batch_of(batch[i].type);
      const auto fits = std::find_if(groups.begin(), groups.end(), [&](const Group& other) {
        return other.together == together &&
               (together == nullptr || other.members.size() < static_cast<std::size_t>(together->batch_max));
      });
      if (fits != groups.end()) {
        fits->members.push_back(i);
      } else {
        groups.push_back({together, {i}});
      }
    }
    outcomes.resize(batch.size());
    known.resize(batch.size());
    go_on();
  }

  void go_on() {
    if (group == groups.size()) return finish();
    if (groups[group].together != nullptr && groups[group].members.size() > 1) return send_together();
    go_on_singly();
  }

  /// Whether the target serves after this outcome; if not nothing more is sent.
  bool set(std::size_t place, Outcome outcome) {
    outcomes[place] = std::move(outcome);
    known[place] = true;
    if (outcomes[place].signal == TargetSignal::kFine) return true;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!known[i]) outcomes[i] = not_reached(outcomes[place]);
    }
    return false;
  }

  void next_group() {
    ++group;
    member = 0;
    go_on();
  }

  void go_on_singly() {
    if (member == groups[group].members.size()) return next_group();
    const std::size_t place = groups[group].members[member++];
    Flow::run(shared, batch[place], [self = shared_from_this(), place](Outcome outcome) {
      self->usage.add({outcome.requests, outcome.left});
      if (!self->set(place, std::move(outcome))) return self->finish();
      self->go_on_singly();
    });
  }

  void send_together() {
    const RequestSpec& request = groups[group].together->requests.front();
    MappingInput input;
    std::string deliveries = "[";
    for (const std::size_t place : groups[group].members) {
      if (deliveries.size() > 1) deliveries += ',';
      MappingInput one;
      one.json("delivery", delivery_json(batch[place]));
      one.json("document", batch[place].document);
      deliveries += one.str();
    }
    input.json("deliveries", deliveries + "]").json("parameters", shared->parameters);
    shared->requester.send(request, shared->named("submit_batch", request), input,
                           [self = shared_from_this()](Reply reply) { self->answered(std::move(reply)); });
  }

  void answered(Reply reply) {
    usage.add(reply.usage);
    // Too much for one run of jq: nothing was sent, and one by one may do.
    if (reply.passed_over || reply.ran_too_long) return go_on_singly();
    if (!reply.outcome && reply.said.find("outcomes") != nullptr) return answered_each(reply);
    Outcome whole = reply.outcome ? std::move(*reply.outcome) : outcome_of_all(reply);
    if (whole.signal == TargetSignal::kUnauthorized) reply.refuse_credential();
    // Refused as a whole the target took none of it: none is to be rejected for another's fault.
    if (whole.kind == OutcomeKind::kRejected) return go_on_singly();
    settle(for_all(whole, groups[group].members.size()));
  }

  static Outcome outcome_of_all(const Reply& reply) {
    Verdict verdict = verdict_of(reply.said, reply.answer, {});
    if (verdict.kind == Verdict::Kind::kSettled) return std::move(verdict.outcome);
    return of_connector(OutcomeKind::kUnknown, "the connector's answer program gave no outcomes");
  }

  void answered_each(const Reply& reply) {
    const std::size_t count = groups[group].members.size();
    const json::Array* items = reply.said.find("outcomes")->as_array();
    if (items == nullptr || items->size() != count) {
      return settle(for_all(
          of_connector(OutcomeKind::kUnknown,
                       "the connector's answer program gave no outcome for each delivery of the batch"),
          count));
    }
    std::vector<Outcome> each;
    for (const auto& item : *items) {
      Verdict verdict = verdict_of(item, reply.answer, {});
      if (verdict.kind != Verdict::Kind::kSettled)
        verdict.outcome =
            of_connector(OutcomeKind::kUnknown, "the connector gave no outcome for this delivery");
      // The answer is the whole batch's: what it says of this one is the reason.
      verdict.outcome.answer.clear();
      if (verdict.outcome.kind != OutcomeKind::kDelivered)
        verdict.outcome.answer = bounded_utf8(json::dump(item), kAnswerBytesMax);
      each.push_back(std::move(verdict.outcome));
    }
    settle(std::move(each));
  }

  /// All of the group that is under way.
  void settle(std::vector<Outcome> all) {
    bool serves = true;
    for (std::size_t i = 0; i < all.size(); ++i) known[groups[group].members[i]] = true;
    for (std::size_t i = 0; i < all.size(); ++i)
      serves = set(groups[group].members[i], std::move(all[i])) && serves;
    if (!serves) return finish();
    next_group();
  }

  void finish() {
    charge(outcomes, usage);
    done(std::move(outcomes));
  }
};

/// A delivery that is looked for, and gone on with where the target has a part of it.
struct ConnectorEngine::Search : std::enable_shared_from_this<Search> {
  std::shared_ptr<const Shared> shared;
  OutgoingDelivery delivery;
  const Operation* operation = nullptr;
  std::function<void(LookUpAnswer)> done;
  std::size_t next = 0;
  json::Object captured;
  TargetUsage usage;

  void go_on() {
    if (next == operation->requests.size())
      return fail(of_connector(OutcomeKind::kUnknown, "the connector's look-up ended without an outcome"));
    const RequestSpec& request = operation->requests[next++];
    shared->requester.send(request, shared->named("lookup", request), shared->input(delivery, captured),
                           [self = shared_from_this()](Reply reply) { self->answered(std::move(reply)); });
  }

  void answered(Reply reply) {
    usage.add(reply.usage);
    if (reply.passed_over) return go_on();
    if (reply.outcome) return fail(std::move(*reply.outcome));
    Verdict verdict = verdict_of(reply.said, reply.answer, captured);
    merge(captured, verdict.capture);
    switch (verdict.kind) {
      case Verdict::Kind::kNext:
        return go_on();
      case Verdict::Kind::kAbsent: {
        if (!tells_absence(reply.answer)) {
          return fail(of_connector(OutcomeKind::kUnknown,
                                   "the look-up says absent of an answer that is no JSON: a proxy's page?"));
        }
        Outcome outcome = of_connector(OutcomeKind::kRetryable, "the target does not have it");
        outcome.http_status = reply.answer.status;
        return finish(LookUpAnswer::Kind::kAbsent, std::move(outcome));
      }
      case Verdict::Kind::kResume:
        return resume(verdict.at);
      case Verdict::Kind::kSettled:
        if (verdict.outcome.signal == TargetSignal::kUnauthorized) reply.refuse_credential();
        return settled(std::move(verdict.outcome), "found by look-up");
    }
  }

  void resume(const std::string& at) {
    const Operation* submit = shared->connector->submit_of(delivery.type);
    if (submit == nullptr) return fail(of_connector(OutcomeKind::kUnknown, "there is nothing to resume"));
    const auto found = std::find_if(submit->requests.begin(), submit->requests.end(),
                                    [&](const RequestSpec& request) { return request.name == at; });
    if (found == submit->requests.end())
      return fail(of_connector(OutcomeKind::kUnknown,
                               "the look-up resumes at \"" + at + "\", which is no request of submit"));
    auto flow = std::make_shared<Flow>();
    flow->shared = shared;
    flow->delivery = delivery;
    flow->operation = submit;
    flow->next = static_cast<std::size_t>(found - submit->requests.begin());
    flow->captured = captured;
    flow->begun = true;
    flow->done = [self = shared_from_this()](Outcome outcome) {
      self->usage.add({outcome.requests, outcome.left});
      self->settled(std::move(outcome), "a part was found by look-up, and gone on with");
    };
    flow->go_on();
  }

  void settled(Outcome outcome, std::string_view how) {
    if (outcome.kind == OutcomeKind::kDelivered) {
      outcome.reason = how;
      return finish(LookUpAnswer::Kind::kFound, std::move(outcome));
    }
    if (outcome.kind == OutcomeKind::kRejected)
      return finish(LookUpAnswer::Kind::kRefused, std::move(outcome));
    fail(std::move(outcome));
  }

  void fail(Outcome outcome) { finish(LookUpAnswer::Kind::kFailed, std::move(outcome)); }

  void finish(LookUpAnswer::Kind kind, Outcome outcome) {
    charge(outcome, usage);
    done({kind, std::move(outcome)});
  }
};

ConnectorEngine::ConnectorEngine(Parts parts)
    : limits_(pace_limits(parts.settings, parts.connector.get())),
      shared_(std::make_shared<const Shared>(
          Shared{parts.connector, json::dump(parts.parameters),
                 Requester(parts.connector, parts.settings, std::move(parts.credentials), parts.client,
                           std::move(parts.mapping)),
                 std::make_unique<SlowPrograms>()})) {}

int ConnectorEngine::requests_max(std::size_t deliveries) const {
  if (deliveries == 0) return 0;
  const Connector& connector = *shared_->connector;
  std::size_t submit = 0, look_up = 0;
  for (const Operation& operation : connector.submit) submit = std::max(submit, operation.requests.size());
  for (const Operation& operation : connector.lookup) {
    std::size_t resumed = 0;
    for (const DocumentType type : operation.types) {
      const Operation* submits = connector.submit_of(type);
      if (submits != nullptr) resumed = std::max(resumed, submits->requests.size());
    }
    look_up = std::max(look_up, operation.requests.size() + resumed);
  }
  // Each group of a batch may be refused as a whole, and has two deliveries at least.
  const std::size_t tables = connector.submit_batch.size();
  const std::size_t least = batch_min_of(connector);
  const std::size_t groups =
      tables == 0 ? 0 : std::min(deliveries / 2, tables - 1 + (deliveries + least - 1) / least);
  const std::size_t most = std::max(groups + deliveries * submit, look_up);
  return static_cast<int>(most) + (connector.session ? 1 : 0);
}

void ConnectorEngine::submit(std::vector<OutgoingDelivery> batch,
                             std::function<void(std::vector<Outcome>)> done) {
  if (batch.empty()) return done({});
  if (batch.size() == 1) {
    return Flow::run(shared_, std::move(batch.front()),
                     [done = std::move(done)](Outcome outcome) { done({std::move(outcome)}); });
  }
  auto several = std::make_shared<Several>();
  several->shared = shared_;
  several->batch = std::move(batch);
  several->done = std::move(done);
  several->start();
}

void ConnectorEngine::look_up(OutgoingDelivery delivery, std::function<void(LookUpAnswer)> done) {
  if (!shared_->connector->safe_to_resend.empty()) {
    return done(
        {LookUpAnswer::Kind::kAbsent,
         of_connector(OutcomeKind::kRetryable, "safe to send again: " + shared_->connector->safe_to_resend)});
  }
  const Operation* operation = shared_->connector->lookup_of(delivery.type);
  if (operation == nullptr) {
    return done({LookUpAnswer::Kind::kRefused,
                 of_connector(OutcomeKind::kRejected,
                              "connector " + shared_->connector->name + " cannot look up " +
                                  std::string(type_name(delivery.type)) +
                                  "; find out whether the target has it, then retry or discard it")});
  }
  auto search = std::make_shared<Search>();
  search->shared = shared_;
  search->delivery = std::move(delivery);
  search->operation = operation;
  search->done = std::move(done);
  search->go_on();
}

}  // namespace tillsync
