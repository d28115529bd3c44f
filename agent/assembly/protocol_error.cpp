#include "agent/assembly/protocol_error.h"

namespace tillsync {

ServerResponse protocol_error(ProtocolError error) {
  switch (error) {
    case ProtocolError::kMalformed:
      return problem_response(400, "malformed", "The request is no HTTP", "Send HTTP/1.1.");
    case ProtocolError::kHeaderTooLarge:
      return problem_response(431, "header-too-large", "The header is too large",
                              "A request's header is at most 16 KiB.");
    case ProtocolError::kBodyTooLarge:
      return problem_response(
          413, "too-large", "The body is too large",
          "A document is at most 1 MiB, an NDJSON or batch body 64 MiB; nothing was stored.");
    case ProtocolError::kTimeout:
      return problem_response(408, "timeout", "The request did not come in time",
                              "Nothing was stored; send it again.");
    case ProtocolError::kTooManyConnections:
    case ProtocolError::kBodiesTooMany:
      break;
  }
  auto response = problem_response(
      503, "overloaded", "tillsync is busy",
      "Too many connections, or bodies under way; nothing was stored. Try again in a second.");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace tillsync
