#include "agent/review/reviewing_port.h"

#include <algorithm>

namespace tillsync {

struct ReviewingPort::Batch {
  std::vector<OutgoingDelivery> deliveries;
  std::vector<std::optional<Outcome>> outcomes;
  std::function<void(std::vector<Outcome>)> done;
  std::size_t waiting = 0;
};

void ReviewingPort::submit(std::vector<OutgoingDelivery> deliveries,
                           std::function<void(std::vector<Outcome>)> done) {
  const auto wanted = [this](const OutgoingDelivery& delivery) { return reviewer_.wants(delivery.type); };
  if (std::none_of(deliveries.begin(), deliveries.end(), wanted))
    return inner_->submit(std::move(deliveries), std::move(done));
  auto batch = std::make_shared<Batch>();
  batch->outcomes.resize(deliveries.size());
  batch->done = std::move(done);
  batch->deliveries = std::move(deliveries);
  batch->waiting =
      static_cast<std::size_t>(std::count_if(batch->deliveries.begin(), batch->deliveries.end(), wanted));
  for (std::size_t i = 0; i < batch->deliveries.size(); ++i) {
    if (!wanted(batch->deliveries[i])) continue;
    reviewer_.review(target_, batch->deliveries[i], [this, batch, i](std::optional<Outcome> outcome) {
      post_([this, batch, i, outcome = std::move(outcome)] {
        batch->outcomes[i] = outcome;
        if (--batch->waiting == 0) forward(batch);
      });
    });
  }
}

void ReviewingPort::forward(const std::shared_ptr<Batch>& batch) {
  std::vector<OutgoingDelivery> cleared;
  for (std::size_t i = 0; i < batch->deliveries.size(); ++i) {
    if (!batch->outcomes[i]) cleared.push_back(std::move(batch->deliveries[i]));
  }
  const auto answer = [batch](std::vector<Outcome> sent) {
    std::vector<Outcome> all;
    auto next = sent.begin();
    for (auto& outcome : batch->outcomes) all.push_back(outcome ? std::move(*outcome) : std::move(*next++));
    batch->done(std::move(all));
  };
  if (cleared.empty()) return answer({});
  inner_->submit(std::move(cleared), answer);
}

}  // namespace tillsync
