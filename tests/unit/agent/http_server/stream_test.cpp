// Answers that go on: a connection takes from a BodyStream as fast as its client reads.
#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "agent/http_server/server.h"
#include "tests/support/event_stream.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;

namespace {

/// What a test puts in comes out; with `piece` set that is said again and again, without end.
class TestStream final : public BodyStream {
 public:
  TestStream(ServerRequest request, std::atomic<int>& alive, std::string piece)
      : BodyStream(std::move(request)), alive_(alive), piece_(std::move(piece)) {
    ++alive_;
  }
  ~TestStream() override { --alive_; }
  std::optional<std::string> next() override {
    if (!piece_.empty()) {
      taken += static_cast<std::int64_t>(piece_.size());
      return piece_;
    }
    if (ended && waiting.empty()) return std::nullopt;
    return std::exchange(waiting, {});
  }

  std::string waiting;
  bool ended = false;
  std::atomic<std::int64_t> taken{0};

 private:
  std::atomic<int>& alive_;
  const std::string piece_;
};

/// "/stream" and "/endless" are streams; anything else is echoed.
class StreamServer {
 public:
  explicit StreamServer(ServerOptions options = {}) {
    options.protocol_error = [](ProtocolError) { return text_response(400, ""); };
    server_ = std::make_unique<HttpServer>(
        loop_, std::move(options),
        [this](ServerRequest request, const Responder& respond) { handle(std::move(request), respond); });
    REQUIRE(server_->listen_tcp("127.0.0.1:0").has_value());
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~StreamServer() {
    loop_.stop();
    thread_.join();
    last.reset();
    server_.reset();
  }

  RawConnection connect() const { return RawConnection::tcp(server_->tcp_port()); }
  /// A stream, with its head there.
  std::unique_ptr<CurlStream> open(const std::string& path = "/stream") const {
    auto client = std::make_unique<CurlStream>(
        std::vector{"http://127.0.0.1:" + std::to_string(server_->tcp_port()) + path});
    REQUIRE(client->has_head());
    CHECK(client->head().starts_with("HTTP/1.1 200 "));
    CHECK(client->head().find("Content-Length") == std::string::npos);
    CHECK(client->head().find("Connection: close\r\n") != std::string::npos);
    return client;
  }
  /// On the loop's thread, and waits for it.
  template <class Work>
  void on_loop(Work work) {
    std::atomic<bool> done{false};
    loop_.post([&] {
      work();
      done = true;
    });
    REQUIRE(eventually([&] { return done.load(); }));
  }
  void say(const std::string& text) {
    on_loop([&] {
      if (const auto stream = last.lock()) {
        stream->waiting += text;
        stream->wake();
      }
    });
  }

  void end(const std::string& text) {
    on_loop([&] {
      const auto stream = last.lock();
      if (!stream) return;
      stream->waiting += text;
      stream->ended = true;
      stream->wake();
    });
  }

  std::atomic<int> alive{0};
  std::weak_ptr<TestStream> last;  // loop's thread
  HttpServer& server() { return *server_; }

 private:
  void handle(ServerRequest request, const Responder& respond) {
    if (request.path != "/stream" && request.path != "/endless")
      return respond(text_response(200, request.path));
    const std::string piece = request.path == "/endless" ? std::string(64 * 1024, 'x') : std::string();
    auto stream = std::make_shared<TestStream>(std::move(request), alive, piece);
    last = stream;
    ServerResponse response = text_response(200, "");
    response.stream = std::move(stream);
    respond(std::move(response));
  }

  EventLoop loop_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("http server: a stream's pieces go out as they come, and the connection ends with it") {
  StreamServer server;
  const auto client = server.open();
  server.say("one;");
  CHECK(client->body_ends_with("one;"));
  server.say("two;");
  server.say("three;");
  CHECK(client->body_ends_with("two;three;"));
  CHECK(server.alive == 1);
  server.end("last");
  CHECK(client->end() == 0);
  CHECK(client->body() == "one;two;three;last");
  CHECK(eventually([&] { return server.alive == 0; }));
}

TEST_CASE("http server: a stream comes behind the answers before it, and requests behind it get none") {
  StreamServer server;
  auto client = server.connect();
  REQUIRE(client.send(raw_request("GET", "/a") + raw_request("GET", "/stream") + raw_request("GET", "/b")));
  CHECK(client.answer().body == "/a");
  CHECK(client.answer().status == 200);
  server.end("");
  CHECK(client.closed());
}

TEST_CASE("http server: who reads a stream slowly is held to its pace, and cut where it reads nothing") {
  ServerOptions options;
  options.write_deadline = 300ms;
  StreamServer server(options);
  auto client = server.connect();
  REQUIRE(client.send(raw_request("GET", "/endless")));
  CHECK(client.answer().status == 200);
  std::shared_ptr<TestStream> stream;
  server.on_loop([&] { stream = server.last.lock(); });
  // The sockets' buffers fill, then nothing more is taken, and the connection goes.
  CHECK(eventually([&] { return server.server().connections() == 0; }));
  if (stream) CHECK(stream->taken < 32 * 1024 * 1024);
  stream.reset();
  CHECK(eventually([&] { return server.alive == 0; }));
}

TEST_CASE("http server: a stream ends as soon as its client goes") {
  StreamServer server;
  auto client = server.open();
  REQUIRE(eventually([&] { return server.alive == 1; }));
  client.reset();
  CHECK(eventually([&] { return server.alive == 0; }));
}

TEST_CASE("http server: a stream outlasts the idle deadline, and keeps nobody's place") {
  ServerOptions options;
  options.idle_deadline = 100ms;
  options.header_deadline = 100ms;
  options.connections_max = 1;
  options.give_way_after = 1ms;
  StreamServer server(options);
  const auto client = server.open();
  auto idle = server.connect();  // refused: the stream does not give way to it
  CHECK(idle.answer().status == 400);
  std::this_thread::sleep_for(400ms);
  server.say("still;");
  CHECK(client->body_ends_with("still;"));
}

TEST_CASE("http server: a stream ends when whoever reads it is not let in any more") {
  std::atomic<unsigned> refuse{0};
  ServerOptions options;
  options.header_deadline = 400ms;  // looked at every 50 ms
  options.admit = [&](ServerRequest& head) -> std::optional<ServerResponse> {
    if (head.path != "/stream" || refuse == 0) return std::nullopt;
    return text_response(refuse, "");
  };
  StreamServer server(options);
  const auto client = server.open();
  refuse = 429;  // its address is locked out for others' sake
  std::this_thread::sleep_for(300ms);
  server.say("still;");
  CHECK(client->body_ends_with("still;"));
  refuse = 401;
  CHECK(client->end().has_value());
  CHECK(eventually([&] { return server.alive == 0; }));
}

TEST_CASE("http server: shutting down does not wait for streams") {
  StreamServer server;
  const auto client = server.open();
  std::atomic<bool> done{false};
  server.on_loop([&] { server.server().shut_down(60s, [&] { done = true; }); });
  CHECK(client->end().has_value());
  CHECK(eventually([&] { return done.load(); }));
}
