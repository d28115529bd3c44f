// How requests to a target are authorized: bearer token, basic, API key, OAuth2 by client credentials (RFC
// 6749 section 4.4) or by a signed JWT (RFC 7523). Secrets are read when they are first needed and again
// after the target refused one, so that a rotated secret works without a restart. No secret ever stands in a
// reason. Single-threaded: used on its delivery thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/connectors/blot.h"
#include "config/settings.h"
#include "outbox/delivery/outcome.h"
#include "platform/base/result.h"
#include "platform/base/time.h"
#include "platform/http/client.h"

namespace tillsync {

/// What one request carries.
struct Authorization {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string user, password;  ///< HTTP basic, where `user` is not empty
  /// Takes all that is secret in it out of what the target answers; null where nothing is.
  std::shared_ptr<const Blot> blot;
  std::uint64_t generation = 0;  ///< which reading of the secret this is
  void apply(http::Request& request) const;
};

class Credentials {
 public:
  using ReadSecret = std::function<Result<std::string>(const SecretReference&)>;
  /// An Outcome: there is no authorization now, nothing was sent to the target (kRetryable; the signal says
  /// why).
  using Obtained = std::variant<Authorization, Outcome>;

  virtual ~Credentials() = default;
  /// `then` runs once, at once or inside http::Client::wait().
  virtual void obtain(std::function<void(Obtained)> then) = 0;
  /// The target answered 401 to this generation: what was cached is dropped. Late refusals of an older one
  /// change nothing.
  virtual void refused(std::uint64_t generation) = 0;
  /// Requests to the target itself that signing in took since this was last asked: whoever asks pays for
  /// them. Tokens of a token_url are none, since no target counts them.
  virtual int take_requests() { return 0; }
};

/// For settings.auth. `client` and `clock` outlive the credentials; only oauth2 uses them. kInvalid: unknown
/// kind, or a kind without what it needs.
Result<std::shared_ptr<Credentials>> make_credentials(const TargetSettings& settings, http::Transport& client,
                                                      const Clock& clock,
                                                      Credentials::ReadSecret read_secret);

}  // namespace tillsync
