#include "agent/till_api/request_headers.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace tillsync {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool has_foreign_charset(std::string_view parameters) {
  const auto at = parameters.find("charset=");
  if (at == std::string_view::npos) return false;
  auto charset = trim(parameters.substr(at + 8, parameters.find(';', at) - at - 8));
  if (charset.size() >= 2 && charset.front() == '"' && charset.back() == '"')
    charset = charset.substr(1, charset.size() - 2);
  return charset != "utf-8" && charset != "utf8" && charset != "us-ascii";
}

}  // namespace

bool is_traceparent(std::string_view text) {
  if (text.size() != 55 || text[2] != '-' || text[35] != '-' || text[52] != '-' || text.starts_with("ff"))
    return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 2 || i == 35 || i == 52) continue;
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return text.substr(3, 32).find_first_not_of('0') != std::string_view::npos &&
         text.substr(36, 16).find_first_not_of('0') != std::string_view::npos;
}

std::optional<PostMedia> post_media(const ServerRequest& request) {
  const auto encoding = lower(trim(request.header("content-encoding")));
  if (!encoding.empty() && encoding != "identity") return std::nullopt;
  const auto type = lower(request.header("content-type"));
  const auto semicolon = type.find(';');
  if (semicolon != std::string::npos && has_foreign_charset(std::string_view(type).substr(semicolon)))
    return std::nullopt;
  const auto essence = trim(std::string_view(type).substr(0, semicolon));
  if (essence == "application/json") return PostMedia::kJson;
  if (essence == "application/x-ndjson") return PostMedia::kNdjson;
  if (essence == "application/cloudevents+json") return PostMedia::kCloudEvent;
  if (essence == "application/cloudevents-batch+json") return PostMedia::kCloudEventBatch;
  return std::nullopt;
}

// RFC 7240 section 2: `wait=10`, also `wait = "10"` and with parameters behind a semicolon; the first one
// counts. A number beyond all patience is still a number.
std::chrono::seconds prefer_wait(const ServerRequest& request) {
  for (const auto& [header, value] : request.headers) {
    if (header != "prefer") continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      const auto preference = rest.substr(0, std::min(rest.find(';'), comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      const auto equals = preference.find('=');
      if (equals == std::string_view::npos || lower(trim(preference.substr(0, equals))) != "wait") continue;
      auto text = trim(preference.substr(equals + 1));
      if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
      std::uint32_t seconds = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
      if (text.empty() || end != text.data() + text.size()) continue;
      if (error == std::errc::result_out_of_range) seconds = std::numeric_limits<std::uint32_t>::max();
      return std::chrono::seconds(seconds);
    }
  }
  return std::chrono::seconds(0);
}

Result<DocumentMeta> document_meta(const ServerRequest& request) {
  DocumentMeta meta;
  if (const auto trace = request.header("traceparent"); is_traceparent(trace)) meta.traceparent = trace;
  if (const auto id = request.header("x-correlation-id"); !id.empty() && id.size() <= 128 && printable(id)) {
    meta.correlation_id = id;
  }
  auto key = trim(request.header("idempotency-key"));
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') key = key.substr(1, key.size() - 2);
  if (key.size() > 255 || !printable(key)) {
    return Error{ErrorKind::kInvalid, "malformed",
                 "Idempotency-Key must be 1 to 255 printable ASCII characters"};
  }
  meta.idempotency_key = key;
  return meta;
}

}  // namespace tillsync
