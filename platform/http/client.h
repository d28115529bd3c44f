// HTTP client on libcurl's multi interface: keep-alive, HTTP/2 where offered over TLS, proxies, verified TLS.
// One thread per Client; only wake() may come from another.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "platform/base/result.h"

namespace tillsync::http {

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds timeout{10'000};  ///< for the whole exchange
  std::chrono::milliseconds connect_timeout{5'000};
  std::string unix_socket;  ///< path; the url's host then only fills the Host header
  /// "127.0.0.1:7412": where to connect instead of the url's host and port, which still name the server that
  /// is asked for and verified; past every proxy. "" for what the url says.
  std::string connect_to;
  std::string ca_file;                              ///< PEM; "" for the system's store
  std::string proxy;                                ///< "" honours the environment (https_proxy, no_proxy)
  std::string user, password;                       ///< HTTP basic, where `user` is not empty
  std::size_t answer_bytes_max = 16 * 1024 * 1024;  ///< a longer answer is a Failure
};

struct Answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
  std::string_view header(std::string_view name) const;  ///< "" where absent
};

/// No whole answer came.
struct Failure {
  /// Whether any byte of the request may have left this machine. False: name, connect or TLS failed; the
  /// server cannot have acted.
  bool sent = false;
  std::string code;    ///< "resolve", "connect", "tls", "timeout", "reset", "answer-cut", "answer-too-large",
                       ///< "proxy", ...
  std::string detail;  ///< for people; no credentials, no body
};

using Exchange = std::variant<Answer, Failure>;

/// Where requests are handed in; a Client, or what a simulation puts in its place.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Begins an exchange; `done` runs once, later, on the same thread. A body is never resent by the transport
  /// itself.
  virtual void start(Request request, std::function<void(Exchange)> done) = 0;
};

class Client final : public Transport {
 public:
  static Result<std::unique_ptr<Client>> open(std::size_t connections_per_host_max = 64);
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Begins an exchange; `done` runs once, inside wait(). A request body is never resent by the client
  /// itself: where a kept-alive connection turns out dead after bytes were sent, that is a Failure with sent
  /// = true (the caller decides, not libcurl).
  void start(Request request, std::function<void(Exchange)> done) override;
  /// Moves transfers on and runs their `done`s, for at most `longest`; returns early after wake() or once
  /// something is done. Of many that are done it runs a millisecond's worth, the rest in the next call.
  void wait(std::chrono::milliseconds longest);
  /// From any thread.
  void wake();
  std::size_t in_flight() const;
  /// Cuts every exchange; their `done`s run with a Failure (code "cancelled", sent = true).
  void cancel_all();

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One exchange on the calling thread (the CLI, read-backs).
Exchange perform(Request request);

/// When the server made the answer, as its Date header says (RFC 9110 section 6.6.1): seconds of the Unix
/// epoch.
std::optional<std::chrono::seconds> date_of(const Answer& answer);

/// RFC 9110 section 10.2.3: seconds, or an HTTP date relative to the answer's own Date header (a store's
/// clock is not trusted). Nothing where it is absent or unreadable. Capped to one hour.
std::chrono::milliseconds retry_after(const Answer& answer, std::chrono::milliseconds otherwise);

}  // namespace tillsync::http
