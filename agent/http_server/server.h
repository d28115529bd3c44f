// An HTTP/1.1 server on TCP and Unix sockets: keep-alive, pipelining (answers in order), deadlines, limits.
// Lives on an EventLoop's thread; a Responder may be called from any thread, once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/http_server/event_loop.h"
#include "platform/base/result.h"
#include "platform/base/time.h"
#include "platform/tls/server_tls.h"

namespace tillsync {

/// Who is at the other end of a connection, as far as the connection itself shows it.
struct Peer {
  std::string address;   ///< of TCP, numeric, without the port; "" for a Unix socket
  bool guarded = false;  ///< came to a listener that wants credentials
  /// Of the certificate that the client showed and that was verified (tls::ServerSession::client_names).
  std::vector<std::string> certificate_names;
};

struct ServerRequest {
  std::string method;
  std::string path;   ///< percent-encoded as it came, without the query
  std::string query;  ///< behind '?', as it came
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
  std::shared_ptr<const Peer> peer;  ///< null in tests that have no connection
  std::string caller;                ///< who it is, where ServerOptions::admit made sure of that; else ""

  /// A header's value ("" where absent); `name` in lower case.
  std::string_view header(std::string_view name) const;
  /// A query parameter, percent-decoded; nothing where it is absent.
  std::optional<std::string> parameter(std::string_view name) const;
  /// The path's segments, each percent-decoded: "/v1/documents/a%2Fb" gives {"v1","documents","a/b"}.
  std::vector<std::string> segments() const;
};

/// An answer's body that goes on as things happen (server-sent events). Its connection takes from it as fast
/// as the client reads, has one piece of it in memory, and ends with it. Everything on the loop's thread.
class BodyStream {
 public:
  /// `request`: what it answers. ServerOptions::admit goes on being asked about it while the stream runs.
  explicit BodyStream(ServerRequest request) : request_(std::move(request)) {}
  virtual ~BodyStream() = default;
  BodyStream(const BodyStream&) = delete;
  BodyStream& operator=(const BodyStream&) = delete;

  /// What comes next; "" where there is nothing yet, and wake() says when there is; nothing: the body's end.
  virtual std::optional<std::string> next() = 0;
  /// next() has something. May end the connection, and with it this stream where nobody else holds it; not to
  /// be called by next().
  void wake() const {
    if (on_wake_) on_wake_();
  }

 private:
  friend class Connection;
  ServerRequest request_;
  std::function<void()> on_wake_;
};

struct ServerResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::shared_ptr<BodyStream> stream;  ///< behind the head, in the place of `body`; not for HEAD
  enum class Connection {
    kKeep,
    kClose,  ///< close after this answer
    kDrop,   ///< close at once, sending nothing (the stand-in central loses replies with it)
  } connection = Connection::kKeep;
};

/// What can go wrong before a handler sees a request.
enum class ProtocolError {
  kMalformed,           ///< no HTTP (400)
  kHeaderTooLarge,      ///< 431
  kBodyTooLarge,        ///< 413; answered as soon as it is known, the rest of the body is not read
  kTimeout,             ///< the request did not come whole within the deadline (408)
  kTooManyConnections,  ///< 503
  kBodiesTooMany,       ///< the bodies being received together exceed body_bytes_total_max (503)
};

struct ServerOptions {
  std::size_t connections_max = 1024;
  /// The operating system gives the lowest free number: a connection that was given this one or a higher is
  /// closed without a word, and the next waits a moment. So there are always some for files. 0: no limit.
  std::uint64_t descriptors_max = 0;
  std::chrono::milliseconds header_deadline{
      10'000};  ///< from a request's first byte to its last header byte; slow-loris
  std::chrono::milliseconds body_deadline{30'000};  ///< for a body of up to 1 MiB; plus 1 s per further MiB
  std::chrono::milliseconds idle_deadline{
      75'000};  ///< between requests of a kept-alive connection, and before the first
  std::chrono::milliseconds write_deadline{30'000};
  std::chrono::milliseconds handshake_deadline{10'000};  ///< of TLS, from the connection's first moment on
  /// At connections_max a new connection takes the place of one that has not sent a byte for so long: who
  /// says nothing keeps nobody out. Where there is none, of one that was answered before and has been idle
  /// for ten times as long.
  std::chrono::milliseconds give_way_after{1'000};
  std::uint32_t header_bytes_max = 16 * 1024;
  std::uint64_t body_bytes_total_max = 256ull * 1024 * 1024;
  /// Largest body for a request with this head (its body is still empty), in bytes.
  std::function<std::uint64_t(const ServerRequest& head)> body_bytes_max;
  /// Asked for each head before its body is read: an answer refuses the request, and is the connection's
  /// last. Else it may set `caller`. Unset: all are let in.
  std::function<std::optional<ServerResponse>(ServerRequest& head)> admit;
  /// The answer for a protocol error; the connection is closed after it.
  std::function<ServerResponse(ProtocolError)> protocol_error;
  /// For the Date header only; null: the machine's. Must outlive the server.
  const Clock* clock = nullptr;
};

/// How a TCP listener guards itself.
struct ListenOptions {
  /// Gives the context for each new connection, so that a new certificate takes over from one connection to
  /// the next; unset: no TLS.
  std::function<std::shared_ptr<const tls::ServerContext>()> tls;
  bool guarded = false;  ///< Peer::guarded
};

/// Gives the answer; calls after the first do nothing, nor does one after the connection, the server or the
/// loop has gone. Where every copy is destroyed uncalled, the connection is dropped.
using Responder = std::function<void(ServerResponse)>;
/// Called on the loop's thread, in the order in which a connection's requests came. Pipelined requests of the
/// same method may be under way together; a change of method waits for the answers before it. Must not throw.
using RequestHandler = std::function<void(ServerRequest, Responder)>;

/// The EventLoop must outlive it. Destroyed on the loop's thread, or when the loop does not run.
class HttpServer {
 public:
  HttpServer(EventLoop& loop, ServerOptions options, RequestHandler handler);
  ~HttpServer();

  /// "127.0.0.1:7411", "[::1]:7411", port 0 for any free one. kUnavailable says which address and why (in
  /// use, no right).
  Result<void> listen_tcp(const std::string& address, ListenOptions options = {});
  /// Mode 0660. Replaces a socket file that nobody answers on; `kUnavailable` where another process does.
  Result<void> listen_unix(const std::string& path);
  /// The TCP port that listen_tcp got.
  std::uint16_t tcp_port() const;
  std::size_t connections() const;
  /// TLS handshakes that came to nothing since the start; any thread.
  std::uint64_t handshakes_failed() const;
  /// Accepts no more, and closes idle connections and streams; requests under way are answered (with
  /// Connection: close).
  /// Then `done`; at the latest after `patience`, when what is left is cut. On the loop's thread.
  void shut_down(std::chrono::milliseconds patience, std::function<void()> done);

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

/// A text answer.
ServerResponse text_response(unsigned status, std::string body,
                             std::string content_type = "text/plain; charset=utf-8");
/// RFC 9457 problem: type urn:tillsync:problem:NAME. `extra` is further JSON members, e.g.
/// ",\"errors\":[...]", or "".
ServerResponse problem_response(unsigned status, std::string_view name, std::string_view title,
                                std::string_view detail, std::string_view extra = {});

}  // namespace tillsync
