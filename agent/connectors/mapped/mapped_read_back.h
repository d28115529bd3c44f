// Reads central back through a connector file's `read_back`. Blocking, on the reconcile thread, with an HTTP
// client of its own.
#pragma once

#include <memory>
#include <string>

#include "agent/connectors/mapped/asker.h"
#include "reconcile/central_view/read_back_port.h"

namespace tillsync {

class MappedReadBack final : public ReadBackPort {
 public:
  struct Parts {
    std::string target;  ///< for messages
    std::shared_ptr<const Connector> connector;
    json::Value parameters;
    std::string store;
    std::unique_ptr<http::Client> client;  ///< null: somebody else keeps the asker's
    Asker asker;
  };
  explicit MappedReadBack(Parts parts) : parts_(std::move(parts)) {}

  /// The program's output: {"rows": [rows as CONTRACT section 6 has them], "next": string or null}.
  /// kUnavailable: no answer, no credential, a program that failed, or a connector without `read_back`;
  /// kInvalid: an output of the wrong shape.
  Result<CentralPage> read_back(BusinessDay day, const std::optional<std::string>& cursor) override;
  ListedTypes listed_types() const override;

 private:
  Reply ask(BusinessDay day, const std::optional<std::string>& cursor);

  Parts parts_;
};

}  // namespace tillsync
