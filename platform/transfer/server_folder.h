// A folder of an SFTP or FTPS server, through libcurl. Never without encryption, never to a server whose
// identity is not proven.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "platform/transfer/folder.h"

namespace tillsync::transfer {

struct ServerOptions {
  /// "sftp://host[:port]/path" (from the server's root; "/~/path" from the user's folder), or
  /// "ftps://host[:port]/path" (from the user's folder; "//path" from the root).
  std::string url;
  bool implicit_tls = false;  ///< ftps: TLS from the first byte (port 990), not AUTH TLS (port 21)
  std::string ca_file;        ///< ftps: PEM; "" for the system's store
  std::string known_hosts;    ///< sftp: one of these two
  std::string host_key_sha256;
  std::string user;
  std::string key_file;  ///< sftp: a private key; "" signs in with the password
  std::string secret;    ///< the password, or the key file's passphrase
  /// Connecting, each answer of the server, and how long a transfer may stand still; a whole transfer gets a
  /// second more for each 16 KiB.
  std::chrono::milliseconds timeout{10'000};
};

/// Codes: resolve, connect, tls (the certificate too), host-key, login, refused (no such folder, no right, no
/// room), rename, cut, timeout, stopped, failed.
class ServerFolder final : public Folder {
 public:
  /// `stop` set cuts a transfer within a second; it outlives the folder. kInternal where libcurl is not to be
  /// had, or lacks the protocol.
  static Result<std::unique_ptr<ServerFolder>> open(ServerOptions options, const std::atomic<bool>& stop);
  ~ServerFolder() override;

  Result<void> put(const std::string& name, std::string_view bytes) override;
  Result<std::optional<std::string>> get(const std::string& name, std::size_t bytes_max) override;
  Result<void> reach() override;
  std::string place() const override;
  /// The next transfer signs in with this one.
  void set_secret(std::string secret);

 private:
  struct Impl;
  explicit ServerFolder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync::transfer
