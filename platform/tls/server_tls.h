// TLS 1.2 and 1.3 for a server (RFC 5246, RFC 8446), by OpenSSL and without a socket: what came off the wire
// is fed in, what is to go onto it is taken out. So a connection needs no second kind of stream, and a plain
// one pays nothing.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "platform/tls/certificate.h"

namespace tillsync::tls {

/// Texts in PEM.
struct ServerPems {
  std::string certificate;  ///< the server's own, then those between it and the root
  std::string key;          ///< its private key, without a password
  std::string client_ca;    ///< who signs clients' certificates; "": none are asked for
};

/// What all connections of a listener share. Immutable; any thread.
class ServerContext {
 public:
  /// kInvalid `certificate`, `key` or `client-ca`: which text is wrong, how, and the cure. An expired
  /// certificate is none of these: it is for others to tell, and a client's to refuse.
  static Result<std::shared_ptr<const ServerContext>> make(const ServerPems& pems);

  const CertificateFacts& certificate() const;

  struct Impl;
  explicit ServerContext(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

/// One connection. One thread at a time.
class ServerSession {
 public:
  enum class State {
    kDone,        ///< the handshake is done; bytes were read
    kNeedsInput,  ///< feed() more first
    kClosed,      ///< the client has said goodbye (close_notify)
    kFailed,      ///< failure() says how; output may hold an alert
  };

  explicit ServerSession(std::shared_ptr<const ServerContext> context);
  ~ServerSession();
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  /// What came off the wire, in order.
  void feed(std::string_view bytes);
  State handshake();
  /// Decrypts up to `size` bytes; `got` says how many, more than 0 with kDone.
  State read(char* into, std::size_t size, std::size_t& got);
  /// Encrypts; false where the session has failed. After the handshake only.
  bool write(std::string_view plain);
  /// Says that nothing more will be written (close_notify).
  void say_goodbye();
  /// What is to go onto the wire, in order, behind what was taken before.
  std::string take_output();

  /// The names of the client's certificate (CertificateFacts::names), which was verified; none where it
  /// showed none.
  std::vector<std::string> client_names() const;
  /// Why the session failed, for a log; never what the client sent.
  const std::string& failure() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync::tls
