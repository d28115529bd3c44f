// Sends requests to one target with its credential, and takes a refused credential back. Single-threaded: on
// the delivery thread. Copies share the credential.
#pragma once

#include <functional>
#include <memory>
#include <variant>

#include "agent/connectors/credentials.h"
#include "platform/http/client.h"

namespace tillsync {

class CentralSession {
 public:
  /// An Outcome: there was no credential and nothing was sent.
  using Result = std::variant<Outcome, http::Exchange>;

  CentralSession(std::shared_ptr<Credentials> credentials, http::Transport& client)
      : credentials_(std::move(credentials)), client_(&client) {}
  /// `then` runs once, at once or inside http::Client::wait(). The credential is blotted out of an error's
  /// body.
  void send(http::Request request, std::function<void(Result)> then) const;
  /// The same for those who find a refused credential in an answer's words: `generation` is what
  /// Credentials::refused() takes.
  void send(http::Request request, std::function<void(Result, std::uint64_t generation)> then) const;

 private:
  std::shared_ptr<Credentials> credentials_;
  http::Transport* client_;
};

}  // namespace tillsync
