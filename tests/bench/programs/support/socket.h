// Connected sockets of the load makers: Unix or TCP, without Nagle's wait.
#pragma once

#include <string>
#include <utility>

#include "platform/base/result.h"

namespace tillsync::bench {

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

/// `where` is "unix:PATH" or "HOST:PORT" (an IPv4 address). Blocking. kUnavailable where nobody listens.
Result<Descriptor> connect_to(const std::string& where);
Result<void> set_non_blocking(int fd);
/// On a blocking socket: all of it, or kUnavailable.
Result<void> send_all(int fd, std::string_view bytes);
/// On a blocking socket: some bytes behind `in`, or kUnavailable where the other side has closed.
Result<void> receive_some(int fd, std::string& in);
/// A non-blocking socket that listens at "HOST:PORT" (port 0: any); `port` gets the port.
Result<Descriptor> listen_at(const std::string& where, int& port);

}  // namespace tillsync::bench
