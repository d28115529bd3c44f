// Turns what libcurl reports into a Failure with a stable code. Pure.
#pragma once

#include <string_view>

#include "platform/http/client.h"

namespace tillsync::http {

/// What is known of an exchange that brought no whole answer.
struct FailureFacts {
  int curl_code = 0;  ///< CURLcode
  bool sent = false;
  bool answer_begun = false;
  bool answer_too_large = false;
  bool resend_refused = false;  ///< libcurl wanted to send a second time and was stopped
  long tunnel_status = 0;       ///< a proxy's answer to CONNECT, 0 for none
  std::string_view curl_text;   ///< libcurl's message, "" for none
};

/// Codes: resolve, connect, tls, proxy, timeout, reset, answer-cut, answer-too-large, bad-answer,
/// invalid-url, failed.
Failure describe_failure(const FailureFacts& facts);

}  // namespace tillsync::http
