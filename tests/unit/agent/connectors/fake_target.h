// A target for connector tests: a loopback server that answers each whole request as the test says, and a
// steady clock that the test moves.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "config/settings.h"
#include "outbox/delivery/target_port.h"
#include "platform/base/time.h"
#include "platform/http/client.h"
#include "tests/unit/platform/http/raw_server.h"

namespace tillsync::test {

class FakeTarget {
 public:
  struct Reply {
    std::string status = "200 OK";
    std::string body;
    std::string headers;
  };
  /// Called with each request's whole text, on the server's threads.
  explicit FakeTarget(std::function<Reply(const std::string&)> answer)
      : answer_(std::move(answer)), server_([this](int socket, int) { serve(socket); }) {}

  std::string url(std::string_view path = "/central") const { return server_.url(path); }
  std::vector<std::string> requests() const { return server_.requests(); }

 private:
  void serve(int socket) {
    for (;;) {
      const std::string request = server_.read_request(socket);
      if (request.empty()) return;
      const Reply reply = answer_(request);
      if (reply.status.empty()) return;  // closes without an answer
      RawServer::answer(socket, reply.status, reply.body, reply.headers);
    }
  }
  const std::function<Reply(const std::string&)> answer_;
  RawServer server_;
};

class HandClock final : public Clock {
 public:
  UtcTime utc_now() const override { return utc; }
  SteadyTime steady_now() const override { return now; }
  SteadyTime now{};
  UtcTime utc{};
};

inline OutgoingDelivery delivery(std::int64_t sequence, std::string id) {
  OutgoingDelivery made;
  made.key = {Sequence{sequence}, "erp"};
  made.store = "0417";
  made.document_id = std::move(id);
  made.document = "{\"id\":\"" + made.document_id + "\",\"total\":\"2.50\"}";
  made.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  made.correlation_id = "corr-1";
  return made;
}

inline std::string body_of(const std::string& request) {
  return request.substr(request.find("\r\n\r\n") + 4);
}

/// Secrets by the text of their reference.
using Secrets = std::map<std::string, std::string>;
inline auto reader(Secrets& secrets, int* reads = nullptr) {
  return [&secrets, reads](const SecretReference& reference) -> Result<std::string> {
    if (reads != nullptr) ++*reads;
    const auto found = secrets.find(reference.text);
    if (found == secrets.end()) return Error{ErrorKind::kUnavailable, "secret", "no such file"};
    return found->second;
  };
}

}  // namespace tillsync::test
