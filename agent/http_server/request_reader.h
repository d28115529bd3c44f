// Turns a connection's bytes into requests (RFC 9112). Beast's parser stands behind it, in the one file that
// is slow to compile. No sockets, no clock. Only for this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "agent/http_server/server.h"

namespace tillsync {

class RequestReader {
 public:
  enum class State {
    kHead,      ///< more of the head is needed
    kHeadDone,  ///< the head is there; allow_body() must be called to go on
    kBody,      ///< more of the body is needed
    kDone,      ///< take() gives the request
    kFailed,    ///< error() says how
  };

  explicit RequestReader(std::uint32_t header_bytes_max);
  ~RequestReader();

  /// Makes ready for the next request.
  void begin();
  /// Reads on; returns how many bytes were used. Unused bytes must be given again, with more behind them.
  std::size_t feed(std::string_view bytes);
  /// Sets the largest body, in bytes; kFailed at once where Content-Length is beyond it.
  void allow_body(std::uint64_t bytes_max);

  State state() const;
  ProtocolError error() const;
  /// The request so far; whole in kDone, from where it may be moved out.
  ServerRequest& request();

  // Known from kHeadDone on.
  std::optional<std::uint64_t> content_length() const;
  bool keep_alive() const;
  bool http_1_0() const;
  /// The client waits for "100 Continue" before it sends the body (RFC 9110 section 10.1.1).
  bool expects_continue() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync
