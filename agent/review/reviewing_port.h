// A target's connector, with a review before it: what the reviewer stops never reaches the connector. On the
// delivery thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "agent/review/reviewer.h"
#include "outbox/delivery/target_port.h"

namespace tillsync {

class ReviewingPort final : public TargetPort {
 public:
  /// `target`: its name. `reviewer` outlives this object. `post` runs what it is given on the delivery
  /// thread, and drops it once this object is gone.
  ReviewingPort(std::string target, std::unique_ptr<TargetPort> inner, Reviewer& reviewer,
                std::function<void(std::function<void()>)> post)
      : target_(std::move(target)), inner_(std::move(inner)), reviewer_(reviewer), post_(std::move(post)) {}

  PaceLimits limits() const override { return inner_->limits(); }
  int requests_max(std::size_t deliveries) const override { return inner_->requests_max(deliveries); }
  /// The whole batch waits for the reviews of its parts.
  void submit(std::vector<OutgoingDelivery> batch, std::function<void(std::vector<Outcome>)> done) override;
  void look_up(OutgoingDelivery delivery, std::function<void(LookUpAnswer)> done) override {
    inner_->look_up(std::move(delivery), std::move(done));
  }

 private:
  struct Batch;
  void forward(const std::shared_ptr<Batch>& batch);

  const std::string target_;
  std::unique_ptr<TargetPort> inner_;
  Reviewer& reviewer_;
  const std::function<void(std::function<void()>)> post_;
};

}  // namespace tillsync
