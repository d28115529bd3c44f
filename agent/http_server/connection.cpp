#include "agent/http_server/connection.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "agent/http_server/response_head.h"
#include "platform/base/check.h"

namespace tillsync {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Requests of one connection that are under way at once; further ones stay in the kernel's buffer.
constexpr std::size_t kPipelineRequestsMax = 128;
/// Bodies of those together; a larger body travels alone.
constexpr std::size_t kPipelineBodyBytesMax = 1024 * 1024;
constexpr std::size_t kReadHeadBytes = 16 * 1024;
constexpr std::size_t kReadBodyBytes = 64 * 1024;
/// An answer's body up to this size is copied behind its head rather than gathered.
constexpr std::size_t kInlineBodyBytesMax = 16 * 1024;
/// Answers gathered into one write, in bytes; more goes into the next.
constexpr std::size_t kGatherBytesMax = 256 * 1024;
/// How long a client may take to close after our last answer, and what it may still send: closing a socket
/// with unread bytes makes a reset, which can overtake the answer.
constexpr std::chrono::milliseconds kLingerDeadline{2000};
constexpr std::chrono::milliseconds kLingerDeadlineStopping{250};
constexpr std::uint64_t kLingerBytesMax = 64ull * 1024 * 1024;
constexpr std::uint64_t kMiB = 1024 * 1024;

/// Stands behind a Responder. Where all its copies go without an answer, the connection is dropped, rather
/// than left to hang: the client's own retry finds out what happened.
class PendingAnswer {
 public:
  PendingAnswer(std::weak_ptr<Connection> connection, std::uint64_t number, std::shared_ptr<LoopGate> gate)
      : connection_(std::move(connection)), number_(number), gate_(std::move(gate)) {}
  PendingAnswer(const PendingAnswer&) = delete;
  PendingAnswer& operator=(const PendingAnswer&) = delete;

  ~PendingAnswer() {
    if (answered_.exchange(true)) return;
    ServerResponse drop;
    drop.connection = ServerResponse::Connection::kDrop;
    hand_over(std::move(drop));
  }

  void answer(ServerResponse response) {
    if (answered_.exchange(true)) return;
    if (!gate_->on_loop_thread()) return hand_over(std::move(response));
    if (const auto connection = connection_.lock()) connection->complete(number_, std::move(response));
  }

 private:
  void hand_over(ServerResponse response) {
    gate_->post([connection = connection_, number = number_, response = std::move(response)]() mutable {
      if (const auto alive = connection.lock()) alive->complete(number, std::move(response));
    });
  }

  const std::weak_ptr<Connection> connection_;
  const std::uint64_t number_;
  const std::shared_ptr<LoopGate> gate_;
  std::atomic<bool> answered_{false};
};

}  // namespace

Connection::Connection(Socket socket, std::shared_ptr<ConnectionHost> host, Door door)
    : socket_(std::move(socket)),
      host_(std::move(host)),
      peer_(std::make_shared<const Peer>(std::move(door.peer))),
      tls_(door.tls ? std::make_unique<tls::ServerSession>(std::move(door.tls)) : nullptr),
      reader_(host_->options().header_bytes_max),
      change_(socket_.get_executor(), SteadyTime::max()) {
  error_code ignored;
  socket_.non_blocking(true, ignored);  // answers are first tried without waiting
}

void Connection::spawn(Awaitable<void> work) {
  asio::co_spawn(socket_.get_executor(), std::move(work),
                 [self = shared_from_this()](const std::exception_ptr& failure) {
                   // Nothing here throws but for want of memory; then this connection ends, the others go on.
                   if (failure) self->close();
                 });
}

void Connection::start() {
  spawn(serve());
}

void Connection::start_refusing() {
  corked_ = true;
  refuse(ProtocolError::kTooManyConnections);
  spawn(linger());
}

// ---- reading ----

Connection::Awaitable<void> Connection::serve() {
  corked_ = true;
  bool ready = true;
  if (tls_) {
    const bool shaken = co_await shake_hands();
    ready = shaken;
  }
  if (ready) co_await serve_requests();
  co_await linger();
}

Connection::Awaitable<void> Connection::serve_requests() {
  while (!closed_ && !last_) {
    reader_.begin();
    const bool has_head = co_await read_head();
    if (!has_head) break;
    while (!closed_ && !may_overlap()) {
      co_await wait_for_change();
    }
    if (last_ || closed_) break;  // an answer before this request was the last
    if (refused_at_head()) break;
    const bool whole = co_await read_body();
    if (!whole || last_) break;
    dispatch();
    if (host_->stopping()) last_ = true;
  }
}

/// Waits until everything is answered, then closes so that the client gets the last answer.
Connection::Awaitable<void> Connection::linger() {
  last_ = true;
  while (!closed_ && (!slots_.empty() || writing_ || corked_)) {
    co_await wait_for_change();
  }
  if (!closed_ && !half_closed_) finish_sending();
  read_deadline_ = host_->now() + (host_->stopping() ? kLingerDeadlineStopping : kLingerDeadline);
  std::uint64_t drained = 0;
  input_.resize(std::max(input_.size(), kReadHeadBytes));
  while (!closed_ && !timed_out_ && drained < kLingerBytesMax) {
    error_code error;
    const std::size_t got =
        co_await socket_.async_read_some(asio::buffer(input_), asio::redirect_error(kAwait, error));
    drained += got;
    if (error) break;
  }
  close();
}

/// False where no request comes any more: the end of the stream, a refusal, the end of the connection.
Connection::Awaitable<bool> Connection::read_head() {
  if (input_begin_ == input_end_) {
    idle_ = true;
    await_next_request();
    const bool more = co_await read_more(kReadHeadBytes);
    idle_ = false;
    if (!more) co_return false;
  }
  read_deadline_ = host_->now() + host_->options().header_deadline;
  for (;;) {
    input_begin_ += reader_.feed({input_.data() + input_begin_, input_end_ - input_begin_});
    if (reader_.state() == RequestReader::State::kHeadDone) break;
    if (reader_.state() == RequestReader::State::kFailed) {
      refuse(reader_.error());
      co_return false;
    }
    const bool more = co_await read_more(kReadHeadBytes);
    if (!more) {
      if (timed_out_ && !last_) refuse(ProtocolError::kTimeout);
      co_return false;
    }
  }
  read_deadline_ = SteadyTime::max();
  co_return true;
}

Connection::Awaitable<bool> Connection::read_body() {
  const ServerOptions& options = host_->options();
  reader_.allow_body(options.body_bytes_max ? options.body_bytes_max(reader_.request()) : kMiB);
  if (reader_.state() == RequestReader::State::kBody && reader_.expects_continue() &&
      input_begin_ == input_end_) {
    while (!closed_ && (!slots_.empty() || writing_)) {
      co_await wait_for_change();
    }
    if (closed_) co_return false;
    output_.emplace_back("HTTP/1.1 100 Continue\r\n\r\n");
    if (!write_out()) co_return false;
  }
  const SteadyTime begun = host_->now();
  const std::uint64_t announced =
      reader_.state() == RequestReader::State::kBody ? reader_.content_length().value_or(0) : 0;
  for (;;) {
    if (reader_.state() == RequestReader::State::kBody) {
      input_begin_ += reader_.feed({input_.data() + input_begin_, input_end_ - input_begin_});
    }
    if (reader_.state() == RequestReader::State::kDone) break;
    if (reader_.state() == RequestReader::State::kFailed) {
      refuse(reader_.error());
      co_return false;
    }
    if (!claim_received()) {
      refuse(ProtocolError::kBodiesTooMany);
      co_return false;
    }
    const std::uint64_t size = std::max<std::uint64_t>(announced, reader_.request().body.size());
    read_deadline_ = begun + options.body_deadline + std::chrono::seconds(size / kMiB);
    const bool more = co_await read_more(kReadBodyBytes);
    if (!more) {
      if (timed_out_ && !last_) refuse(ProtocolError::kTimeout);
      co_return false;
    }
  }
  read_deadline_ = SteadyTime::max();
  host_->release_body_bytes(std::exchange(claimed_, 0));
  co_return true;
}

bool Connection::claim_received() {
  const std::uint64_t received = reader_.request().body.size();
  if (!host_->claim_body_bytes(received - claimed_)) return false;
  claimed_ = received;
  return true;
}

/// Reads at least one byte behind what is there; false at the end of the stream or of the connection's life.
/// What has been gathered is written before.
Connection::Awaitable<bool> Connection::read_more(std::size_t bytes) {
  corked_ = false;
  flush();
  if (closed_ || last_) co_return false;
  if (input_begin_ > 0) {
    std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
    input_end_ -= input_begin_;
    input_begin_ = 0;
  }
  if (input_.size() < input_end_ + bytes) input_.resize(input_end_ + bytes);
  error_code error;
  in_read_ = true;
  if (tls_) {
    const ReadOutcome outcome =
        co_await read_encrypted(input_.data() + input_end_, input_.size() - input_end_);
    error = outcome.error;
    input_end_ += outcome.bytes;
  } else {
    const std::size_t got =
        co_await socket_.async_read_some(asio::buffer(input_.data() + input_end_, input_.size() - input_end_),
                                         asio::redirect_error(kAwait, error));
    input_end_ += got;
  }
  in_read_ = false;
  corked_ = true;
  if (closed_) co_return false;
  if (error == asio::error::eof) {
    last_ = true;  // the client may have closed its side only, and still wait for answers
    if (streaming_) close();
    co_return false;
  }
  if (half_closed_) co_return false;
  if (error && !timed_out_) close();
  if (!error) timed_out_ = false;
  co_return !error;
}

Connection::Awaitable<void> Connection::wait_for_change() {
  corked_ = false;
  flush();
  if (closed_) co_return;
  // flush() may have done already what the caller waits for; it will look again, and then nothing is left to
  // wake us.
  if (slots_.empty() && !writing_) co_return;
  change_.expires_at(SteadyTime::max());
  error_code cancelled;
  co_await change_.async_wait(asio::redirect_error(kAwait, cancelled));
}

bool Connection::may_overlap() {
  if (slots_.empty() && !writing_) return true;
  const std::size_t body_bytes = static_cast<std::size_t>(reader_.content_length().value_or(0));
  return slots_.size() < kPipelineRequestsMax &&
         bodies_under_way_bytes_ + body_bytes <= kPipelineBodyBytesMax &&
         reader_.request().method == method_under_way_;
}

void Connection::dispatch() {
  Slot& slot = slots_.emplace_back();
  ServerRequest& request = reader_.request();
  slot.head_only = request.method == "HEAD";
  slot.http_1_0 = reader_.http_1_0();
  slot.keep_alive = reader_.keep_alive();
  slot.body_bytes = request.body.size();
  bodies_under_way_bytes_ += slot.body_bytes;
  if (method_under_way_ != request.method) method_under_way_ = request.method;
  if (!slot.keep_alive) last_ = true;
  auto pending =
      std::make_shared<PendingAnswer>(weak_from_this(), front_number_ + slots_.size() - 1, host_->gate());
  host_->handle(std::move(request), [pending = std::move(pending)](ServerResponse response) {
    pending->answer(std::move(response));
  });
}

/// Whether the request whose head is there is not let in; then its refusal is the last answer.
bool Connection::refused_at_head() {
  ServerRequest& head = reader_.request();
  head.peer = peer_;
  const auto& admit = host_->options().admit;
  if (!admit) return false;
  auto refusal = admit(head);
  if (!refusal) return false;
  refuse(std::move(*refusal), head.method == "HEAD");
  return true;
}

void Connection::refuse(ProtocolError error) {
  const ServerOptions& options = host_->options();
  refuse(options.protocol_error ? options.protocol_error(error) : text_response(400, ""), false);
}

void Connection::refuse(ServerResponse response, bool head_only) {
  host_->release_body_bytes(std::exchange(claimed_, 0));
  timed_out_ = false;
  last_ = true;
  read_deadline_ = SteadyTime::max();
  Slot& slot = slots_.emplace_back();
  slot.response = std::move(response);
  slot.head_only = head_only;
  slot.keep_alive = false;
  slot.ready = true;
}

// ---- writing ----

void Connection::complete(std::uint64_t number, ServerResponse response) {
  if (closed_ || number < front_number_) return;
  const std::size_t index = static_cast<std::size_t>(number - front_number_);
  TILLSYNC_CHECK(index < slots_.size(), "an answer belongs to a request");
  slots_[index].response = std::move(response);
  slots_[index].ready = true;
  flush();
}

void Connection::flush() {
  while (!closed_ && !writing_ && !corked_ && !half_closed_ && gather()) {
    if (!write_out()) return;
  }
}

/// Moves the answers that are due into output_; false where there is none.
bool Connection::gather() {
  std::size_t bytes = 0;
  while (!slots_.empty() && slots_.front().ready && bytes < kGatherBytesMax) {
    Slot& slot = slots_.front();
    if (slot.response.connection == ServerResponse::Connection::kDrop) {
      if (output_.empty()) close();
      return !output_.empty();
    }
    if (slot.response.stream) return gather_stream(slot);
    const bool close_after = !slot.keep_alive ||
                             slot.response.connection == ServerResponse::Connection::kClose ||
                             (last_ && slots_.size() == 1);
    bytes += slot.response.body.size();
    append_answer(slot, close_after);
    bodies_under_way_bytes_ -= slot.body_bytes;
    slots_.pop_front();
    ++front_number_;
    if (close_after) {
      last_ = true;
      front_number_ += slots_.size();  // requests behind a last answer get none
      slots_.clear();
      bodies_under_way_bytes_ = 0;
    }
  }
  return !output_.empty();
}

void Connection::append_answer(Slot& slot, bool close_after) {
  if (output_.empty()) output_.emplace_back();
  append_head(output_.back(), slot.response, {.http_1_0 = slot.http_1_0, .close = close_after},
              host_->date());
  if (slot.head_only || !status_has_body(slot.response.status)) return;
  if (slot.response.body.size() <= kInlineBodyBytesMax) {
    output_.back() += slot.response.body;
  } else {
    output_.push_back(std::move(slot.response.body));
    output_.emplace_back();
  }
}

/// Sends output_, at once where the kernel takes it all. False where that must be waited for, or the
/// connection is gone.
bool Connection::write_out() {
  return tls_ ? encrypt_output() && send_output() : send_output();
}

bool Connection::send_output() {
  std::vector<asio::const_buffer> buffers;
  std::size_t total = 0;
  for (const std::string& part : output_) {
    buffers.emplace_back(asio::buffer(part));
    total += part.size();
  }
  error_code error;
  const std::size_t sent = socket_.write_some(buffers, error);
  if (error && error != asio::error::would_block && error != asio::error::try_again) {
    close();
    return false;
  }
  if (sent == total) {
    after_write();
    return !closed_;
  }
  write_rest(sent);
  return false;
}

void Connection::write_rest(std::size_t offset) {
  std::vector<asio::const_buffer> rest;
  for (const std::string& part : output_) {
    const std::size_t skipped = std::min(offset, part.size());
    offset -= skipped;
    if (skipped < part.size()) rest.push_back(asio::buffer(part) + skipped);
  }
  writing_ = true;
  write_deadline_ = host_->now() + host_->options().write_deadline;
  asio::async_write(socket_, rest, [self = shared_from_this()](const error_code& error, std::size_t) {
    self->writing_ = false;
    self->write_deadline_ = SteadyTime::max();
    if (self->closed_) return;
    if (error) return self->close();
    self->after_write();
    if (self->tls_ && !self->send_pending()) return;
    self->flush();
  });
}

void Connection::after_write() {
  output_.clear();
  if (last_ && slots_.empty() && in_read_) {  // that read ends with the client's FIN, or its deadline
    finish_sending();
    read_deadline_ = host_->now() + (host_->stopping() ? kLingerDeadlineStopping : kLingerDeadline);
  } else {
    await_next_request();
  }
  change_.cancel();
}

void Connection::await_next_request() {
  if (!idle_ || handshaking_) return;
  read_deadline_ =
      slots_.empty() && !writing_ ? host_->now() + host_->options().idle_deadline : SteadyTime::max();
}

// ---- ends ----

void Connection::check_deadlines(SteadyTime now) {
  if (now >= write_deadline_) return close();
  if (streaming_) return check_stream();
  if (now < read_deadline_) return;
  if (idle_ || writing_) return close();
  timed_out_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

std::optional<SteadyTime> Connection::idle_since() const {
  if (closed_ || !idle_ || last_ || half_closed_ || !slots_.empty() || writing_) return std::nullopt;
  const ServerOptions& options = host_->options();
  return read_deadline_ - (handshaking_ ? options.handshake_deadline : options.idle_deadline);
}

void Connection::stop() {
  if (streaming_) return close();
  if (idle_ && slots_.empty() && !writing_) return close();
  if (idle_) last_ = true;
}

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  error_code ignored;
  socket_.close(ignored);
  change_.cancel();
  host_->release_body_bytes(std::exchange(claimed_, 0));
  streaming_ = false;
  slots_.clear();
  host_->forget(*this);
}

}  // namespace tillsync
