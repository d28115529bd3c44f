#include <curl/curl.h>

#include <algorithm>

#include "platform/http/client.h"

namespace tillsync::http {
namespace {

constexpr std::int64_t kRetryAfterMax_s = 3600;

/// An HTTP date (RFC 9110 section 5.6.7) as seconds of an epoch; -1 where it is none.
std::int64_t date_of(std::string_view text) {
  // Every form of an HTTP date begins with a day's name: without this check curl_getdate would take "1.5" or
  // "20".
  const bool named = text.size() > 3 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z';
  return named ? static_cast<std::int64_t>(curl_getdate(std::string(text).c_str(), nullptr)) : -1;
}

std::chrono::milliseconds bounded(std::int64_t seconds) {
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kRetryAfterMax_s));
}

}  // namespace

std::optional<std::chrono::seconds> date_of(const Answer& answer) {
  const std::int64_t seconds = date_of(answer.header("date"));
  return seconds < 0 ? std::nullopt : std::optional(std::chrono::seconds(seconds));
}

std::chrono::milliseconds retry_after(const Answer& answer, std::chrono::milliseconds otherwise) {
  const std::string_view value = answer.header("retry-after");
  if (value.empty()) return otherwise;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (std::all_of(value.begin(), value.end(), digit)) {
    if (value.size() > 9) return bounded(kRetryAfterMax_s);
    return bounded(std::stoll(std::string(value)));
  }
  const std::int64_t until = date_of(value);
  const std::int64_t now = date_of(answer.header("date"));
  return until < 0 || now < 0 ? otherwise : bounded(until - now);
}

}  // namespace tillsync::http
