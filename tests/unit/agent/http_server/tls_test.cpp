#include <doctest/doctest.h>

#include <fstream>
#include <thread>

#include "agent/http_server/server.h"
#include "platform/http/client.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_certificate.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;

namespace {

/// An HTTPS server on its own thread that echoes bodies; "/large" answers 8 MiB.
class TlsServer {
 public:
  explicit TlsServer(ServerOptions options = {}) {
    std::ofstream(ca_file()) << kTestCertificate;
    const auto context = *tls::ServerContext::make({kTestCertificate, kTestKey, ""});
    options.body_bytes_max = [](const ServerRequest&) { return std::uint64_t{32 * 1024 * 1024}; };
    server_ =
        std::make_unique<HttpServer>(loop_, std::move(options), [](ServerRequest request, Responder respond) {
          respond(text_response(200, request.path == "/large" ? std::string(8 * 1024 * 1024, 'x')
                                                              : request.peer->address + " " + request.body));
        });
    ListenOptions listen;
    listen.tls = [context] { return context; };
    REQUIRE(server_->listen_tcp("127.0.0.1:0", listen).has_value());
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~TlsServer() {
    loop_.stop();
    thread_.join();
    server_.reset();
  }

  std::string ca_file() const { return dir_.file("ca.pem"); }
  HttpServer& server() { return *server_; }
  http::Request request(const std::string& path, std::string body = {}) const {
    http::Request request;
    request.method = body.empty() ? "GET" : "POST";
    request.url = "https://till.example" + path;
    request.connect_to = "127.0.0.1:" + std::to_string(server_->tcp_port());
    request.ca_file = ca_file();
    request.body = std::move(body);
    return request;
  }
  std::string answer(const std::string& path, std::string body = {}) const {
    auto exchange = http::perform(request(path, std::move(body)));
    if (const auto* failure = std::get_if<http::Failure>(&exchange))
      return failure->code + ": " + failure->detail;
    return std::get<http::Answer>(exchange).body;
  }

 private:
  TempDir dir_;
  EventLoop loop_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("http server: over TLS bodies of any size go both ways whole") {
  TlsServer server;
  CHECK(server.answer("/echo", "body") == "127.0.0.1 body");
  CHECK(server.answer("/large") == std::string(8 * 1024 * 1024, 'x'));
  std::string large;
  for (int i = 0; large.size() < 8 * 1024 * 1024; ++i) large += std::to_string(i) + " ";
  CHECK(server.answer("/echo", large) == "127.0.0.1 " + large);
  CHECK(server.server().handshakes_failed() == 0);
}

TEST_CASE("http server: over TLS a connection is kept, and many are served at once") {
  TlsServer server;
  auto client = http::Client::open(8);
  REQUIRE(client.has_value());
  int answered = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string body = std::string(static_cast<std::size_t>(i) * 100, 'b') + std::to_string(i);
    (*client)->start(server.request("/echo", body), [&answered, body](const http::Exchange& exchange) {
      const auto* answer = std::get_if<http::Answer>(&exchange);
      REQUIRE(answer != nullptr);
      CHECK(answer->body == "127.0.0.1 " + body);
      ++answered;
    });
  }
  while ((*client)->in_flight() > 0) (*client)->wait(100ms);
  CHECK(answered == 200);
  CHECK(server.server().connections() <= 8);
}

TEST_CASE("http server: plain HTTP, garbage and silence at a TLS listener end their own connection alone") {
  ServerOptions options;
  options.handshake_deadline = 200ms;
  TlsServer server(options);
  auto plain = RawConnection::tcp(server.server().tcp_port());
  REQUIRE(plain.send(raw_request("GET", "/echo")));
  CHECK(!plain.response());
  auto garbage = RawConnection::tcp(server.server().tcp_port());
  REQUIRE(garbage.send(std::string(64 * 1024, '\xff')));
  CHECK(!garbage.response());
  auto silent = RawConnection::tcp(server.server().tcp_port());
  CHECK(silent.closed());
  auto slow = RawConnection::tcp(server.server().tcp_port());
  REQUIRE(slow.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)));
  CHECK(slow.closed());
  CHECK(server.answer("/echo", "still here") == "127.0.0.1 still here");
  CHECK(eventually([&] { return server.server().handshakes_failed() == 4; }));
}

TEST_CASE("http server: who is not let in is refused before the body is read") {
  ServerOptions options;
  options.admit = [](ServerRequest& head) -> std::optional<ServerResponse> {
    if (head.header("authorization") == "Bearer right") return std::nullopt;
    return text_response(401, "no");
  };
  TlsServer server(options);
  auto request = server.request("/echo", std::string(12 * 1024 * 1024, 'x'));
  auto exchange = http::perform(request);
  const auto* refused = std::get_if<http::Answer>(&exchange);
  REQUIRE(refused != nullptr);
  CHECK(refused->status == 401);
  CHECK(refused->header("connection") == "close");
  request.headers.emplace_back("Authorization", "Bearer right");
  exchange = http::perform(request);
  REQUIRE(std::get_if<http::Answer>(&exchange) != nullptr);
  CHECK(std::get<http::Answer>(exchange).status == 200);
}
