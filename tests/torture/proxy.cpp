#include "tests/torture/proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <stdexcept>

namespace tillsync::testing {
namespace {

constexpr std::size_t kHeldBytesMax = 256 * 1024;
constexpr std::size_t kDribbleBytes = 100;
constexpr int kPollMs = 2;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void close_with_reset(int& handle) {
  if (handle < 0) return;
  const linger at_once{1, 0};
  ::setsockopt(handle, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(handle);
  handle = -1;
}

}  // namespace

/// One connection through the proxy: two sockets, and what is on its way between them.
struct Proxy::Link {
  struct Way {
    std::string held;
    std::size_t left = std::numeric_limits<std::size_t>::max();  ///< bytes until the cut
    std::chrono::steady_clock::time_point due{};                 ///< when the next piece may go
    bool ended = false;                                          ///< its source has finished
    bool told_end = false;
  };
  int client = -1, server = -1;
  Way up, down;
  bool swallow = false;
  bool drop_replies = false;
  int delay_ms_max = 0;
  bool dribble = false;
  bool over = false;

  ~Link() {
    if (client >= 0) ::close(client);
    if (server >= 0) ::close(server);
  }
};

Proxy::Proxy(std::uint16_t to_port, std::uint64_t seed) : to_port_(to_port), random_(seed) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 512) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the proxy cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

Proxy::~Proxy() {
  stopping_ = true;
  thread_.join();
  ::close(listener_);
}

void Proxy::set(ProxyFaults faults) {
  const std::lock_guard lock(mutex_);
  faults_ = faults;
}

std::string Proxy::told() const {
  return fmt::format("{} connections: {} refused, {} swallowed, {} cut, {} reset", connections_.load(),
                     refused_.load(), swallowed_.load(), cut_.load(), reset_.load());
}

void Proxy::run() {
  while (!stopping_) {
    if (reset_all_.exchange(false)) {
      for (auto& link : links_) {
        close_with_reset(link->client);
        close_with_reset(link->server);
        ++reset_;
      }
      links_.clear();
    }
    std::vector<pollfd> waits;
    if (!frozen_) {
      waits.push_back({listener_, POLLIN, 0});
      for (const auto& link : links_) {
        if (link->swallow) continue;
        if (!link->up.ended) waits.push_back({link->client, POLLIN, 0});
        if (!link->down.ended) waits.push_back({link->server, POLLIN, 0});
      }
    }
    ::poll(waits.data(), waits.size(), kPollMs);
    if (frozen_) continue;
    accept_one();
    for (auto& link : links_) relay(*link);
    std::erase_if(links_, [](const auto& link) { return link->over; });
  }
}

void Proxy::accept_one() {
  for (;;) {
    int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    ++connections_;
    ProxyFaults faults;
    {
      const std::lock_guard lock(mutex_);
      faults = faults_;
    }
    int dice = static_cast<int>(random_.below(100));
    const auto strikes = [&dice](int percent) {
      const bool hit = dice >= 0 && dice < percent;
      dice -= percent;
      return hit;
    };
    const auto somewhere = [&] {
      return random_.below(static_cast<std::uint64_t>(faults.cut_bytes_max) + 1);
    };
    if (strikes(faults.refused)) {
      ++refused_;
      close_with_reset(client);
      continue;
    }
    auto link = std::make_unique<Link>();
    link->client = client;
    link->delay_ms_max = faults.delay_ms_max;
    link->dribble = faults.dribble;
    if (strikes(faults.swallowed)) {
      ++swallowed_;
      link->swallow = true;
      links_.push_back(std::move(link));
      continue;
    }
    if (strikes(faults.request_cut)) link->up.left = somewhere();
    if (strikes(faults.reply_cut)) link->down.left = somewhere();
    if (strikes(faults.reply_lost)) link->drop_replies = true;
    link->server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(to_port_);
    if (::connect(link->server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      close_with_reset(link->client);
      continue;
    }
    ::fcntl(link->server, F_SETFL, O_NONBLOCK);
    links_.push_back(std::move(link));
  }
}

void Proxy::relay(Link& link) {
  if (link.swallow) {
    char byte;
    if (::recv(link.client, &byte, 1, MSG_PEEK) == 0) link.over = true;  // the client has given up
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  const auto move = [&](int from, int to, Link::Way& way, bool lost) {
    char bytes[16 * 1024];
    while (!way.ended && way.held.size() < kHeldBytesMax) {
      const ssize_t got = ::recv(from, bytes, sizeof bytes, 0);
      if (got > 0) {
        if (way.held.empty() && link.delay_ms_max > 0)
          way.due =
              now + std::chrono::milliseconds(random_.below(static_cast<std::uint64_t>(link.delay_ms_max)));
        way.held.append(bytes, static_cast<std::size_t>(got));
        continue;
      }
      if (got == 0) way.ended = true;
      if (got < 0 && errno != EAGAIN && errno != EINTR) link.over = true;
      break;
    }
    if (lost) way.held.clear();
    while (!way.held.empty() && now >= way.due && !link.over) {
      const std::size_t piece =
          std::min({way.held.size(), way.left, link.dribble ? kDribbleBytes : way.held.size()});
      if (piece == 0) {
        ++cut_;
        link.over = true;
        break;
      }
      const ssize_t sent = ::send(to, way.held.data(), piece, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) link.over = true;
        break;
      }
      way.held.erase(0, static_cast<std::size_t>(sent));
      way.left -= static_cast<std::size_t>(sent);
      if (link.dribble) {
        way.due = now + std::chrono::milliseconds(1);
        break;
      }
    }
    if (way.ended && way.held.empty() && !way.told_end) {
      ::shutdown(to, SHUT_WR);
      way.told_end = true;
    }
  };
  move(link.client, link.server, link.up, false);
  move(link.server, link.client, link.down, link.drop_replies);
  if (link.up.told_end && link.down.told_end) link.over = true;
  if (!link.over) return;
  // Half of the cuts are resets, half look like an orderly end.
  if (random_.below(2) == 0) {
    close_with_reset(link.client);
    close_with_reset(link.server);
  }
}

}  // namespace tillsync::testing
