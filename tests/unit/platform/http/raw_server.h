// A loopback server that does with each connection exactly what a test says, down to the byte. A thread per
// connection.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "platform/base/check.h"

namespace tillsync::test {

class RawServer {
 public:
  /// Serves connection number `connection` (from 0) until it returns; the socket is closed then.
  using Handler = std::function<void(int socket, int connection)>;

  explicit RawServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    TILLSYNC_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind to loopback");
    TILLSYNC_CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
                   "getsockname");
    port_ = ntohs(address.sin_port);
    begin();
  }
  RawServer(const std::string& unix_path, Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
    TILLSYNC_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
                   "bind to a path");
    begin();
  }
  ~RawServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
    for (const int socket : sockets_) ::close(socket);
    ::close(listener_);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view path = "/", std::string_view scheme = "http") const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  /// Connections that this server has ended.
  int closed() const { return closed_; }
  /// Requests that read_request() has seen whole, in order.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  /// One whole request (header and Content-Length body), or "" where the connection ended before.
  std::string read_request(int socket) {
    std::string text;
    std::size_t whole = std::string::npos;
    while (text.size() < whole) {
      char buffer[65536];
      const ssize_t size = ::recv(socket, buffer, sizeof buffer, 0);
      if (size <= 0) return {};
      text.append(buffer, static_cast<std::size_t>(size));
      const auto end = text.find("\r\n\r\n");
      if (end == std::string::npos || whole != std::string::npos) continue;
      const auto length = text.find("Content-Length: ");
      whole = end + 4 + (length < end ? std::stoull(text.substr(length + 16)) : 0);
    }
    const std::lock_guard lock(mutex_);
    requests_.push_back(text);
    return text;
  }

  static void send(int socket, std::string_view text) {
    while (!text.empty()) {
      const ssize_t size = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  /// Sends a whole answer that leaves the connection open.
  static void answer(int socket, std::string_view status, std::string_view body,
                     std::string_view headers = {}) {
    send(socket, "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers) +
                     "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  }

 private:
  void begin() {
    // A proxy that the environment names must not come between a test and its server.
    ::setenv("no_proxy", "127.0.0.1,localhost", 1);
    TILLSYNC_CHECK(::listen(listener_, 64) == 0, "listen");
    acceptor_ = std::thread([this] { accept_all(); });
  }
  void accept_all() {
    for (int connection = 0;; ++connection) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      const std::lock_guard lock(mutex_);
      sockets_.push_back(socket);
      threads_.emplace_back([this, socket, connection] {
        handler_(socket, connection);
        ::shutdown(socket, SHUT_RDWR);
        ++closed_;
      });
    }
  }

  const Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::atomic<int> closed_{0};
  mutable std::mutex mutex_;
  std::vector<int> sockets_;           // guarded by mutex_
  std::vector<std::thread> threads_;   // grown by the acceptor only
  std::vector<std::string> requests_;  // guarded by mutex_
};

}  // namespace tillsync::test
