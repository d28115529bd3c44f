// One connection: a coroutine reads requests and hands them on, a writer sends the answers in the requests'
// order. Everything on the loop's thread. Only for this folder.
//
// Requests that follow each other without waiting (pipelining) overlap as long as they have the same method,
// so that a pipelining till's posts share a group commit. A change of method waits for the answers before it:
// a GET sees what the POST in front of it did.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/http_server/event_loop_impl.h"
#include "agent/http_server/request_reader.h"
#include "agent/http_server/server.h"
#include "platform/base/time.h"

namespace tillsync {

class Connection;

/// What a server's connections share.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  virtual const ServerOptions& options() const = 0;
  virtual void handle(ServerRequest request, Responder responder) = 0;
  virtual const std::shared_ptr<LoopGate>& gate() const = 0;
  virtual bool stopping() const = 0;
  /// Takes `bytes` out of what all bodies being received may hold together; false where they are not left.
  virtual bool claim_body_bytes(std::uint64_t bytes) = 0;
  virtual void release_body_bytes(std::uint64_t bytes) = 0;
  /// The Date header's value.
  virtual std::string_view date() = 0;
  virtual SteadyTime now() const = 0;
  virtual void forget(Connection& connection) = 0;
  /// A TLS handshake came to nothing.
  virtual void handshake_failed() = 0;
};

/// What a connection came through.
struct Door {
  Peer peer;
  std::shared_ptr<const tls::ServerContext> tls;  ///< null: plain
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Executor = boost::asio::io_context::executor_type;
  static constexpr boost::asio::use_awaitable_t<Executor> kAwait{};
  using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor>;
  using Timer =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                        boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  Connection(Socket socket, std::shared_ptr<ConnectionHost> host, Door door);

  /// Begins to serve.
  void start();
  /// Begins only to say that there are too many connections.
  void start_refusing();
  /// Cuts what is past its deadline.
  void check_deadlines(SteadyTime now);
  /// Since when it has waited for a request, with nothing under way; nothing where it does not.
  std::optional<SteadyTime> idle_since() const;
  /// Whether it has been answered before.
  bool served() const { return front_number_ > 0; }
  /// No further requests; closes as soon as those under way are answered.
  void stop();
  /// At once, sending nothing.
  void close();
  /// The answer to request `number`; from the loop's thread.
  void complete(std::uint64_t number, ServerResponse response);

 private:
  template <class T>
  using Awaitable = boost::asio::awaitable<T, Executor>;

  struct Slot {
    bool ready = false;
    bool head_only = false;
    bool http_1_0 = false;
    bool keep_alive = true;
    std::size_t body_bytes = 0;
    ServerResponse response;
  };

  void spawn(Awaitable<void> work);
  // The coroutines run inside spawn(), whose completion handler keeps this object alive.
  struct ReadOutcome {
    std::size_t bytes = 0;
    boost::system::error_code error;
  };
  Awaitable<void> serve();
  Awaitable<void> serve_requests();
  Awaitable<bool> shake_hands();
  Awaitable<ReadOutcome> read_encrypted(char* into, std::size_t size);
  Awaitable<ReadOutcome> read_wire();
  Awaitable<void> linger();
  Awaitable<bool> read_head();
  Awaitable<bool> read_body();
  Awaitable<bool> read_more(std::size_t bytes);
  Awaitable<void> wait_for_change();
  bool may_overlap();
  bool claim_received();
  void dispatch();
  void refuse(ProtocolError error);
  void refuse(ServerResponse response, bool head_only);
  bool refused_at_head();
  void flush();
  bool gather();
  bool gather_stream(Slot& slot);
  void end_stream();
  void check_stream();
  void append_answer(Slot& slot, bool close_after);
  bool write_out();
  bool send_output();
  bool encrypt_output();
  bool send_pending();
  void finish_sending();
  void write_rest(std::size_t offset);
  void after_write();
  void await_next_request();

  Socket socket_;
  const std::shared_ptr<ConnectionHost> host_;
  std::shared_ptr<const Peer> peer_;
  std::unique_ptr<tls::ServerSession> tls_;  ///< null: plain
  std::vector<char> wire_;                   ///< what came off the wire, of TLS alone
  RequestReader reader_;
  Timer change_;  ///< cancelled whenever the writer has got on: the reader's event

  // What has been read and not yet parsed is input_[input_begin_, input_end_).
  std::vector<char> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  std::uint64_t claimed_ = 0;  ///< body bytes taken from the host

  std::deque<Slot> slots_;  ///< requests without their answer written, oldest first
  std::uint64_t front_number_ = 0;
  std::size_t bodies_under_way_bytes_ = 0;
  std::string method_under_way_;
  std::vector<std::string> output_;
  bool writing_ = false;
  bool corked_ = false;  ///< the reader is at work: answers are gathered until it must wait

  bool handshaking_ = false;  ///< of TLS; counts as idle until it is done
  bool idle_ = false;         ///< the reader waits for a request's first byte
  bool in_read_ = false;      ///< the reader waits for bytes
  bool last_ = false;         ///< no request is read any more
  bool streaming_ = false;    ///< the front slot's answer is a stream, and its head is written
  bool half_closed_ = false;  ///< the last answer is out, and so is our FIN
  bool timed_out_ = false;
  bool closed_ = false;
  SteadyTime read_deadline_ = SteadyTime::max();
  SteadyTime write_deadline_ = SteadyTime::max();
};

}  // namespace tillsync
