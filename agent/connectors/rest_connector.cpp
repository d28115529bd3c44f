#include "agent/connectors/rest_connector.h"

#include "agent/connectors/classify.h"

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

}  // namespace

RestConnector::RestConnector(CentralProfile profile, CentralSession session)
    : shared_(std::make_shared<const Shared>(Shared{std::move(profile), std::move(session)})) {}

void RestConnector::submit_one(const std::shared_ptr<const Shared>& shared, const OutgoingDelivery& delivery,
                               std::function<void(Outcome)> done) {
  shared->session.send(shared->profile.post_one(delivery),
                       [done = std::move(done)](CentralSession::Result result) {
                         if (auto* outcome = std::get_if<Outcome>(&result)) return done(std::move(*outcome));
                         done(classify(std::get<http::Exchange>(result)));
                       });
}

void RestConnector::submit_next(const std::shared_ptr<Singly>& singly) {
  const bool serves = singly->outcomes.empty() || singly->outcomes.back().signal == TargetSignal::kFine;
  if (!serves) singly->outcomes.resize(singly->batch.size(), not_reached(singly->outcomes.back()));
  if (singly->outcomes.size() == singly->batch.size()) return singly->done(std::move(singly->outcomes));
  submit_one(singly->shared, singly->batch[singly->outcomes.size()], [singly](Outcome outcome) {
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
  auto singly = std::make_shared<Singly>(Singly{shared_, std::move(batch), {}, std::move(done)});
  shared_->session.send(shared_->profile.post_batch(singly->batch),
                        [singly](const CentralSession::Result& result) {
                          if (refused_whole(result)) return submit_next(singly);
                          singly->done(outcomes_of(result, singly->batch.size()));
                        });
}

void RestConnector::look_up(OutgoingDelivery delivery, std::function<void(LookUpAnswer)> done) {
  shared_->session.send(shared_->profile.look_up(delivery),
                        [reference = delivery.reference(), step = delivery.key.step,
                         done = std::move(done)](CentralSession::Result result) {
                          if (auto* outcome = std::get_if<Outcome>(&result)) {
                            return done({LookUpAnswer::Kind::kFailed, std::move(*outcome)});
                          }
                          done(classify_look_up(std::get<http::Exchange>(result), reference, step));
                        });
}

}  // namespace tillsync
