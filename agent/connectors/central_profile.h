// The requests of the reference central profile (CONTRACT section 6). Plain values, without credentials and
// without I/O.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "outbox/delivery/target_port.h"
#include "platform/base/time.h"
#include "platform/http/client.h"
#include "reconcile/central_facts/central_facts.h"
#include "reconcile/central_view/row_digest.h"

namespace tillsync {

/// Rows of one page of a read-back.
inline constexpr int kReadBackRowsMax = 200;

class CentralProfile {
 public:
  /// kInvalid where base_url is no http(s) URL with a host, or carries a query, a fragment or a credential.
  static Result<CentralProfile> from(const TargetSettings& settings, std::string store);

  /// POST /documents.
  http::Request post_one(const OutgoingDelivery& delivery) const;
  /// POST /documents/batch.
  http::Request post_batch(const std::vector<OutgoingDelivery>& deliveries) const;
  /// GET /documents?reference=&step=.
  http::Request look_up(const OutgoingDelivery& delivery) const;
  /// GET /documents?store=&business_day=&cursor=&limit=.
  http::Request read_back(BusinessDay day, const std::optional<std::string>& cursor) const;
  /// GET /documents?store=&business_day=&prefix=&cursor=&limit=.
  http::Request read_back(BusinessDay day, const std::vector<KeyPrefix>& ranges,
                          const std::optional<std::string>& cursor) const;
  /// GET /documents/digest?store=&from=&to=.
  http::Request digest_of_days(BusinessDay from, BusinessDay to) const;
  /// GET /documents/digest?store=&business_day=&prefix=.
  http::Request digest_of_parts(BusinessDay day, const std::vector<KeyPrefix>& ranges) const;
  /// GET /changes?since=; without `since` for "".
  http::Request changes(const std::string& since) const;
  /// GET /customers/{key}, /stock/{key}?store=, /prices/{key} or /refund-policy; If-None-Match for an `etag`.
  http::Request fact(FactKind kind, const std::string& key, const std::string& etag) const;
  /// GET /documents?reference=.
  http::Request by_reference(const std::string& reference) const;
  /// GET /documents?original=.
  http::Request by_original(const std::string& reference) const;

  const std::string& store() const { return store_; }

 private:
  using Query = std::vector<std::pair<std::string_view, std::string>>;
  CentralProfile() = default;
  http::Request list(Query query, const std::optional<std::string>& cursor) const;
  http::Request digest(const Query& query) const;
  http::Request skeleton(std::string method, std::string_view path, const Query& query = {}) const;

  // Constant after construction.
  std::string base_url_;  ///< without a slash at its end
  std::string store_;
  http::Request skeleton_;  ///< time-outs, trust and proxy of every request
};

/// A request to any URL on the way that the settings name for this target: timeouts, trust, proxy,
/// User-Agent.
http::Request request_for(const TargetSettings& settings, std::string method, std::string url);

}  // namespace tillsync
