#include "tests/bench/programs/support/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace tillsync::bench {
namespace {

constexpr int kListenBacklog = 4096;

Error failure(const std::string& what) {
  return {ErrorKind::kUnavailable, "socket", what + ": " + std::strerror(errno)};
}

Result<sockaddr_in> tcp_address(const std::string& where) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const auto colon = where.rfind(':');
  if (colon == std::string::npos ||
      inet_pton(AF_INET, where.substr(0, colon).c_str(), &address.sin_addr) != 1)
    return Error{ErrorKind::kInvalid, "address", where + " is neither unix:PATH nor IPV4:PORT"};
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(where.c_str() + colon + 1)));
  return address;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Descriptor> connect_to(const std::string& where) {
  if (where.starts_with("unix:")) {
    const std::string path = where.substr(5);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
      return Error{ErrorKind::kInvalid, "address", path + " is too long for a socket"};
    std::memcpy(address.sun_path, path.data(), path.size());
    Descriptor out(::socket(AF_UNIX, SOCK_STREAM, 0));
    if (::connect(out.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      return failure("connect to " + where);
    return out;
  }
  const auto address = tcp_address(where);
  if (!address) return address.error();
  Descriptor out(::socket(AF_INET, SOCK_STREAM, 0));
  if (::connect(out.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return failure("connect to " + where);
  const int on = 1;
  ::setsockopt(out.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return out;
}

Result<void> set_non_blocking(int fd) {
  if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) return failure("fcntl");
  return ok();
}

Result<void> send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return failure("send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return ok();
}

Result<void> receive_some(int fd, std::string& in) {
  char buffer[16 * 1024];
  const auto got = ::recv(fd, buffer, sizeof buffer, 0);
  if (got < 0) return failure("receive");
  if (got == 0) return Error{ErrorKind::kUnavailable, "socket", "the other side has closed the connection"};
  in.append(buffer, static_cast<std::size_t>(got));
  return ok();
}

Result<Descriptor> listen_at(const std::string& where, int& port) {
  auto address = tcp_address(where);
  if (!address) return address.error();
  Descriptor out(::socket(AF_INET, SOCK_STREAM, 0));
  const int on = 1;
  ::setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof *address;
  if (::bind(out.get(), reinterpret_cast<sockaddr*>(&*address), size) != 0 ||
      ::listen(out.get(), kListenBacklog) != 0 ||
      ::getsockname(out.get(), reinterpret_cast<sockaddr*>(&*address), &size) != 0)
    return failure("listen at " + where);
  port = ntohs(address->sin_port);
  if (auto done = set_non_blocking(out.get()); !done) return done.error();
  return out;
}

}  // namespace tillsync::bench
