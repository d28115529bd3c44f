// A central that only answers, as cheaply as may be: bench_sink --listen 127.0.0.1:0 --port-file FILE
// [--delay-ms 80]. It counts documents and the keys that come twice: GET /stats, and a line of JSON at the
// end (SIGTERM).
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <unordered_map>

#include "tests/bench/programs/sink/profile.h"
#include "tests/bench/programs/support/socket.h"

namespace {

using namespace tillsync::bench;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t kReceiveBytes = 256 * 1024;

struct Client {
  Descriptor socket;
  std::uint64_t number = 0;
  std::string in, out;
  bool told_to_continue = false;
  bool waits_to_send = false;
};

struct Held {
  Instant due;
  std::uint64_t client = 0;
  std::string answer;
};

class Sink {
 public:
  Sink(Descriptor listener, int stop, milliseconds delay, bool keep)
      : epoll_(::epoll_create1(0)),
        listener_(std::move(listener)),
        stop_(stop),
        delay_(delay),
        profile_(keep) {
    watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN, kListener);
    watch(EPOLL_CTL_ADD, stop_, EPOLLIN, kStop);
  }

  void run() {
    epoll_event events[256];
    for (;;) {
      const int count = wait(events, 256);
      release(now());
      for (int i = 0; i < count; ++i) {
        if (events[i].data.u64 == kStop) return;
        events[i].data.u64 == kListener ? accept() : serve(events[i].data.u64, events[i].events);
      }
    }
  }

  std::string counts() const { return profile_.counts(); }

 private:
  static constexpr std::uint64_t kListener = 0, kStop = 1;

  int wait(epoll_event* events, int room) {
    if (held_.empty()) return ::epoll_wait(epoll_.get(), events, room, -1);
    const auto left =
        std::max(nanoseconds(0), std::chrono::duration_cast<nanoseconds>(held_.front().due - now()));
    const timespec time{static_cast<time_t>(left.count() / 1'000'000'000),
                        static_cast<long>(left.count() % 1'000'000'000)};
    return ::epoll_pwait2(epoll_.get(), events, room, &time, nullptr);
  }

  void watch(int how, int fd, std::uint32_t what, std::uint64_t number) {
    epoll_event event{};
    event.events = what;
    event.data.u64 = number;
    ::epoll_ctl(epoll_.get(), how, fd, &event);
  }

  void accept() {
    for (;;) {
      Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK));
      if (socket.get() < 0) return;
      const std::uint64_t number = next_number_++;
      watch(EPOLL_CTL_ADD, socket.get(), EPOLLIN, number);
      auto& client = clients_[number];
      client.socket = std::move(socket);
      client.number = number;
    }
  }

  void serve(std::uint64_t number, std::uint32_t events) {
    const auto found = clients_.find(number);
    if (found == clients_.end()) return;
    Client& client = found->second;
    if ((events & EPOLLIN) && !receive(client)) return void(clients_.erase(found));
    if (events & (EPOLLERR | EPOLLHUP)) return void(clients_.erase(found));
    if (!send(client)) clients_.erase(found);
  }

  bool receive(Client& client) {
    const auto got = ::recv(client.socket.get(), buffer_, sizeof buffer_, 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    client.in.append(buffer_, static_cast<std::size_t>(got));
    std::size_t done = 0;
    for (;;) {
      SinkRequest request;
      std::size_t bytes = 0;
      const auto reading = read_request(std::string_view(client.in).substr(done), request, bytes);
      if (reading == Reading::kMalformed) return false;
      if (reading == Reading::kPartial) {
        if (request.wants_continue && !std::exchange(client.told_to_continue, true))
          client.out += "HTTP/1.1 100 Continue\r\n\r\n";
        break;
      }
      client.told_to_continue = false;
      take(client, request);
      done += bytes;
    }
    client.in.erase(0, done);
    return true;
  }

  /// The counts are asked for by the suite, which is not far away.
  void take(Client& client, const SinkRequest& request) {
    if (delay_.count() == 0 || request.target.ends_with("/stats"))
      return profile_.answer(request, client.out);
    Held held{now() + delay_, client.number, {}};
    profile_.answer(request, held.answer);
    held_.push_back(std::move(held));
  }

  void release(Instant at) {
    for (; !held_.empty() && held_.front().due <= at; held_.pop_front()) {
      const auto found = clients_.find(held_.front().client);
      if (found == clients_.end()) continue;
      found->second.out += held_.front().answer;
      if (!send(found->second)) clients_.erase(found);
    }
  }

  bool send(Client& client) {
    std::size_t sent = 0;
    while (sent < client.out.size()) {
      const auto put =
          ::send(client.socket.get(), client.out.data() + sent, client.out.size() - sent, MSG_NOSIGNAL);
      if (put < 0 && errno != EAGAIN) return false;
      if (put < 0) break;
      sent += static_cast<std::size_t>(put);
    }
    client.out.erase(0, sent);
    const bool waits = !client.out.empty();
    if (waits != client.waits_to_send) {
      client.waits_to_send = waits;
      watch(EPOLL_CTL_MOD, client.socket.get(), waits ? EPOLLIN | EPOLLOUT : EPOLLIN, client.number);
    }
    return true;
  }

  Descriptor epoll_, listener_;
  int stop_;
  milliseconds delay_;
  SinkProfile profile_;
  std::unordered_map<std::uint64_t, Client> clients_;
  std::deque<Held> held_;  // the delay is one for all: the first is due first
  std::uint64_t next_number_ = 2;
  char buffer_[kReceiveBytes];
};

int stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return ::signalfd(-1, &set, 0);
}

bool write_port(const std::string& path, int port) {
  std::ofstream(path + ".new") << port << "\n";
  std::error_code error;
  std::filesystem::rename(path + ".new", path, error);
  return !error;
}

}  // namespace

int main(int argc, char** argv) {
  std::string listen = "127.0.0.1:0", port_file;
  unsigned delay_ms = 0;
  bool keep = false;
  CLI::App app{"A central that only answers"};
  app.add_option("--listen", listen, "HOST:PORT; port 0 for any");
  app.add_option("--port-file", port_file, "gets the port once it listens");
  app.add_option("--delay-ms", delay_ms, "each answer waits so long, as on a network of that round trip");
  app.add_flag("--keep", keep, "keeps documents for look-up and read-back");
  CLI11_PARSE(app, argc, argv);

  const int stop = stop_signals();
  int port = 0;
  auto listener = listen_at(listen, port);
  if (!listener) return std::fprintf(stderr, "bench_sink: %s\n", listener.error().detail.c_str()), 1;
  const auto sink = std::make_unique<Sink>(std::move(*listener), stop, milliseconds(delay_ms), keep);
  if (!port_file.empty() && !write_port(port_file, port)) return std::perror(port_file.c_str()), 1;
  std::fprintf(stderr, "bench_sink: listening on port %d\n", port);
  sink->run();
  std::printf("%s\n", sink->counts().c_str());
  return 0;
}
