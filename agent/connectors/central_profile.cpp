#include "agent/connectors/central_profile.h"

#include <algorithm>

#include "agent/connectors/plain_text.h"
#include "platform/json/json.h"

namespace tillsync {
namespace {

constexpr std::chrono::milliseconds kConnectTimeoutMax{5'000};
constexpr std::size_t kCorrelationHeaderBytesMax = 512;
constexpr std::size_t kEnvelopeBytes = 256;  ///< about what stands around a document
constexpr std::size_t kReadBackAnswerBytesMax =
    256 * 1024 * 1024;  // kReadBackRowsMax documents of 1 MiB, and some
constexpr std::size_t kDigestAnswerBytesMax = 4 * 1024 * 1024;  // kDigestRangesMax x 16 parts, seven times

std::string prefixes(const std::vector<KeyPrefix>& ranges) {
  std::string out;
  for (const KeyPrefix& range : ranges) (out += out.empty() ? "" : ",") += range.text();
  return out;
}
constexpr std::size_t kChangesAnswerBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kFactAnswerBytesMax = 1024 * 1024;

/// A till's own text made fit for a header: what a header cannot carry is percent-encoded.
std::string header_text(std::string_view text) {
  return is_visible_ascii(text) ? std::string(text) : percent_encoded(text);
}

/// `{"reference",...,"document":{...}}`; the canonical document is JSON already and goes in as it is.
void append_body(std::string& out, const OutgoingDelivery& delivery, std::string_view idempotency_key) {
  out += "{\"reference\":";
  json::quote_to(out, delivery.reference());
  out += ",\"step\":";
  json::quote_to(out, delivery.key.step);
  out += ",\"store\":";
  json::quote_to(out, delivery.store);
  out += ",\"sequence\":";
  out += std::to_string(delivery.key.document.value);
  if (!idempotency_key.empty()) {
    out += ",\"idempotency_key\":";
    json::quote_to(out, idempotency_key);
  }
  out += ",\"document\":";
  out += delivery.document;
  out += '}';
}

Error bad_base_url(const std::string& detail) {
  return {ErrorKind::kInvalid, "base-url", "base_url " + detail + "; give it as https://HOST/PATH"};
}

}  // namespace

http::Request request_for(const TargetSettings& settings, std::string method, std::string url) {
  http::Request request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.headers = {{"Accept", "application/json"}, {"User-Agent", "tillsync/" TILLSYNC_VERSION}};
  request.timeout = settings.timeout;
  request.connect_timeout = std::min(settings.timeout, kConnectTimeoutMax);
  request.ca_file = settings.ca_file;
  request.proxy = settings.proxy;
  return request;
}

Result<CentralProfile> CentralProfile::from(const TargetSettings& settings, std::string store) {
  std::string_view url = settings.base_url;
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos ||
      (url.substr(0, scheme) != "http" && url.substr(0, scheme) != "https")) {
    return bad_base_url("must begin with https:// or http://");
  }
  if (url.find_first_of("?#") != std::string_view::npos)
    return bad_base_url("must have no query and no fragment");
  const std::string_view authority = url.substr(scheme + 3, url.find('/', scheme + 3) - (scheme + 3));
  if (authority.empty()) return bad_base_url("names no host");
  if (authority.find('@') != std::string_view::npos) {
    return bad_base_url("must hold no credential (use token, or an [auth] table)");
  }
  const bool clean = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c != 0x7f; });
  if (!clean) return bad_base_url("must hold no blanks, no control characters and only ASCII");

  CentralProfile profile;
  while (url.ends_with('/')) url.remove_suffix(1);
  profile.base_url_ = url;
  profile.store_ = std::move(store);
  profile.skeleton_ = request_for(settings, {}, {});
  return profile;
}

http::Request CentralProfile::skeleton(std::string method, std::string_view path, const Query& query) const {
  http::Request request = skeleton_;
  request.method = std::move(method);
  std::string& url = request.url;
  url.reserve(base_url_.size() + path.size());
  url += base_url_;
  url += path;
  char separator = '?';
  for (const auto& [name, value] : query) {
    url += separator;
    url += name;
    url += '=';
    url += percent_encoded(value);
    separator = '&';
  }
  if (request.method == "POST") request.headers.emplace_back("Content-Type", "application/json");
  return request;
}

http::Request CentralProfile::post_one(const OutgoingDelivery& delivery) const {
  http::Request request = skeleton("POST", "/documents");
  request.headers.emplace_back("Idempotency-Key", header_text(delivery.idempotency_key()));
  if (!delivery.traceparent.empty())
    request.headers.emplace_back("traceparent", header_text(delivery.traceparent));
  if (!delivery.correlation_id.empty()) {
    // A till's text is bounded by its document alone; a header of that size would be refused by every server,
    // for ever.
    std::string correlation = header_text(bounded_utf8(delivery.correlation_id, kCorrelationHeaderBytesMax));
    request.headers.emplace_back("X-Correlation-ID", std::move(correlation));
  }
  request.body.reserve(delivery.document.size() + kEnvelopeBytes);
  append_body(request.body, delivery, {});
  return request;
}

http::Request CentralProfile::post_batch(const std::vector<OutgoingDelivery>& deliveries) const {
  http::Request request = skeleton("POST", "/documents/batch");
  std::size_t bytes = 0;
  for (const auto& delivery : deliveries) bytes += delivery.document.size() + kEnvelopeBytes;
  request.body.reserve(bytes);
  for (const auto& delivery : deliveries) {
    request.body += request.body.empty() ? '[' : ',';
    append_body(request.body, delivery, delivery.idempotency_key());
  }
  request.body += ']';
  return request;
}

http::Request CentralProfile::look_up(const OutgoingDelivery& delivery) const {
  return skeleton("GET", "/documents", {{"reference", delivery.reference()}, {"step", delivery.key.step}});
}

http::Request CentralProfile::read_back(BusinessDay day, const std::optional<std::string>& cursor) const {
  return list({{"store", store_}, {"business_day", day.text()}}, cursor);
}

http::Request CentralProfile::read_back(BusinessDay day, const std::vector<KeyPrefix>& ranges,
                                        const std::optional<std::string>& cursor) const {
  return list({{"store", store_}, {"business_day", day.text()}, {"prefix", prefixes(ranges)}}, cursor);
}

http::Request CentralProfile::list(Query query, const std::optional<std::string>& cursor) const {
  if (cursor) query.emplace_back("cursor", *cursor);
  query.emplace_back("limit", std::to_string(kReadBackRowsMax));
  http::Request request = skeleton("GET", "/documents", query);
  request.answer_bytes_max = kReadBackAnswerBytesMax;
  return request;
}

http::Request CentralProfile::digest_of_days(BusinessDay from, BusinessDay to) const {
  return digest({{"store", store_}, {"from", from.text()}, {"to", to.text()}});
}

http::Request CentralProfile::digest_of_parts(BusinessDay day, const std::vector<KeyPrefix>& ranges) const {
  return digest({{"store", store_}, {"business_day", day.text()}, {"prefix", prefixes(ranges)}});
}

http::Request CentralProfile::digest(const Query& query) const {
  http::Request request = skeleton("GET", "/documents/digest", query);
  request.answer_bytes_max = kDigestAnswerBytesMax;
  return request;
}

http::Request CentralProfile::changes(const std::string& since) const {
  Query query;
  if (!since.empty()) query.emplace_back("since", since);
  http::Request request = skeleton("GET", "/changes", query);
  request.answer_bytes_max = kChangesAnswerBytesMax;
  return request;
}

http::Request CentralProfile::fact(FactKind kind, const std::string& key, const std::string& etag) const {
  Query query;
  std::string path = "/refund-policy";
  if (kind == FactKind::kCustomer) path = "/customers/" + percent_encoded(key);
  if (kind == FactKind::kPrice) path = "/prices/" + percent_encoded(key);
  if (kind == FactKind::kStock) {
    path = "/stock/" + percent_encoded(key);
    query.emplace_back("store", store_);
  }
  http::Request request = skeleton("GET", path, query);
  request.answer_bytes_max = kFactAnswerBytesMax;
  if (!etag.empty()) request.headers.emplace_back("If-None-Match", etag);
  return request;
}

http::Request CentralProfile::by_reference(const std::string& reference) const {
  http::Request request = skeleton("GET", "/documents", {{"reference", reference}});
  request.answer_bytes_max = kReadBackAnswerBytesMax;
  return request;
}

http::Request CentralProfile::by_original(const std::string& reference) const {
  http::Request request = skeleton("GET", "/documents", {{"original", reference}});
  request.answer_bytes_max = kReadBackAnswerBytesMax;
  return request;
}

}  // namespace tillsync
