// What central knows, through the reference central profile (CONTRACT section 6). Blocking, on the reconcile
// thread, with an HTTP client of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/connectors/central_asker.h"
#include "agent/connectors/central_profile.h"
#include "reconcile/central_facts/fetch_port.h"

namespace tillsync {

/// Rows of a page of the change feed; a page of more is refused.
inline constexpr std::size_t kChangesRowsMax = 10'000;

/// What a path of the change feed names: "/customers/{id}", "/stock/{sku}" (any store's, or `?store=` this
/// one), "/prices/{sku}", "/refund-policy"; nothing for anything else.
std::optional<std::pair<FactKind, std::string>> fact_of_path(std::string_view path, std::string_view store);

/// {"changes": [{"path", "etag", "value"}], "cursor"}: `value` is an object, null for what central no longer
/// has, or left out. kInvalid names the row and the member that is wrong.
Result<ChangesPage> parse_changes(std::string_view text, std::string_view store);

class RestFetch final : public FetchPort {
 public:
  /// `client` is the one that `credentials` use. `target` is for messages; `given_up` as
  /// CentralAsker has it.
  RestFetch(std::string target, CentralProfile profile, std::unique_ptr<http::Client> client,
            std::shared_ptr<Credentials> credentials, std::function<bool()> given_up = {});

  bool offers(FactKind) const override { return true; }
  Result<ChangesPage> changes(const std::string& cursor) override;
  Result<FetchedFact> fetch(FactKind kind, const std::string& key, const std::string& etag) override;
  Result<std::optional<FactsPage>> list(FactKind kind, const std::optional<std::string>& cursor) override;
  Result<std::optional<std::vector<CentralRow>>> sale(const std::string& reference) override;
  Result<std::optional<std::vector<CentralRow>>> returns_of(const std::string& reference) override;

 private:
  /// Of a status that is not one of the expected.
  Error useless(const http::Answer& answer) const;
  Result<std::optional<std::vector<CentralRow>>> documents(const http::Request& request);

  const CentralProfile profile_;
  CentralAsker asker_;
};

}  // namespace tillsync
