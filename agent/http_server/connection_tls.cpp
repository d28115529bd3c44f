// A connection's share of TLS: the session turns bytes into bytes, and the socket stays the plain one that it
// is.
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/http_server/connection.h"
#include "platform/log/log.h"

namespace tillsync {
namespace asio = boost::asio;
using boost::system::error_code;
using tls::ServerSession;

namespace {

constexpr asio::use_awaitable_t<Connection::Executor> kAwait;
/// A TLS record with its frame (RFC 8446 section 5.1), and what stands before it.
constexpr std::size_t kWireBytes = 17 * 1024;

}  // namespace

/// False where it came to nothing: the connection then ends as after a last answer, so that the client gets
/// the alert rather than a reset.
Connection::Awaitable<bool> Connection::shake_hands() {
  handshaking_ = idle_ = true;
  read_deadline_ = host_->now() + host_->options().handshake_deadline;
  std::string failure;
  for (;;) {
    const ServerSession::State state = tls_->handshake();
    if (!send_pending()) failure = "the client went away";
    if (state == ServerSession::State::kFailed) failure = tls_->failure();
    if (state == ServerSession::State::kDone || !failure.empty()) break;
    const ReadOutcome outcome = co_await read_wire();
    if (closed_ && host_->now() >= read_deadline_) failure = "it took too long";
    if (outcome.error) {
      if (failure.empty()) failure = "the client went away";
      break;
    }
  }
  idle_ = handshaking_ = false;
  read_deadline_ = SteadyTime::max();
  if (!failure.empty()) {
    host_->handshake_failed();
    log::info("tls.handshake_failed", {{"from", peer_->address}, {"reason", failure}});
    last_ = true;
    co_return false;
  }
  if (auto names = tls_->client_names(); !names.empty()) {
    auto peer = std::make_shared<Peer>(*peer_);
    peer->certificate_names = std::move(names);
    peer_ = std::move(peer);
  }
  co_return !closed_;
}

/// As async_read_some of a plain socket: at least one byte, or why there is none; eof where the client has
/// said goodbye.
Connection::Awaitable<Connection::ReadOutcome> Connection::read_encrypted(char* into, std::size_t size) {
  for (;;) {
    std::size_t got = 0;
    const ServerSession::State state = tls_->read(into, size, got);
    if (state == ServerSession::State::kDone) co_return ReadOutcome{got, {}};
    if (state == ServerSession::State::kClosed) co_return ReadOutcome{0, asio::error::eof};
    (void)send_pending();  // an alert, or the answer to a new key; a broken socket shows below
    if (state == ServerSession::State::kFailed) {
      log::info("tls.connection_failed", {{"from", peer_->address}, {"reason", tls_->failure()}});
      co_return ReadOutcome{0, asio::error::connection_reset};
    }
    const ReadOutcome outcome = co_await read_wire();
    if (outcome.error) co_return ReadOutcome{0, outcome.error};
  }
}

/// Feeds the session with what comes off the wire.
Connection::Awaitable<Connection::ReadOutcome> Connection::read_wire() {
  if (closed_) co_return ReadOutcome{0, asio::error::operation_aborted};
  if (wire_.empty()) wire_.resize(kWireBytes);
  ReadOutcome outcome;
  const std::size_t got =
      co_await socket_.async_read_some(asio::buffer(wire_), asio::redirect_error(kAwait, outcome.error));
  outcome.bytes = got;
  if (got > 0) tls_->feed({wire_.data(), got});
  co_return outcome;
}

/// Puts what output_ holds into records.
bool Connection::encrypt_output() {
  for (std::string& part : output_) {
    if (!tls_->write(part)) {
      close();
      return false;
    }
    part = tls_->take_output();
  }
  return true;
}

/// Sends what the session itself has to say. Where an answer is being written it goes out behind that one.
/// False where the connection is gone.
bool Connection::send_pending() {
  if (writing_ || closed_) return !closed_;
  std::string bytes = tls_->take_output();
  if (bytes.empty()) return true;
  output_.push_back(std::move(bytes));
  send_output();
  return !closed_;
}

/// Says that nothing more comes: TLS's goodbye, and FIN.
void Connection::finish_sending() {
  error_code ignored;
  if (tls_) {
    tls_->say_goodbye();
    const std::string bytes = tls_->take_output();
    // Not waited for: what does not fit now is a courtesy lost, and FIN says the same.
    if (!bytes.empty()) socket_.write_some(asio::buffer(bytes), ignored);
  }
  socket_.shutdown(Socket::shutdown_send, ignored);
  half_closed_ = true;
}

}  // namespace tillsync
