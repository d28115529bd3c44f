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

class RestReadBack final : public ReadBackPort, public DigestPort {
 public:
  /// `client` is the one that `credentials` use. `target` is for messages; `given_up` as
  /// CentralAsker has it.
  RestReadBack(std::string target, CentralProfile profile, std::unique_ptr<http::Client> client,
               std::shared_ptr<Credentials> credentials, std::function<bool()> given_up = {});

  /// kUnavailable: no credential, no answer, or another status than 200 (after a 401 the credential is read
  /// again and the request sent once more); kTimeout; kInvalid: an answer of the wrong shape.
  Result<CentralPage> read_back(BusinessDay day, const std::optional<std::string>& cursor) override;

  /// Digests: a target that has none answers 404 or the like (has_no_digests() in the .cpp).
  DigestPort* digests() override { return this; }
  Result<std::map<BusinessDay, RangeSum>> days(BusinessDay from, BusinessDay to) override;
  Result<std::vector<std::pair<KeyPrefix, RangeSum>>> parts(BusinessDay day,
                                                            const std::vector<KeyPrefix>& ranges) override;
  Result<CentralPage> rows(BusinessDay day, const std::vector<KeyPrefix>& ranges,
                           const std::optional<std::string>& cursor) override;

 private:
  Result<http::Answer> digest_answer(const http::Request& request);
  Result<CentralPage> page(const Result<http::Answer>& answer) const;

  const CentralProfile profile_;
  CentralAsker asker_;
};

}  // namespace tillsync
