// OAuth2 client credentials (RFC 6749 section 4.4): one token for all requests, fetched once however many
// wait for it. Single-threaded: on the delivery thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/connectors/credentials.h"
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
  void fetch();
  void fetched(const http::Exchange& exchange, SteadyTime asked_at);
  void answer_waiting(const Obtained& obtained);

  // Constant after construction.
  const TargetSettings settings_;
  http::Transport& client_;
  const Clock& clock_;

  SecretCache client_secret_;
  std::optional<Token> token_;
  std::uint64_t generation_ = 0;                        ///< counts tokens
  std::vector<std::function<void(Obtained)>> waiting_;  ///< not empty exactly while a fetch is under way
};

}  // namespace tillsync
