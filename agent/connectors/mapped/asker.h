// One request of a connector file at a time, waited for: what read-backs and fetches ask with. Blocking, on
// the thread that drives the HTTP client.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "agent/connectors/mapped/event_inbox.h"
#include "agent/connectors/mapped/requester.h"

namespace tillsync {

class Asker {
 public:
  /// `inbox` is of the client that the requester sends with; its mapping posts there. `given_up`, where
  /// set: no answer will come any more, or none is waited for.
  Asker(std::shared_ptr<EventInbox> inbox, Requester requester, std::function<bool()> given_up = {})
      : inbox_(std::move(inbox)), requester_(std::move(requester)), given_up_(std::move(given_up)) {}

  /// Once more with a new credential after a 401. `what` as Requester::send().
  Reply ask(const RequestSpec& request, const std::string& what, const MappingInput& input);

 private:
  Reply once(const RequestSpec& request, const std::string& what, const MappingInput& input);

  std::shared_ptr<EventInbox> inbox_;
  Requester requester_;
  std::function<bool()> given_up_;
};

}  // namespace tillsync
