#include "agent/http_server/server.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;

namespace {

unsigned status_of(ProtocolError error) {
  switch (error) {
    case ProtocolError::kMalformed:
      return 400;
    case ProtocolError::kHeaderTooLarge:
      return 431;
    case ProtocolError::kBodyTooLarge:
      return 413;
    case ProtocolError::kTimeout:
      return 408;
    case ProtocolError::kTooManyConnections:
    case ProtocolError::kBodiesTooMany:
      return 503;
  }
  return 500;
}

ServerOptions small_options() {
  ServerOptions options;
  options.body_bytes_max = [](const ServerRequest&) { return std::uint64_t{1000}; };
  options.protocol_error = [](ProtocolError error) {
    return problem_response(status_of(error), "protocol", "protocol error", "a test's refusal");
  };
  return options;
}

/// A server on its own thread. "/hold" waits until the test answers; anything else is echoed.
class TestServer {
 public:
  explicit TestServer(ServerOptions options = small_options(), std::string unix_path = {})
      : server_(std::make_unique<HttpServer>(loop_, std::move(options),
                                             [this](ServerRequest request, Responder respond) {
                                               handle(std::move(request), std::move(respond));
                                             })) {
    REQUIRE(server_->listen_tcp("127.0.0.1:0").has_value());
    if (!unix_path.empty()) REQUIRE(server_->listen_unix(unix_path).has_value());
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~TestServer() { end(); }

  /// Ends loop and server; what is held may still be answered afterwards.
  void end() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
  }

  RawConnection connect() { return RawConnection::tcp(server_->tcp_port()); }
  EventLoop& loop() { return loop_; }
  HttpServer& server() { return *server_; }
  std::size_t held() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  Responder take_held(std::size_t index) {
    const std::lock_guard lock(mutex_);
    Responder out = std::move(held_.at(index));
    held_.at(index) = nullptr;
    return out;
  }

 private:
  void handle(ServerRequest request, Responder respond) {
    if (request.path == "/hold") {
      const std::lock_guard lock(mutex_);
      held_.push_back(std::move(respond));
      return;
    }
    if (request.path == "/forget") return;
    ServerResponse response = text_response(200, request.method + " " + request.path + " " + request.body);
    if (request.path == "/drop") response.connection = ServerResponse::Connection::kDrop;
    if (request.path == "/close") response.connection = ServerResponse::Connection::kClose;
    if (request.path == "/large") response.body.assign(8 * 1024 * 1024, 'x');
    if (request.path == "/no-content") response.status = 204;
    respond(std::move(response));
  }

  EventLoop loop_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<Responder> held_;  // guarded by mutex_
};

}  // namespace

TEST_CASE("http server: a connection is kept for the next request") {
  TestServer server;
  auto client = server.connect();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(client.send(raw_request("POST", "/echo", "body " + std::to_string(i))));
    const auto response = client.response();
    REQUIRE(response);
    CHECK(response->status == 200);
    CHECK(response->body == "POST /echo body " + std::to_string(i));
    CHECK(response->headers.at("date").size() == 29);
    CHECK(response->headers.count("connection") == 0);
  }
}

TEST_CASE("http server: a request that comes byte by byte is whole at its last") {
  TestServer server;
  auto client = server.connect();
  for (const char c : raw_request("POST", "/echo?a=b", "body", "Content-Type: text/plain\r\n")) {
    REQUIRE(client.send(std::string_view(&c, 1)));
  }
  CHECK(client.answer().body == "POST /echo body");
}

TEST_CASE("http server: pipelined requests are answered in order even when handlers answer out of order") {
  TestServer server;
  auto client = server.connect();
  std::string burst;
  for (int i = 0; i < 3; ++i) burst += raw_request("POST", "/hold", "x");
  burst += raw_request("POST", "/echo", "last");
  REQUIRE(client.send(burst));
  REQUIRE(eventually([&] { return server.held() == 3; }));
  for (const int i : {2, 0, 1}) server.take_held(i)(text_response(200, "held " + std::to_string(i)));
  CHECK(client.answer().body == "held 0");
  CHECK(client.answer().body == "held 1");
  CHECK(client.answer().body == "held 2");
  CHECK(client.answer().body == "POST /echo last");
}

TEST_CASE("http server: a pipelined GET waits for the answer to the POST before it") {
  TestServer server;
  auto client = server.connect();
  REQUIRE(client.send(raw_request("POST", "/hold", "x") + raw_request("GET", "/hold")));
  REQUIRE(eventually([&] { return server.held() == 1; }));
  std::promise<void> seen;  // a round trip on another connection: the loop has had its chance
  auto other = server.connect();
  REQUIRE(other.send(raw_request("GET", "/echo")));
  REQUIRE(other.response());
  CHECK(server.held() == 1);
  server.take_held(0)(text_response(200, "posted"));
  CHECK(client.answer().body == "posted");
  REQUIRE(eventually([&] { return server.held() == 2; }));
  server.take_held(1)(text_response(200, "got"));
  CHECK(client.answer().body == "got");
}

TEST_CASE("http server: thousands of pipelined requests are all answered") {
  TestServer server;
  auto client = server.connect();
  std::thread sender([&] {
    for (int i = 0; i < 5000; ++i) client.send(raw_request("POST", "/echo", std::to_string(i)));
  });
  int in_order = 0;
  for (int i = 0; i < 5000; ++i) {
    const auto response = client.response();
    in_order += response && response->body == "POST /echo " + std::to_string(i);
  }
  sender.join();
  CHECK(in_order == 5000);
}

TEST_CASE("http server: a slow header is cut with 408, an idle connection without a word") {
  ServerOptions options = small_options();
  options.header_deadline = 150ms;
  options.idle_deadline = 300ms;
  TestServer server(options);
  auto slow = server.connect();
  auto idle = server.connect();
  REQUIRE(slow.send("GET / HTTP/1.1\r\nX: "));
  CHECK(slow.answer().status == 408);
  CHECK(slow.closed());
  CHECK(idle.closed());
}

TEST_CASE("http server: a slow body is cut with 408") {
  ServerOptions options = small_options();
  options.body_deadline = 150ms;
  TestServer server(options);
  auto client = server.connect();
  REQUIRE(client.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"));
  CHECK(client.answer().status == 408);
}

TEST_CASE("http server: a slow handler is not cut") {
  ServerOptions options = small_options();
  options.header_deadline = options.body_deadline = options.idle_deadline = 50ms;
  TestServer server(options);
  auto client = server.connect();
  REQUIRE(client.send(raw_request("POST", "/hold", "x")));
  REQUIRE(eventually([&] { return server.held() == 1; }));
  std::promise<void> later;
  server.loop().post([&] { server.loop().call_after(300ms, [&] { later.set_value(); }); });
  later.get_future().wait();
  server.take_held(0)(text_response(200, "done"));
  CHECK(client.answer().body == "done");
}

TEST_CASE("http server: header and body limits are kept") {
  TestServer server;
  SUBCASE("header too large") {
    auto client = server.connect();
    client.send("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
    CHECK(client.answer().status == 431);
    CHECK(client.closed());
  }
  SUBCASE("many small headers") {
    auto client = server.connect();
    std::string request = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 3000; ++i) request += "X: y\r\n";
    client.send(request + "\r\n");
    CHECK(client.answer().status == 431);
  }
  SUBCASE("body too large by Content-Length: answered before it is sent, and while it is") {
    auto client = server.connect();
    client.send("POST / HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n");
    CHECK(client.answer().status == 413);
    auto eager = server.connect();
    CHECK(eager.send(raw_request("POST", "/", std::string(5'000'000, 'x'))));
    CHECK(eager.answer().status == 413);
  }
  SUBCASE("body too large by chunks") {
    auto client = server.connect();
    client.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; ++i) client.send("190\r\n" + std::string(400, 'x') + "\r\n");
    CHECK(client.answer().status == 413);
  }
  SUBCASE("a chunked body within the limit arrives") {
    auto client = server.connect();
    client.send(
        "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: "
        "t\r\n\r\n");
    CHECK(client.answer().body == "POST /c abcde");
    client.send(raw_request("GET", "/next"));
    CHECK(client.answer().body == "GET /next ");
  }
  SUBCASE("malformed") {
    for (const char* bytes :
         {"nonsense\r\n\r\n", "GET / HTTP/3.0\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
          "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 02\r\n\r\nab",
          "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
          "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"}) {
      CAPTURE(bytes);
      auto client = server.connect();
      client.send(bytes);
      const auto response = client.response();
      REQUIRE(response);
      CHECK(response->status == 400);
    }
  }
}

TEST_CASE("http server: bodies being received share a bound") {
  ServerOptions options = small_options();
  options.body_bytes_total_max = 1500;
  TestServer server(options);
  auto first = server.connect();
  first.send("POST /a HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + std::string(900, 'x'));
  REQUIRE(eventually([&] {
    auto second = server.connect();
    second.send("POST /b HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + std::string(900, 'x'));
    second.finish_sending();
    const auto response = second.response();
    return response && response->status == 503;
  }));
  first.send(std::string(100, 'x'));
  CHECK(first.answer().status == 200);
  auto third = server.connect();
  third.send(raw_request("POST", "/c", std::string(1000, 'x')));
  CHECK(third.answer().status == 200);
}

TEST_CASE("http server: a dropped answer closes without a byte, and so does a forgotten one") {
  TestServer server;
  for (const char* path : {"/drop", "/forget"}) {
    auto client = server.connect();
    client.send(raw_request("GET", path));
    CHECK(client.closed());
  }
  auto client = server.connect();
  client.send(raw_request("GET", "/close"));
  CHECK(client.answer().headers.at("connection") == "close");
  CHECK(client.closed());
}

TEST_CASE("http server: a connection too many is told so") {
  ServerOptions options = small_options();
  options.connections_max = 2;
  TestServer server(options);
  auto first = server.connect();
  {
    auto second = server.connect();
    auto third = server.connect();
    CHECK(third.answer().status == 503);
    CHECK(third.closed());
    second.send(raw_request("GET", "/"));
    CHECK(second.answer().status == 200);
    CHECK(server.server().connections() == 2);
  }
  CHECK(eventually([&] {
    auto again = server.connect();
    again.send(raw_request("GET", "/"));
    const auto response = again.response();
    return response && response->status == 200;
  }));
}

TEST_CASE(
    "http server: descriptors beyond its share are not taken, and a connection is served once there are "
    "some") {
  ServerOptions options = small_options();
  constexpr std::uint64_t kShare = 40;  // the client's side of each takes one, too
  const int lowest_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(lowest_free >= 0);
  ::close(lowest_free);
  options.descriptors_max = static_cast<std::uint64_t>(lowest_free) + kShare;
  TestServer server(options);
  std::vector<RawConnection> served;
  const auto one_more = [&] {
    auto client = server.connect();
    client.send(raw_request("GET", "/"));
    const auto response = client.response();
    if (response) served.push_back(std::move(client));
    return response.has_value();
  };
  while (one_more()) REQUIRE(served.size() < kShare);
  CHECK(served.size() >= 10);
  CHECK(server.server().connections() == served.size());
  served[0].send(raw_request("GET", "/"));
  CHECK(served[0].answer().status == 200);
  served.clear();
  CHECK(eventually(one_more));
}

TEST_CASE(
    "http server: who has said nothing for long gives way to a new connection, the longest silent first") {
  ServerOptions options = small_options();
  options.connections_max = 3;
  options.give_way_after = std::chrono::milliseconds(50);
  TestServer server(options);
  auto working = server.connect();
  working.send(raw_request("GET", "/hold"));
  auto silent = server.connect();
  CHECK(eventually([&] { return server.server().connections() == 2; }));
  auto kept = server.connect();  // one that waits for its next request
  kept.send(raw_request("GET", "/"));
  CHECK(kept.answer().status == 200);
  const auto answered = [&] {
    auto late = server.connect();
    late.send(raw_request("GET", "/"));
    const auto response = late.response();
    return response && response->status == 200;
  };
  CHECK(eventually(answered));
  CHECK(silent.closed());  // though the kept one was there for as long
  kept.send(raw_request("GET", "/"));
  CHECK(kept.answer().status == 200);
  // At last an idle one gives way, too.
  auto third = server.connect();
  third.send(raw_request("GET", "/"));
  CHECK(third.answer().status == 200);
  CHECK(eventually(answered));
  CHECK((kept.closed() || third.closed()));
  server.take_held(0)(text_response(200, "held"));
  CHECK(working.answer().body == "held");
}

TEST_CASE("http server: nobody in the middle of a request gives way") {
  ServerOptions options = small_options();
  options.connections_max = 2;
  options.give_way_after = std::chrono::milliseconds(100);
  TestServer server(options);
  auto in_header = server.connect();
  in_header.send("GET /slow HTTP/1.1\r\n");
  auto in_body = server.connect();
  in_body.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
  CHECK(eventually([&] { return server.server().connections() == 2; }));
  const auto end = std::chrono::steady_clock::now() + 3 * options.give_way_after;
  while (std::chrono::steady_clock::now() < end) {
    auto late = server.connect();
    const auto refused = late.response();
    REQUIRE(refused.has_value());
    CHECK(refused->status == 503);
    sleep_briefly();
  }
  in_header.send("Host: x\r\n\r\n");
  CHECK(in_header.answer().status == 200);
  in_body.send("cd");
  CHECK(in_body.answer().status == 200);
}

TEST_CASE("http server: HEAD, 204, HTTP/1.0 and half-closed clients get their framing") {
  TestServer server;
  auto client = server.connect();
  client.send(raw_request("HEAD", "/h") + raw_request("GET", "/no-content") + raw_request("GET", "/g"));
  CHECK(client.answer(true).headers.at("content-length") == "8");
  const auto no_content = client.response();
  CHECK(no_content->status == 204);
  CHECK(no_content->headers.count("content-length") == 0);
  CHECK(client.answer().body == "GET /g ");

  auto old = server.connect();
  old.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(old.answer().headers.at("connection") == "keep-alive");
  old.send("GET /old HTTP/1.0\r\n\r\n");
  CHECK(old.answer().headers.at("connection") == "close");
  CHECK(old.closed());

  auto half = server.connect();
  half.send(raw_request("POST", "/hold", "x"));
  half.finish_sending();
  REQUIRE(eventually([&] { return server.held() == 1; }));
  server.take_held(0)(text_response(200, "still told"));
  CHECK(half.answer().body == "still told");
  CHECK(half.closed());
}

TEST_CASE("http server: a client that waits for 100 Continue is told to go on, or why not") {
  TestServer server;
  auto client = server.connect();
  client.send("POST /c HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.answer().status == 100);
  client.send("body");
  CHECK(client.answer().body == "POST /c body");
  client.send("POST /c HTTP/1.1\r\nContent-Length: 4000\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.answer().status == 413);
}

TEST_CASE(
    "http server: an answer larger than the socket's buffer arrives whole, a client that does not read is "
    "cut") {
  ServerOptions options = small_options();
  {
    TestServer server(options);
    auto client = server.connect();
    client.send(raw_request("GET", "/large"));
    CHECK(client.answer().body.size() == 8 * 1024 * 1024);
  }
  options.write_deadline = 200ms;
  TestServer server(options);
  auto stuck = server.connect();
  stuck.send(raw_request("GET", "/hold"));
  REQUIRE(eventually([&] { return server.held() == 1; }));
  CHECK(server.server().connections() == 1);
  server.take_held(0)(text_response(200, std::string(8 * 1024 * 1024, 'x')));
  CHECK(eventually([&] { return server.server().connections() == 0; }));
}

TEST_CASE(
    "http server: a stale socket file is replaced, a living one is respected, another file is left alone") {
  const TempDir dir;
  const std::string path = dir.file("till.sock");
  {
    TestServer first(small_options(), path);
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0660);
    EventLoop loop;
    HttpServer second(loop, small_options(), [](ServerRequest, Responder) {});
    const auto taken = second.listen_unix(path);
    REQUIRE(!taken.has_value());
    CHECK(taken.error().kind == ErrorKind::kUnavailable);
    std::filesystem::rename(path,
                            path + ".kept");  // the first one's end leaves this file behind, as a crash does
  }
  std::filesystem::rename(path + ".kept", path);
  {
    TestServer again(small_options(), path);
    auto client = RawConnection::unix_socket(path);
    client.send(raw_request("GET", "/unix"));
    CHECK(client.answer().body == "GET /unix ");
  }
  CHECK(!std::filesystem::exists(path));
  std::ofstream(path) << "precious";
  EventLoop loop;
  HttpServer server(loop, small_options(), [](ServerRequest, Responder) {});
  CHECK(!server.listen_unix(path).has_value());
  CHECK(file_text(path) == "precious");
}

TEST_CASE("http server: an address in use or malformed is an error that says so") {
  TestServer server;
  EventLoop loop;
  HttpServer other(loop, small_options(), [](ServerRequest, Responder) {});
  const auto in_use = other.listen_tcp("127.0.0.1:" + std::to_string(server.server().tcp_port()));
  REQUIRE(!in_use.has_value());
  CHECK(in_use.error().detail.find("in use") != std::string::npos);
  for (const char* address : {"", "7411", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "example.com:80"}) {
    CHECK(other.listen_tcp(address).error().kind == ErrorKind::kInvalid);
  }
}

TEST_CASE("http server: shutting down answers what is under way and closes the rest") {
  TestServer server;
  auto busy = server.connect();
  auto idle = server.connect();
  busy.send(raw_request("POST", "/hold", "x"));
  REQUIRE(eventually([&] { return server.held() == 1; }));
  std::promise<void> done;
  server.loop().post([&] { server.server().shut_down(10s, [&] { done.set_value(); }); });
  CHECK(idle.closed());
  CHECK_THROWS(server.connect());
  auto finished = done.get_future();
  CHECK(finished.wait_for(0s) != std::future_status::ready);
  server.take_held(0)(text_response(200, "answered"));
  const auto response = busy.response();
  REQUIRE(response);
  CHECK(response->body == "answered");
  CHECK(response->headers.at("connection") == "close");
  CHECK(busy.closed());
  CHECK(finished.wait_for(5s) == std::future_status::ready);
}

TEST_CASE("http server: shutting down cuts what is not answered when patience ends") {
  TestServer server;
  auto busy = server.connect();
  busy.send(raw_request("POST", "/hold", "x"));
  REQUIRE(eventually([&] { return server.held() == 1; }));
  std::promise<void> done;
  server.loop().post([&] { server.server().shut_down(100ms, [&] { done.set_value(); }); });
  CHECK(busy.closed());
  CHECK(done.get_future().wait_for(5s) == std::future_status::ready);
  server.take_held(0)(text_response(200, "too late"));  // must not touch what is gone
}

TEST_CASE("http server: an answer after the client, the server or the loop has gone does nothing") {
  Responder late;
  {
    TestServer server;
    {
      auto client = server.connect();
      client.send(raw_request("POST", "/hold", "x") + raw_request("POST", "/hold", "y"));
      REQUIRE(eventually([&] { return server.held() == 2; }));
    }
    server.take_held(0)(text_response(200, "nobody there"));
    late = server.take_held(1);
    server.end();
    late(text_response(200, "no server"));
  }
  late(text_response(200, "no loop"));
}

TEST_CASE("request: query parameters and path segments are percent-decoded") {
  ServerRequest request;
  request.path = "/v1/documents/0417%2Fa%20b/";
  request.query = "reference=0417%2FT1-1&step=erp&empty=&flag&plus=a+b&bad=%zz";
  CHECK(request.segments() == std::vector<std::string>{"v1", "documents", "0417/a b"});
  CHECK(request.parameter("reference") == "0417/T1-1");
  CHECK(request.parameter("step") == "erp");
  CHECK(request.parameter("empty") == "");
  CHECK(request.parameter("flag") == "");
  CHECK(request.parameter("plus") == "a b");
  CHECK(request.parameter("bad") == "%zz");
  CHECK(!request.parameter("absent"));
}
