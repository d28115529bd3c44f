#include "agent/http_server/problems.h"

namespace tillsync {

ServerResponse not_found(std::string_view detail) {
  return problem_response(404, "not-found", "There is no such thing", detail);
}

ServerResponse not_allowed(std::string allow) {
  auto response =
      problem_response(405, "method-not-allowed", "The method is not allowed here", "Allowed: " + allow);
  response.headers.emplace_back("Allow", std::move(allow));
  return response;
}

}  // namespace tillsync
