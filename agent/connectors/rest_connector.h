// The `rest` connector: delivers to a target that speaks the reference central profile (CONTRACT section 6).
// It turns a delivery into an outcome and decides nothing else. Single-threaded: on the http::Client's
// thread.
#pragma once

#include "agent/connectors/central_profile.h"
#include "agent/connectors/central_session.h"
#include "outbox/delivery/target_port.h"

namespace tillsync {

class RestConnector final : public TargetPort {
 public:
  RestConnector(CentralProfile profile, CentralSession session, const PaceLimits& limits);

  PaceLimits limits() const override { return limits_; }
  int requests_max(std::size_t deliveries) const override;
  /// One delivery goes to POST /documents, several to POST /documents/batch. Where a target refuses a batch
  /// as a whole (400, 404, 413, 422, ...) it took none of it, and each delivery is posted by itself, so that
  /// none is rejected for another's fault or because the target knows no batches.
  void submit(std::vector<OutgoingDelivery> batch, std::function<void(std::vector<Outcome>)> done) override;
  void look_up(OutgoingDelivery delivery, std::function<void(LookUpAnswer)> done) override;

 private:
  struct Shared;
  struct Singly;
  static void submit_one(const std::shared_ptr<const Shared>& shared, const OutgoingDelivery& delivery,
                         std::function<void(Outcome)> done);
  static void submit_next(const std::shared_ptr<Singly>& singly);

  const PaceLimits limits_;
  /// Shared with what is under way: the connector may go first.
  std::shared_ptr<const Shared> shared_;
};

}  // namespace tillsync
