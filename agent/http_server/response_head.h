// An answer's bytes on the wire (RFC 9112). Only for this folder.
#pragma once

#include <string>

#include "agent/http_server/server.h"
#include "platform/base/time.h"

namespace tillsync {

struct ResponseFraming {
  bool http_1_0 = false;
  bool close = false;        ///< the connection ends after this answer
  bool until_close = false;  ///< the body ends with the connection (RFC 9112 section 6.3): no Content-Length
};

/// Appends status line and headers up to and with the blank line. `date` is an IMF-fixdate.
void append_head(std::string& out, const ServerResponse& response, ResponseFraming framing,
                 std::string_view date);
/// RFC 9110 section 6.4.1: 204 and 304 have no body (nor have answers to HEAD, which the caller knows).
bool status_has_body(unsigned status);
/// RFC 9110 section 5.6.7: "Mon, 23 Nov 2026 09:00:00 GMT".
std::string imf_fixdate(UtcTime time);

}  // namespace tillsync
