// Reads central back through a connector file's `read_back`. Blocking, on the reconcile thread, with an HTTP
// client of its own.
#pragma once

#include <memory>
#include <string>

#include "agent/connectors/mapped/event_inbox.h"
#include "agent/connectors/mapped/requester.h"
#include "reconcile/central_view/read_back_port.h"

namespace tillsync {

class MappedReadBack final : public ReadBackPort {
 public:
  struct Parts {
    std::string target;  ///< for messages
    std::shared_ptr<const Connector> connector;
    json::Value parameters;
    std::string store;
    std::unique_ptr<http::Client> client;  ///< null where somebody else owns it
    std::shared_ptr<EventInbox> inbox;     ///< of the client; the requester's mapping posts to it
    Requester requester;
    /// True: no answer will come any more.
    std::function<bool()> given_up = [] { return false; };
  };
  explicit MappedReadBack(Parts parts) : parts_(std::move(parts)) {}

  /// The program's output: {"rows": [rows as CONTRACT section 6 has them], "next": string or null}.
  /// kUnavailable: no answer, no credential, a program that failed, or a connector without `read_back`;
  /// kInvalid: an output of the wrong shape.
  Result<CentralPage> read_back(BusinessDay day, const std::optional<std::string>& cursor) override;

 private:
  Reply ask(BusinessDay day, const std::optional<std::string>& cursor);

  Parts parts_;
};

}  // namespace tillsync
