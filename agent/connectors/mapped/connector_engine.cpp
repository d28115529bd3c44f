#include "agent/connectors/mapped/connector_engine.h"

#include <algorithm>

#include "agent/connectors/classify.h"
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

}  // namespace

struct ConnectorEngine::Shared {
  std::shared_ptr<const Connector> connector;
  std::string parameters;  ///< JSON
  Requester requester;

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

/// Deliveries one after the other.
struct ConnectorEngine::Singly : std::enable_shared_from_this<Singly> {
  std::shared_ptr<const Shared> shared;
  std::vector<OutgoingDelivery> batch;
  std::vector<Outcome> outcomes;  ///< of the first ones
  std::function<void(std::vector<Outcome>)> done;
  TargetUsage usage;

  void finish(std::vector<Outcome> all) {
    charge(all, usage);
    done(std::move(all));
  }

  void go_on() {
    const bool serves = outcomes.empty() || outcomes.back().signal == TargetSignal::kFine;
    if (!serves) outcomes.resize(batch.size(), not_reached(outcomes.back()));
    if (outcomes.size() == batch.size()) return finish(std::move(outcomes));
    Flow::run(shared, batch[outcomes.size()], [self = shared_from_this()](Outcome outcome) {
      self->usage.add({outcome.requests, outcome.left});
      self->outcomes.push_back(std::move(outcome));
      self->go_on();
    });
  }

  void send_together() {
    const Operation& operation = *shared->connector->submit_batch;
    const RequestSpec& request = operation.requests.front();
    MappingInput input;
    std::string deliveries = "[";
    for (const auto& delivery : batch) {
      if (deliveries.size() > 1) deliveries += ',';
      MappingInput one;
      one.json("delivery", delivery_json(delivery));
      one.json("document", delivery.document);
      deliveries += one.str();
    }
    input.json("deliveries", deliveries + "]").json("parameters", shared->parameters);
    shared->requester.send(request, shared->named("submit_batch", request), input,
                           [self = shared_from_this()](Reply reply) { self->answered(std::move(reply)); });
  }

  void answered(Reply reply) {
    usage.add(reply.usage);
    if (reply.passed_over) return go_on();
    if (!reply.outcome && reply.said.find("outcomes") != nullptr) return answered_each(reply);
    Outcome whole = reply.outcome ? std::move(*reply.outcome) : outcome_of_all(reply);
    if (whole.signal == TargetSignal::kUnauthorized) reply.refuse_credential();
    // Refused as a whole the target took none of it: none is to be rejected for another's fault.
    if (whole.kind == OutcomeKind::kRejected) return go_on();
    finish(for_all(whole, batch.size()));
  }

  static Outcome outcome_of_all(const Reply& reply) {
    Verdict verdict = verdict_of(reply.said, reply.answer, {});
    if (verdict.kind == Verdict::Kind::kSettled) return std::move(verdict.outcome);
    return of_connector(OutcomeKind::kUnknown, "the connector's answer program gave no outcomes");
  }

  void answered_each(const Reply& reply) {
    const json::Array* items = reply.said.find("outcomes")->as_array();
    if (items == nullptr || items->size() != batch.size()) {
      return finish(for_all(
          of_connector(OutcomeKind::kUnknown,
                       "the connector's answer program gave no outcome for each delivery of the batch"),
          batch.size()));
    }
    for (const auto& item : *items) {
      Verdict verdict = verdict_of(item, reply.answer, {});
      if (verdict.kind != Verdict::Kind::kSettled)
        verdict.outcome =
            of_connector(OutcomeKind::kUnknown, "the connector gave no outcome for this delivery");
      // The answer is the whole batch's: what it says of this one is the reason.
      verdict.outcome.answer.clear();
      if (verdict.outcome.kind != OutcomeKind::kDelivered)
        verdict.outcome.answer = bounded_utf8(json::dump(item), kAnswerBytesMax);
      outcomes.push_back(std::move(verdict.outcome));
    }
    finish(std::move(outcomes));
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
                           std::move(parts.mapping))})) {}

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
  const std::size_t together = deliveries > 1 && connector.submit_batch ? 1 : 0;
  const std::size_t most = std::max(together + deliveries * submit, look_up);
  return static_cast<int>(most) + (connector.session ? 1 : 0);
}

void ConnectorEngine::submit(std::vector<OutgoingDelivery> batch,
                             std::function<void(std::vector<Outcome>)> done) {
  if (batch.empty()) return done({});
  if (batch.size() == 1) {
    return Flow::run(shared_, std::move(batch.front()),
                     [done = std::move(done)](Outcome outcome) { done({std::move(outcome)}); });
  }
  const auto& together = shared_->connector->submit_batch;
  const bool all_served =
      together && std::all_of(batch.begin(), batch.end(), [&](const OutgoingDelivery& delivery) {
        return together->serves(delivery.type);
      });
  auto singly = std::make_shared<Singly>();
  singly->shared = shared_;
  singly->batch = std::move(batch);
  singly->done = std::move(done);
  if (all_served) {
    singly->send_together();
  } else {
    singly->go_on();
  }
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
