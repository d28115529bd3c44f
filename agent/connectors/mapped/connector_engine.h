// The connector that a file describes: turns a delivery into requests, and their answers into one outcome.
// What the file says is data; what it cannot change is here:
// - what was sent and not answered is `unknown`, and so is a later failure of a delivery of which a part was
// done;
// - a target that can be asked is asked before anything is sent again, and what it has of a delivery is gone
// on with. Single-threaded: on the thread of the transport and of the mapping's Post.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/connectors/mapped/requester.h"
#include "outbox/delivery/target_port.h"

namespace tillsync {

class ConnectorEngine final : public TargetPort {
 public:
  struct Parts {
    std::shared_ptr<const Connector> connector;
    json::Value parameters;  ///< fill_parameters()
    std::string store;
    TargetSettings settings;
    std::shared_ptr<Credentials> credentials;
    http::Transport& client;
    Mapping mapping;
  };
  explicit ConnectorEngine(Parts parts);

  /// The longest way through the file: every request of the longest submit, or of the longest look-up and of
  /// the submit that it resumes, and one login. A batch may be refused as a whole, and then goes one by one.
  PaceLimits limits() const override { return limits_; }
  int requests_max(std::size_t deliveries) const override;

  /// Those go in one request for whose types the file has one `submit_batch`; others one after the other.
  void submit(std::vector<OutgoingDelivery> batch, std::function<void(std::vector<Outcome>)> done) override;
  void look_up(OutgoingDelivery delivery, std::function<void(LookUpAnswer)> done) override;

 private:
  struct Shared;
  struct Flow;
  struct Several;
  struct Search;
  const PaceLimits limits_;
  /// Shared with what is under way: the connector may go first.
  std::shared_ptr<const Shared> shared_;
};

}  // namespace tillsync
