// Who is let in to an API: asked for each request's head, before its body is read. Event loop's thread.
//
// A listener beyond this machine wants credentials. On the Unix socket and on loopback the system guards the
// door, and nobody needs one; but a token that is shown there must be right, and says who it is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "agent/access/access_list.h"
#include "agent/access/lockouts.h"
#include "agent/http_server/server.h"

namespace tillsync {

/// Since the start.
struct GateCounts {
  std::uint64_t refused = 0;   ///< wrong credentials, or none where they are wanted
  std::uint64_t lockouts = 0;  ///< addresses locked out
};

class Gate {
 public:
  /// `list` and `clock` must outlive it. `certificates`: name to role, for AccessKind::kOperator.
  /// `look_again` is called where a token is not known, and may change the list: one that was made a moment
  /// ago is no failure.
  Gate(AccessKind kind, const AccessList& list, const Clock& clock,
       std::map<std::string, std::string> certificates = {}, std::function<void()> look_again = {})
      : kind_(kind),
        list_(list),
        clock_(clock),
        certificates_(std::move(certificates)),
        look_again_(std::move(look_again)) {}

  /// For ServerOptions::admit. Sets `caller` to the terminal's or the operator's name. 401 `unauthorized`,
  /// 403 `forbidden`, 429 `locked-out`.
  std::optional<ServerResponse> admit(ServerRequest& head);
  /// Others from now on.
  void certificates_are(std::map<std::string, std::string> certificates) {
    certificates_ = std::move(certificates);
  }
  GateCounts counts() const { return {refused_, lockouts_}; }

 private:
  std::optional<ServerResponse> by_token(ServerRequest& head, std::string_view token);
  std::optional<ServerResponse> by_certificate(ServerRequest& head);
  std::optional<ServerResponse> let_in(ServerRequest& head, const std::string& name, AccessRole role) const;
  ServerResponse unauthorized(const ServerRequest& head, std::string_view why, std::string_view detail);

  const AccessKind kind_;
  const AccessList& list_;
  const Clock& clock_;
  std::map<std::string, std::string> certificates_;
  const std::function<void()> look_again_;
  Lockouts lockouts_table_;
  std::uint64_t refused_ = 0, lockouts_ = 0;
};

}  // namespace tillsync
