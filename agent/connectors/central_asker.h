// One request at a time to a target of the reference profile, waited for: what read-backs and fetches ask
// with. Blocking, on the thread that it was made for, with an HTTP client of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/connectors/credentials.h"
#include "platform/http/client.h"

namespace tillsync {

class CentralAsker {
 public:
  /// `client` is the one that `credentials` use. `target` and `what` ("be read back") are for messages,
  /// `code` is Error::code. `given_up`, where set: asked several times a second whether to wait on.
  CentralAsker(std::string target, std::string what, std::string code, std::unique_ptr<http::Client> client,
               std::shared_ptr<Credentials> credentials, std::function<bool()> given_up = {});

  /// An answer of any status but 401: after one the credential is read again and the request sent once more.
  /// kUnavailable: no credential, no answer, or 401 again; kTimeout.
  Result<http::Answer> ask(const http::Request& request);
  /// For an answer of a status that is of no use.
  Error useless(const http::Answer& answer, ErrorKind kind = ErrorKind::kUnavailable) const;
  /// An error that is not of the target's name yet.
  Error of_target(const Error& error) const;

 private:
  Result<http::Answer> once(const http::Request& request);
  Error unavailable(const Outcome& outcome, ErrorKind kind) const;

  const std::string target_, what_, code_;
  std::unique_ptr<http::Client> client_;
  std::shared_ptr<Credentials> credentials_;
  const std::function<bool()> given_up_;
};

}  // namespace tillsync
