#include "tests/bench/programs/support/closed_loop.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "tests/bench/programs/support/socket.h"

namespace tillsync::bench {
namespace {

constexpr std::size_t kReceiveBytes = 64 * 1024;
constexpr int kAnswerWaitMsMax = 60'000;

struct Connection {
  Descriptor socket;
  std::unique_ptr<Dialogue> dialogue;
  std::string_view unsent;
  std::string in;
  Instant since{};
  bool waits_to_send = false;
};

class Load {
 public:
  explicit Load(const LoadOptions& options) : options_(options), epoll_(::epoll_create1(0)) {}

  Result<void> connect(std::unique_ptr<Dialogue> dialogue) {
    auto socket = connect_to(options_.where);
    if (!socket) return socket.error();
    if (auto opened = dialogue->open(socket->get()); !opened) return opened;
    if (auto done = set_non_blocking(socket->get()); !done) return done;
    auto& made = *connections_.emplace_back(std::make_unique<Connection>());
    made.socket = std::move(*socket);
    made.dialogue = std::move(dialogue);
    return watch(made, EPOLL_CTL_ADD, EPOLLIN);
  }

  Result<LoadResult> run() {
    begun_ = now();
    counted_from_ = begun_;
    counting_ = options_.warm_up_seconds <= 0;
    for (auto& connection : connections_) {
      if (auto sent = next(*connection); !sent) return sent.error();
    }
    epoll_event events[256];
    while (busy_ > 0) {
      const int count = ::epoll_wait(epoll_.get(), events, 256, kAnswerWaitMsMax);
      if (count == 0) return broken("no answer within 60 s");
      for (int i = 0; i < count; ++i) {
        auto& connection = *static_cast<Connection*>(events[i].data.ptr);
        if (auto done = step(connection, events[i].events); !done) return done.error();
      }
    }
    result_.seconds = seconds_between(counted_from_, now());
    return std::move(result_);
  }

 private:
  static Error broken(const std::string& what) { return {ErrorKind::kUnavailable, "load", what}; }

  Result<void> watch(Connection& connection, int how, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &connection;
    if (::epoll_ctl(epoll_.get(), how, connection.socket.get(), &event) != 0)
      return broken(std::string("epoll: ") + std::strerror(errno));
    return ok();
  }

  bool more(Instant at) {
    if (!counting_ && seconds_between(begun_, at) >= options_.warm_up_seconds) {
      counting_ = true;
      counted_from_ = at;
    }
    if (options_.requests > 0) return sent_ < options_.requests;
    return seconds_between(begun_, at) < options_.warm_up_seconds + options_.seconds;
  }

  Result<void> next(Connection& connection) {
    const Instant at = now();
    if (!more(at)) return ok();
    ++sent_;
    ++busy_;
    connection.since = at;
    connection.unsent = connection.dialogue->request();
    return send(connection);
  }

  Result<void> send(Connection& connection) {
    while (!connection.unsent.empty()) {
      const auto sent =
          ::send(connection.socket.get(), connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return broken(std::string("send: ") + std::strerror(errno));
      if (sent < 0) break;
      connection.unsent.remove_prefix(static_cast<std::size_t>(sent));
    }
    const bool waits = !connection.unsent.empty();
    if (waits == connection.waits_to_send) return ok();
    connection.waits_to_send = waits;
    return watch(connection, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  Result<void> step(Connection& connection, std::uint32_t events) {
    if (events & EPOLLOUT) {
      if (auto sent = send(connection); !sent) return sent;
    }
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return ok();
    const auto got = ::recv(connection.socket.get(), buffer_, sizeof buffer_, 0);
    if (got < 0 && errno == EAGAIN) return ok();
    if (got <= 0) return broken("the other side has closed a connection");
    connection.in.append(buffer_, static_cast<std::size_t>(got));
    const Answer answer = connection.dialogue->answer(connection.in);
    if (answer.bytes == 0) return ok();
    connection.in.erase(0, answer.bytes);
    --busy_;
    if (counting_) count(connection, answer);
    return next(connection);
  }

  void count(const Connection& connection, const Answer& answer) {
    result_.latencies.add(connection.since, now());
    ++result_.requests;
    result_.documents += answer.documents;
    if (!answer.good) ++result_.bad;
  }

  const LoadOptions& options_;
  Descriptor epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  LoadResult result_;
  Instant begun_{}, counted_from_{};
  bool counting_ = false;
  std::uint64_t sent_ = 0;
  std::size_t busy_ = 0;
  char buffer_[kReceiveBytes];
};

}  // namespace

std::string LoadResult::json(std::size_t connections) {
  return fmt::format(
      R"({{"connections":{},"requests":{},"documents":{},"bad":{},"seconds":{:.6f},"per_second":{:.1f},{}}})",
      connections, requests, documents, bad, seconds,
      seconds > 0 ? static_cast<double>(documents) / seconds : 0.0, latencies.members());
}

Result<LoadResult> run_load(const LoadOptions& options, std::vector<std::unique_ptr<Dialogue>> dialogues) {
  auto load = std::make_unique<Load>(options);
  for (auto& dialogue : dialogues) {
    if (auto connected = load->connect(std::move(dialogue)); !connected) return connected.error();
  }
  return load->run();
}

}  // namespace tillsync::bench
