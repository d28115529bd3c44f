// Signing in as a connector file describes it: one login for all requests, made once however many wait for
// it, and anew after the target refused what it gave. Single-threaded: on the thread of its transport.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/connectors/credentials.h"
#include "agent/connectors/mapped/requester.h"
#include "agent/connectors/secret_cache.h"

namespace tillsync {

class SessionCredentials final : public Credentials, public std::enable_shared_from_this<SessionCredentials> {
 public:
  struct Parts {
    std::shared_ptr<const Connector> connector;  ///< with a session
    json::Value parameters;
    TargetSettings settings;  ///< auth.user, auth.password
    http::Transport& client;
    const Clock& clock;
    Mapping mapping;
    ReadSecret read;
  };
  explicit SessionCredentials(Parts parts);

  void obtain(std::function<void(Obtained)> then) override;
  void refused(std::uint64_t generation) override;
  int take_requests() override;

 private:
  void sign_in();
  void made(Result<json::Value> made);
  void answered(const http::Exchange& exchange);
  void understood(const http::Answer& answer, Result<json::Value> said);
  void answer_waiting(const Obtained& obtained);
  void fail(TargetSignal signal, const std::string& why,
            std::optional<std::chrono::milliseconds> retry_after = std::nullopt);
  MappingInput input() const;

  const std::shared_ptr<const Connector> connector_;
  const std::string parameters_;
  const TargetSettings settings_;
  const RequestMaker maker_;
  http::Transport* const client_;
  const Clock& clock_;
  const Mapping mapping_;

  SecretCache secret_;
  std::optional<Authorization> authorization_;
  SteadyTime good_until_ = SteadyTime::max();
  std::uint64_t generation_ = 0;
  int requests_ = 0;                                    ///< logins that take_requests() has not told yet
  std::vector<std::function<void(Obtained)>> waiting_;  ///< not empty exactly while a login is under way
};

}  // namespace tillsync
