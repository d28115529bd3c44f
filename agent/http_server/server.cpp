#include "agent/http_server/server.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <unordered_set>

#include "agent/http_server/connection.h"
#include "agent/http_server/listener.h"
#include "agent/http_server/response_head.h"
#include "platform/base/check.h"

namespace tillsync {
namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using Unix = asio::local::stream_protocol;

namespace {

/// Out of descriptors (EMFILE, ENFILE) or memory: waiting helps, trying again at once burns the processor.
constexpr std::chrono::milliseconds kAcceptBackoff{100};
/// Refusals under way at once; beyond it a connection too many is closed without a word.
constexpr std::size_t kRefusalsMax = 64;
/// A till that has been served before is likely to come again: it gives way only after so many times
/// ServerOptions::give_way_after.
constexpr int kServedGivesWay = 10;
/// How exactly deadlines are kept.
constexpr std::chrono::milliseconds kSweepMin{10};
constexpr std::chrono::milliseconds kSweepMax{500};

std::chrono::milliseconds sweep_interval(const ServerOptions& options) {
  const auto shortest = std::min({options.header_deadline, options.body_deadline, options.idle_deadline,
                                  options.write_deadline, options.handshake_deadline});
  return std::clamp(shortest / 8, kSweepMin, kSweepMax);
}

/// An IPv4 client of a socket that serves both families is shown as what it is.
std::string numeric(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address.to_string();
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
}

}  // namespace

struct HttpServer::Impl final : ConnectionHost, std::enable_shared_from_this<HttpServer::Impl> {
  Impl(EventLoop& loop, ServerOptions server_options, RequestHandler request_handler)
      : context(loop.impl().context),
        loop_gate(loop.impl().gate),
        settings(std::move(server_options)),
        handler(std::move(request_handler)),
        sweep(context.get_executor()),
        patience(context.get_executor()) {}

  // ---- ConnectionHost ----
  const ServerOptions& options() const override { return settings; }
  void handle(ServerRequest request, Responder responder) override {
    handler(std::move(request), std::move(responder));
  }
  const std::shared_ptr<LoopGate>& gate() const override { return loop_gate; }
  bool stopping() const override { return is_stopping; }
  SteadyTime now() const override { return clock.steady_now(); }
  void release_body_bytes(std::uint64_t bytes) override { body_bytes -= bytes; }
  void forget(Connection& connection) override;
  void handshake_failed() override { ++handshakes_failed; }
  bool claim_body_bytes(std::uint64_t bytes) override {
    if (bytes > settings.body_bytes_total_max - body_bytes) return false;
    body_bytes += bytes;
    return true;
  }
  std::string_view date() override {
    const UtcTime time = (settings.clock != nullptr ? *settings.clock : clock).utc_now();
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    if (date_text.empty() || second != date_second) {
      date_text = imf_fixdate(time);
      date_second = second;
    }
    return date_text;
  }

  template <class Protocol>
  static asio::awaitable<void, Connection::Executor> accept_loop(std::shared_ptr<Impl> self,
                                                                 std::shared_ptr<Acceptor<Protocol>> acceptor,
                                                                 ListenOptions options);
  template <class Protocol>
  void listen(Acceptor<Protocol> acceptor, ListenOptions options);
  bool beyond_share(std::uint64_t descriptor) const {
    return settings.descriptors_max != 0 && descriptor >= settings.descriptors_max;
  }
  void admit(Connection::Socket socket, Door door);
  bool make_place();
  void sweep_deadlines();
  void stop_accepting();
  void cut();
  void finish_if_idle();

  asio::io_context& context;
  const std::shared_ptr<LoopGate> loop_gate;
  const ServerOptions settings;
  const RequestHandler handler;
  const SystemClock clock;

  std::vector<std::function<void()>> close_acceptors;
  std::vector<std::string> socket_files;
  std::uint16_t tcp_port = 0;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  std::unordered_set<Connection*> refusals;  ///< those of `connections` that are one too many
  std::atomic<std::size_t> connection_count{0};
  std::atomic<std::uint64_t> handshakes_failed{0};
  std::uint64_t body_bytes = 0;
  Connection::Timer sweep;
  bool sweeping = false;
  bool is_stopping = false;
  Connection::Timer patience;
  std::function<void()> stopped;
  std::string date_text;
  std::chrono::sys_seconds date_second{};
};

template <class Protocol>
asio::awaitable<void, Connection::Executor> HttpServer::Impl::accept_loop(
    std::shared_ptr<Impl> self, std::shared_ptr<Acceptor<Protocol>> acceptor, ListenOptions options) {
  Connection::Timer backoff(self->context.get_executor());
  while (acceptor->is_open()) {
    error_code error;
    typename Protocol::socket::template rebind_executor<Connection::Executor>::other socket(
        self->context.get_executor());
    co_await acceptor->async_accept(socket, asio::redirect_error(Connection::kAwait, error));
    if (!acceptor->is_open()) co_return;
    if (error == asio::error::connection_aborted) continue;
    if (error || self->beyond_share(socket.native_handle())) {
      if (!error) socket.close(error);
      backoff.expires_after(kAcceptBackoff);
      co_await backoff.async_wait(asio::redirect_error(Connection::kAwait, error));
      continue;
    }
    Door door;
    door.peer.guarded = options.guarded;
    if constexpr (std::is_same_v<Protocol, Tcp>) {
      socket.set_option(Tcp::no_delay(true), error);
      const auto from = socket.remote_endpoint(error);
      if (!error) door.peer.address = numeric(from.address());
    }
    if (options.tls) door.tls = options.tls();
    self->admit(std::move(socket), std::move(door));
  }
}

template <class Protocol>
void HttpServer::Impl::listen(Acceptor<Protocol> opened, ListenOptions options) {
  auto acceptor = std::make_shared<Acceptor<Protocol>>(std::move(opened));
  close_acceptors.push_back([acceptor] {
    error_code ignored;
    acceptor->close(ignored);
  });
  asio::co_spawn(context.get_executor(),
                 accept_loop<Protocol>(shared_from_this(), acceptor, std::move(options)),
                 [](const std::exception_ptr& failure) {
                   TILLSYNC_CHECK(!failure, "the accept loop ends only with its listener");
                 });
}

void HttpServer::Impl::admit(Connection::Socket socket, Door door) {
  const bool too_many = connections.size() - refusals.size() >= settings.connections_max && !make_place();
  // The socket's destructor closes it. Of TLS no handshake is made only to refuse.
  if (too_many && (refusals.size() >= kRefusalsMax || door.tls)) return;
  auto connection = std::make_shared<Connection>(std::move(socket), shared_from_this(), std::move(door));
  connections.insert(connection);
  if (too_many) refusals.insert(connection.get());
  connection_count = connections.size() - refusals.size();
  if (!sweeping) sweep_deadlines();
  if (too_many) {
    connection->start_refusing();
  } else {
    connection->start();
  }
}

/// Closes the connection that has waited longest for its first request, else the one that has waited longest
/// for a further one. False where none has waited long.
bool HttpServer::Impl::make_place() {
  std::shared_ptr<Connection> silent, idle;
  SteadyTime silent_since = now() - settings.give_way_after;
  SteadyTime idle_since = now() - kServedGivesWay * settings.give_way_after;
  for (const auto& connection : connections) {
    const auto since = connection->idle_since();
    if (!since || refusals.contains(connection.get())) continue;
    SteadyTime& longest = connection->served() ? idle_since : silent_since;
    if (*since > longest) continue;
    longest = *since;
    (connection->served() ? idle : silent) = connection;
  }
  const auto& one = silent ? silent : idle;
  if (one) one->close();
  return one != nullptr;
}

void HttpServer::Impl::forget(Connection& connection) {
  refusals.erase(&connection);
  connections.erase(connection.shared_from_this());
  connection_count = connections.size() - refusals.size();
  finish_if_idle();
}

/// One timer for all deadlines: setting a deadline costs a store, not an entry in the timer queue for each
/// read and write.
void HttpServer::Impl::sweep_deadlines() {
  const SteadyTime now_is = now();
  const std::vector<std::shared_ptr<Connection>> all(connections.begin(), connections.end());
  for (const auto& connection : all) connection->check_deadlines(now_is);
  sweeping = !connections.empty();
  if (!sweeping) return;
  sweep.expires_after(sweep_interval(settings));
  sweep.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->sweep_deadlines();
  });
}

void HttpServer::Impl::stop_accepting() {
  is_stopping = true;
  for (const std::string& path :
       std::exchange(socket_files, {})) {  // while we still answer, nobody takes its place
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  for (const auto& close_acceptor : std::exchange(close_acceptors, {})) close_acceptor();
}

void HttpServer::Impl::cut() {
  const std::vector<std::shared_ptr<Connection>> all(connections.begin(), connections.end());
  for (const auto& connection : all) connection->close();
}

void HttpServer::Impl::finish_if_idle() {
  if (!is_stopping || !connections.empty() || !stopped) return;
  patience.cancel();
  asio::post(context, std::exchange(stopped, nullptr));
}

HttpServer::HttpServer(EventLoop& loop, ServerOptions options, RequestHandler handler)
    : impl_(std::make_shared<Impl>(loop, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() {
  impl_->stopped = nullptr;
  impl_->stop_accepting();
  impl_->cut();
  impl_->sweep.cancel();
  impl_->patience.cancel();
}

Result<void> HttpServer::listen_tcp(const std::string& address, ListenOptions options) {
  auto acceptor = open_tcp(impl_->context, address);
  if (!acceptor) return acceptor.error();
  error_code ignored;
  impl_->tcp_port = acceptor->local_endpoint(ignored).port();
  impl_->listen<Tcp>(std::move(*acceptor), std::move(options));
  return ok();
}

Result<void> HttpServer::listen_unix(const std::string& path) {
  auto acceptor = open_unix(impl_->context, path);
  if (!acceptor) return acceptor.error();
  impl_->socket_files.push_back(path);
  impl_->listen<Unix>(std::move(*acceptor), {});
  return ok();
}

std::uint16_t HttpServer::tcp_port() const {
  return impl_->tcp_port;
}

std::size_t HttpServer::connections() const {
  return impl_->connection_count;
}

std::uint64_t HttpServer::handshakes_failed() const {
  return impl_->handshakes_failed;
}

void HttpServer::shut_down(std::chrono::milliseconds patience, std::function<void()> done) {
  impl_->stopped = std::move(done);
  impl_->stop_accepting();
  const std::vector<std::shared_ptr<Connection>> all(impl_->connections.begin(), impl_->connections.end());
  for (const auto& connection : all) connection->stop();
  impl_->patience.expires_after(patience);
  impl_->patience.async_wait([weak = std::weak_ptr<Impl>(impl_)](const error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->cut();
  });
  impl_->finish_if_idle();
}

}  // namespace tillsync
