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
  struct Sent {
    Result result;
    std::uint64_t generation = 0;  ///< of the credential: what Credentials::refused() takes
    int requests = 0;              ///< to the target, signing in included
  };

  CentralSession(std::shared_ptr<Credentials> credentials, http::Transport& client)
      : credentials_(std::move(credentials)), client_(&client) {}
  /// `then` runs once, at once or inside http::Client::wait(). The credential is blotted out of the
  /// answer.
  void send(http::Request request, std::function<void(Result)> then) const;
  /// The same for those who have to know what it took, or find a refused credential in an answer's words.
  void send_counted(http::Request request, std::function<void(Sent)> then) const;

 private:
  std::shared_ptr<Credentials> credentials_;
  http::Transport* client_;
};

}  // namespace tillsync
