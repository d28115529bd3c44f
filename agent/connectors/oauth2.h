// OAuth2 tokens, by client credentials (RFC 6749 section 4.4) or by a JWT in somebody's name (RFC 7523
// section 2.1): one for all requests, fetched once however many wait for it. The client shows who it is by
// its secret, or by a JWT of its own (RFC 7523 section 2.2). Single-threaded: on the delivery thread.
//
// A JWT says when it was made, and a store's clock is not trusted (I5). Where the server refuses one and its
// Date header shows another time than ours, the next is made by the server's clock, at once.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/connectors/credentials.h"
#include "agent/connectors/jwt.h"
#include "agent/connectors/secret_cache.h"

namespace tillsync {

class OAuth2Credentials final : public Credentials, public std::enable_shared_from_this<OAuth2Credentials> {
 public:
  OAuth2Credentials(TargetSettings settings, http::Transport& client, const Clock& clock, ReadSecret read);

  void obtain(std::function<void(Obtained)> then) override;
  void refused(std::uint64_t generation) override;

 private:
  struct Token {
    Authorization authorization;
    SteadyTime good_until;
  };
  void fetch(bool again = false);
  Result<http::Request> token_request(const std::string& secret);
  std::string assertion(const RsaKey& key);
  bool set_clock_by(const http::Answer& answer);
  void fetched(const http::Exchange& exchange, SteadyTime asked_at, bool again);
  void answer_waiting(const Obtained& obtained);

  // Constant after construction.
  const TargetSettings settings_;
  http::Transport& client_;
  const Clock& clock_;

  SecretCache secret_;                      ///< the client's secret or its private key
  std::chrono::seconds server_is_ahead_{};  ///< of our clock
  std::uint64_t assertions_ = 0;
  std::optional<Token> token_;
  std::uint64_t generation_ = 0;                        ///< counts tokens
  std::vector<std::function<void(Obtained)>> waiting_;  ///< not empty exactly while a fetch is under way
};

}  // namespace tillsync
