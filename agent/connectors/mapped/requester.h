// One request of a connector file: made by its program, sent with the target's credential, its answer read by
// its program. Single-threaded: on the thread that owns the transport and the mapping's Post.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/connectors/credentials.h"
#include "agent/connectors/mapped/mapping.h"
#include "agent/connectors/target_usage.h"
#include "config/settings.h"

namespace tillsync {

/// What came of one request.
struct Reply {
  bool passed_over = false;   ///< its `when` said no: nothing was sent
  bool ran_too_long = false;  ///< the program that makes it did: nothing was sent, `outcome` is retryable
  std::optional<Outcome>
      outcome;       ///< decided without a program: no answer, no credential, no program, or a failed one
  json::Value said;  ///< else the program's output
  http::Answer answer;
  TargetUsage usage;
  std::function<void()> refuse_credential = [] {
  };  ///< the answer means that the credential is no good any more
};

/// Makes http::Requests from what request_program() gives.
class RequestMaker {
 public:
  /// Proxy, trust and time-outs as `settings` say.
  explicit RequestMaker(const TargetSettings& settings);
  /// Nothing where `when` was false. kInvalid: a path that leaves the target's host, a header or a body of
  /// the wrong shape.
  Result<std::optional<http::Request>> make(const RequestSpec& spec, const json::Value& made) const;

 private:
  const TargetSettings settings_;
};

class Requester {
 public:
  Requester(std::shared_ptr<const Connector> connector, const TargetSettings& settings,
            std::shared_ptr<Credentials> credentials, http::Transport& client, Mapping mapping)
      : connector_(std::move(connector)),
        maker_(settings),
        credentials_(std::move(credentials)),
        client_(&client),
        mapping_(std::move(mapping)) {}

  /// `what` names the request in messages, e.g. "tryton submit.create". `input` has everything but `answer`;
  /// `then` runs once. This object lives until then.
  void send(const RequestSpec& spec, std::string what, const MappingInput& input,
            std::function<void(Reply)> then) const;

 private:
  struct Exchange;
  void transmit(std::shared_ptr<Exchange> exchange, http::Request request) const;
  void read_answer(const std::shared_ptr<Exchange>& exchange, http::Exchange result) const;
  void run_answer(const std::shared_ptr<Exchange>& exchange) const;
  void run_report(const std::shared_ptr<Exchange>& exchange, bool reads) const;

  const std::shared_ptr<const Connector> connector_;
  const RequestMaker maker_;
  const std::shared_ptr<Credentials> credentials_;
  http::Transport* const client_;
  const Mapping mapping_;
};

}  // namespace tillsync
