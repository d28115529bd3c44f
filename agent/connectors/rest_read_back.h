// Reads central back through the reference central profile (CONTRACT section 6). Blocking, on the reconcile
// thread, with an HTTP client of its own.
#pragma once

#include <memory>
#include <string>

#include "agent/connectors/central_asker.h"
#include "agent/connectors/central_profile.h"
#include "reconcile/central_view/read_back_port.h"

namespace tillsync {

/// One page from its JSON text. kInvalid names the row and the member that is wrong.
Result<CentralPage> parse_central_page(std::string_view text);

class RestReadBack final : public ReadBackPort {
 public:
  /// `client` is the one that `credentials` use. `target` is for messages.
  RestReadBack(std::string target, CentralProfile profile, std::unique_ptr<http::Client> client,
               std::shared_ptr<Credentials> credentials);

  /// kUnavailable: no credential, no answer, or another status than 200 (after a 401 the credential is read
  /// again and the request sent once more); kTimeout; kInvalid: an answer of the wrong shape.
  Result<CentralPage> read_back(BusinessDay day, const std::optional<std::string>& cursor) override;

 private:
  const CentralProfile profile_;
  CentralAsker asker_;
};

}  // namespace tillsync
