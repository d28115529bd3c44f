#include "agent/connectors/rest_connector.h"

#include "agent/connectors/classify.h"
#include "agent/connectors/target_usage.h"

namespace tillsync {

struct RestConnector::Shared {
  CentralProfile profile;
  CentralSession session;
};

/// A refused batch, delivered one by one.
struct RestConnector::Singly {
  std::shared_ptr<const Shared> shared;
  std::vector<OutgoingDelivery> batch;
  std::vector<Outcome> outcomes;  ///< of the first ones
  std::function<void(std::vector<Outcome>)> done;
  TargetUsage usage;

  void finish(std::vector<Outcome> all) const {
    charge(all, usage);
    done(std::move(all));
  }
};

namespace {

bool refused_whole(const CentralSession::Result& result) {
  const auto* exchange = std::get_if<http::Exchange>(&result);
  return exchange != nullptr && classify(*exchange).kind == OutcomeKind::kRejected;
}

std::vector<Outcome> outcomes_of(const CentralSession::Result& result, std::size_t count) {
  if (const auto* outcome = std::get_if<Outcome>(&result)) return for_all(*outcome, count);
  return classify_batch(std::get<http::Exchange>(result), count);
}

TargetUsage usage_of(const CentralSession::Sent& sent) {
  TargetUsage usage{sent.requests, {}};
  const auto* exchange = std::get_if<http::Exchange>(&sent.result);
  const auto* answer = exchange == nullptr ? nullptr : std::get_if<http::Answer>(exchange);
  if (answer != nullptr) usage.left = limits_told(*answer);
  return usage;
}

}  // namespace

RestConnector::RestConnector(CentralProfile profile, CentralSession session, const PaceLimits& limits)
    : limits_(limits),
      shared_(std::make_shared<const Shared>(Shared{std::move(profile), std::move(session)})) {}

int RestConnector::requests_max(std::size_t deliveries) const {
  return static_cast<int>(deliveries) + (deliveries > 1 ? 1 : 0);
}

void RestConnector::submit_one(const std::shared_ptr<const Shared>& shared, const OutgoingDelivery& delivery,
                               std::function<void(Outcome)> done) {
  shared->session.send_counted(
      shared->profile.post_one(delivery), [done = std::move(done)](CentralSession::Sent sent) {
        auto* decided = std::get_if<Outcome>(&sent.result);
        Outcome outcome =
            decided != nullptr ? std::move(*decided) : classify(std::get<http::Exchange>(sent.result));
        charge(outcome, usage_of(sent));
        done(std::move(outcome));
      });
}

void RestConnector::submit_next(const std::shared_ptr<Singly>& singly) {
  const bool serves = singly->outcomes.empty() || singly->outcomes.back().signal == TargetSignal::kFine;
  if (!serves) singly->outcomes.resize(singly->batch.size(), not_reached(singly->outcomes.back()));
  if (singly->outcomes.size() == singly->batch.size()) return singly->finish(std::move(singly->outcomes));
  submit_one(singly->shared, singly->batch[singly->outcomes.size()], [singly](Outcome outcome) {
    singly->usage.add({outcome.requests, outcome.left});
    singly->outcomes.push_back(std::move(outcome));
    submit_next(singly);
  });
}

void RestConnector::submit(std::vector<OutgoingDelivery> batch,
                           std::function<void(std::vector<Outcome>)> done) {
  if (batch.empty()) return done({});
  if (batch.size() == 1) {
    return submit_one(shared_, batch.front(),
                      [done = std::move(done)](Outcome outcome) { done({std::move(outcome)}); });
  }
  auto singly = std::make_shared<Singly>(Singly{shared_, std::move(batch), {}, std::move(done), {}});
  shared_->session.send_counted(shared_->profile.post_batch(singly->batch),
                                [singly](const CentralSession::Sent& sent) {
                                  singly->usage.add(usage_of(sent));
                                  if (refused_whole(sent.result)) return submit_next(singly);
                                  singly->finish(outcomes_of(sent.result, singly->batch.size()));
                                });
}

void RestConnector::look_up(OutgoingDelivery delivery, std::function<void(LookUpAnswer)> done) {
  shared_->session.send_counted(
      shared_->profile.look_up(delivery), [reference = delivery.reference(), step = delivery.key.step,
                                           done = std::move(done)](CentralSession::Sent sent) {
        LookUpAnswer answer;
        if (auto* outcome = std::get_if<Outcome>(&sent.result)) {
          answer = {LookUpAnswer::Kind::kFailed, std::move(*outcome)};
        } else {
          answer = classify_look_up(std::get<http::Exchange>(sent.result), reference, step);
        }
        charge(answer.outcome, usage_of(sent));
        done(std::move(answer));
      });
}

}  // namespace tillsync
