#include "agent/access/gate.h"

#include <algorithm>

#include "platform/log/log.h"

namespace tillsync {
namespace {

constexpr std::string_view kBearer = "bearer ";

/// RFC 9110 section 11.1: the scheme's case means nothing. Nothing where it is another scheme.
std::optional<std::string_view> bearer_token(std::string_view authorization) {
  if (authorization.size() < kBearer.size()) return std::nullopt;
  const bool bearer = std::equal(
      kBearer.begin(), kBearer.end(), authorization.begin(),
      [](char want, char c) { return want == (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c); });
  if (!bearer) return std::nullopt;
  authorization.remove_prefix(kBearer.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

bool only_reads(const ServerRequest& head) {
  return head.method == "GET" || head.method == "HEAD";
}

}  // namespace

std::optional<ServerResponse> Gate::admit(ServerRequest& head) {
  const auto authorization = head.header("authorization");
  const bool guarded = head.peer != nullptr && head.peer->guarded;
  if (!guarded && authorization.empty()) return std::nullopt;
  // How the store is, without a secret in it, is for everybody who can reach the tills' door (CONTRACT
  // section 2).
  if (kind_ == AccessKind::kTerminal && head.path == "/v1/health" && only_reads(head)) return std::nullopt;
  if (guarded) {
    if (const auto left = lockouts_table_.left(head.peer->address, clock_.steady_now())) {
      auto response =
          problem_response(429, "locked-out", "Too many wrong credentials",
                           "This address showed wrong credentials too often; it is let in again after "
                           "the seconds in Retry-After.");
      response.headers.emplace_back("Retry-After", std::to_string(left->count()));
      return response;
    }
  }
  const auto token = bearer_token(authorization);
  if (token && (guarded || token->starts_with(kTokenPrefix))) return by_token(head, *token);
  if (!guarded) return std::nullopt;  // another scheme, or none of ours: for whoever stands in between
  if (!head.peer->certificate_names.empty() && kind_ == AccessKind::kOperator) return by_certificate(head);
  return unauthorized(head, "none", "Send Authorization: Bearer and a token.");
}

std::optional<ServerResponse> Gate::by_token(ServerRequest& head, std::string_view token) {
  auto check = list_.check(kind_, token, clock_.utc_now());
  if (check.refusal == AccessList::Refusal::kUnknown && look_again_) {
    look_again_();
    check = list_.check(kind_, token, clock_.utc_now());
  }
  if (check.refusal == AccessList::Refusal::kNone) return let_in(head, check.entry->name, check.entry->role);
  const bool guarded = head.peer != nullptr && head.peer->guarded;
  if (guarded && lockouts_table_.failed(head.peer->address, clock_.steady_now())) {
    ++lockouts_;
    log::warning("access.locked_out",
                 {{"api", kind_ == AccessKind::kTerminal ? "till" : "ops"}, {"from", head.peer->address}});
  }
  // Whose token it is was proven before anything is said of it.
  const bool known = check.entry != nullptr;
  return unauthorized(
      head, known ? check.entry->id + " " + std::string(refusal_name(check.refusal)) : "wrong",
      known ? "The token is " + std::string(refusal_name(check.refusal)) + "; have a new one made."
            : std::string("The token is not one that is known here."));
}

std::optional<ServerResponse> Gate::by_certificate(ServerRequest& head) {
  for (const std::string& name : head.peer->certificate_names) {
    const auto found = certificates_.find(name);
    if (found == certificates_.end()) continue;
    return let_in(head, name, access_role(found->second).value_or(AccessRole::kRead));
  }
  ++refused_;
  log::info("access.refused", {{"api", "ops"},
                               {"from", head.peer->address},
                               {"credential", "certificate " + head.peer->certificate_names.front()}});
  return problem_response(403, "forbidden", "The certificate opens nothing here",
                          "None of its names stands in [ops.client_certificates] of the store's settings.");
}

std::optional<ServerResponse> Gate::let_in(ServerRequest& head, const std::string& name,
                                           AccessRole role) const {
  if (kind_ == AccessKind::kOperator && role == AccessRole::kRead && !only_reads(head)) {
    return problem_response(403, "forbidden", "The role does not allow it",
                            "\"" + name + "\" may read; to decide takes the role operate.");
  }
  head.caller = name;
  return std::nullopt;
}

ServerResponse Gate::unauthorized(const ServerRequest& head, std::string_view why, std::string_view detail) {
  ++refused_;
  log::info("access.refused", {{"api", kind_ == AccessKind::kTerminal ? "till" : "ops"},
                               {"from", head.peer == nullptr ? std::string() : head.peer->address},
                               {"credential", why}});
  auto response = problem_response(401, "unauthorized", "No valid credentials", detail);
  response.headers.emplace_back(
      "WWW-Authenticate",
      why == "none" ? "Bearer realm=\"tillsync\"" : "Bearer realm=\"tillsync\", error=\"invalid_token\"");
  return response;
}

}  // namespace tillsync
