#include "platform/http/client.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <optional>
#include <thread>

#include "tests/unit/platform/http/raw_server.h"

using namespace tillsync;
using namespace tillsync::http;
using std::chrono::milliseconds;
using std::chrono::seconds;
using tillsync::test::RawServer;

namespace {

std::string temporary_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "tillsync-http-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  return name;
}

Request post(std::string url, std::string body) {
  Request request;
  request.method = "POST";
  request.url = std::move(url);
  request.body = std::move(body);
  return request;
}

Request get(std::string url) {
  Request request;
  request.url = std::move(url);
  return request;
}

Exchange run(Client& client, Request request) {
  std::optional<Exchange> result;
  client.start(std::move(request), [&](Exchange exchange) { result = std::move(exchange); });
  while (!result) client.wait(seconds(10));
  return std::move(*result);
}

std::unique_ptr<Client> open() {
  return std::move(Client::open().value());
}

const Answer& answer(const Exchange& exchange) {
  if (const auto* failure = std::get_if<Failure>(&exchange)) INFO(failure->code, ": ", failure->detail);
  REQUIRE(std::holds_alternative<Answer>(exchange));
  return std::get<Answer>(exchange);
}

void check_failure(const Exchange& exchange, std::string_view code, bool sent) {
  REQUIRE(std::holds_alternative<Failure>(exchange));
  const auto& failure = std::get<Failure>(exchange);
  INFO(failure.detail);
  CHECK(failure.code == code);
  CHECK(failure.sent == sent);
  CHECK_FALSE(failure.detail.empty());
}

/// Reads one request on each connection, answers with exactly `reply`, and closes.
RawServer::Handler replies(RawServer*& server, std::string reply) {
  return [&server, reply](int socket, int) {
    server->read_request(socket);
    RawServer::send(socket, reply);
  };
}

/// Answers every request of each connection with 200, and keeps it open.
RawServer::Handler answers_all(RawServer*& server) {
  return [&server](int socket, int) {
    while (!server->read_request(socket).empty()) RawServer::answer(socket, "200 OK", "");
  };
}

Exchange exchange_with_reply(const std::string& reply, Request request = post("", "{\"a\":1}")) {
  RawServer* self = nullptr;
  RawServer server(replies(self, reply));
  self = &server;
  request.url = server.url("/documents");
  return perform(std::move(request));
}

// 100000 times 'a', gzipped.
constexpr unsigned char kGzippedLong[] = {
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 193, 49, 1, 0, 0,   0, 194, 160, 172, 235, 95,  194, 26, 30, 64, 1,
    0,  0,   0, 0, 0, 0, 0, 0, 0, 0, 0,   0,   0,  0, 0, 0,   0, 0,   0,   0,   0,   0,   0,   0,  0,  0,  0,
    0,  0,   0, 0, 0, 0, 0, 0, 0, 0, 0,   0,   0,  0, 0, 0,   0, 0,   0,   0,   0,   0,   0,   0,  0,  0,  0,
    0,  0,   0, 0, 0, 0, 0, 0, 0, 0, 0,   0,   0,  0, 0, 0,   0, 0,   0,   0,   0,   0,   0,   0,  0,  0,  0,
    0,  0,   0, 0, 0, 0, 0, 0, 0, 0, 0,   0,   0,  0, 0, 175, 6, 135, 250, 226, 27,  160, 134, 1,  0};

}  // namespace

TEST_CASE("http client: an answer's status, headers and body arrive whole") {
  const Exchange exchange = exchange_with_reply(
      "HTTP/1.1 422 Unprocessable\r\nX-Thing:  Two Words \r\nContent-Length: 5\r\n\r\nhello");
  CHECK(answer(exchange).status == 422);
  CHECK(answer(exchange).header("x-thing") == "Two Words");
  CHECK(answer(exchange).header("absent") == "");
  CHECK(answer(exchange).body == "hello");
}

TEST_CASE("http client: a request carries its method, headers and body, and nothing unasked for") {
  RawServer* self = nullptr;
  RawServer server([&](int socket, int) {
    self->read_request(socket);
    RawServer::answer(socket, "200 OK", "");
  });
  self = &server;
  Request request = post(server.url("/a?b=c"), std::string(2 * 1024 * 1024, 'x'));
  request.headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
  CHECK(answer(perform(request)).status == 200);
  const std::string seen = server.requests().at(0);
  CHECK(seen.starts_with("POST /a?b=c HTTP/1.1\r\n"));
  CHECK(seen.find("Content-Type: application/json\r\n") != std::string::npos);
  CHECK(seen.find("X-Empty:\r\n") != std::string::npos);
  CHECK(seen.find("Expect") == std::string::npos);
  CHECK(seen.ends_with("xxxx"));

  Request remove = get(server.url("/a"));
  remove.method = "DELETE";
  CHECK(answer(perform(remove)).status == 200);
  CHECK(server.requests().at(1).starts_with("DELETE /a HTTP/1.1\r\n"));
  CHECK(answer(perform(post(server.url("/a"), ""))).status == 200);
  CHECK(server.requests().at(2).find("Content-Length: 0\r\n") != std::string::npos);
  CHECK(server.requests().at(2).find("Content-Type") == std::string::npos);
}

TEST_CASE("http client: user and password go as basic authentication") {
  RawServer* self = nullptr;
  RawServer server(replies(self, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  self = &server;
  Request request = get(server.url());
  request.user = "till";
  request.password = "s3cret";
  answer(perform(request));
  CHECK(server.requests().at(0).find("Authorization: Basic dGlsbDpzM2NyZXQ=\r\n") != std::string::npos);
}

TEST_CASE("http client: what fails before a connection stands was not sent") {
  SUBCASE("nobody listens") {
    std::uint16_t port = 0;
    {
      port = RawServer([](int, int) {}).port();
    }
    check_failure(perform(post("http://127.0.0.1:" + std::to_string(port) + "/", "x")), "connect", false);
  }
  SUBCASE("the name does not resolve") {
    check_failure(perform(post("http://no-such-host.invalid/", "x")), "resolve", false);
  }
  SUBCASE("a scheme that is not spoken") {
    check_failure(perform(get("ftp://127.0.0.1/")), "invalid-url", false);
  }
  SUBCASE("no URL at all") {
    check_failure(perform(get("http://")), "invalid-url", false);
  }
  SUBCASE("no such Unix socket") {
    Request request = get("http://localhost/");
    request.unix_socket = "/nonexistent/till.sock";
    check_failure(perform(request), "connect", false);
  }
  SUBCASE("the server does not speak TLS") {
    RawServer server([](int socket, int) {
      char hello[64];
      static_cast<void>(::recv(socket, hello, sizeof hello, 0));
      RawServer::send(socket, "HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    check_failure(perform(post(server.url("/", "https"), "x")), "tls", false);
  }
  SUBCASE("the server ends the TLS handshake") {
    RawServer server([](int, int) {});
    check_failure(perform(post(server.url("/", "https"), "x")), "tls", false);
  }
  SUBCASE("the TLS handshake takes too long") {
    RawServer* self = nullptr;
    RawServer server([&](int socket, int) { self->read_request(socket); });
    self = &server;
    Request request = post(server.url("/", "https"), "x");
    request.connect_timeout = milliseconds(200);
    check_failure(perform(request), "timeout", false);
  }
}

TEST_CASE("http client: a connection that is never accepted times out unsent") {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  REQUIRE(::listen(listener, 0) == 0);
  std::array<int, 8> fillers{};  // they take the whole backlog; further SYNs are dropped
  for (int& filler : fillers) {
    filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    static_cast<void>(::connect(filler, reinterpret_cast<sockaddr*>(&address), size));
  }
  Request request = post("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/", "x");
  request.connect_timeout = milliseconds(300);
  check_failure(perform(request), "timeout", false);
  for (const int filler : fillers) ::close(filler);
  ::close(listener);
}

TEST_CASE("http client: a proxy that refuses the tunnel kept the request from leaving") {
  SUBCASE("with an answer") {
    RawServer* self = nullptr;
    RawServer proxy(replies(self, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
    self = &proxy;
    Request request = post("https://central.example/", "x");
    request.proxy = proxy.url("");
    check_failure(perform(request), "proxy", false);
    CHECK(proxy.requests().at(0).starts_with("CONNECT central.example:443 "));
  }
  SUBCASE("by closing") {
    RawServer* self = nullptr;
    RawServer proxy(replies(self, ""));
    self = &proxy;
    Request request = post("https://central.example/", "x");
    request.proxy = proxy.url("");
    const Exchange exchange = perform(request);
    REQUIRE(std::holds_alternative<Failure>(exchange));
    CHECK_FALSE(std::get<Failure>(exchange).sent);
  }
}

TEST_CASE("http client: once the request may have left, a missing or cut answer says sent") {
  SUBCASE("closed after the request") {
    check_failure(exchange_with_reply(""), "reset", true);
  }
  SUBCASE("cut inside the status line") {
    check_failure(exchange_with_reply("HTTP/1.1 20"), "reset", true);
  }
  SUBCASE("cut behind the status line") {
    check_failure(exchange_with_reply("HTTP/1.1 200 OK\r\n"), "answer-cut", true);
  }
  SUBCASE("cut inside a header") {
    check_failure(exchange_with_reply("HTTP/1.1 200 OK\r\nContent-Type: applic"), "answer-cut", true);
  }
  SUBCASE("cut before the header's end") {
    check_failure(exchange_with_reply("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), "answer-cut", true);
    check_failure(exchange_with_reply("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r"), "answer-cut", true);
  }
  SUBCASE("cut inside the body") {
    check_failure(exchange_with_reply("HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{\"central"),
                  "answer-cut", true);
  }
  SUBCASE("cut inside a chunk") {
    check_failure(
        exchange_with_reply("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{\"centr"),
        "answer-cut", true);
  }
  SUBCASE("only an interim answer") {
    check_failure(exchange_with_reply("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), "answer-cut", true);
  }
  SUBCASE("HTTP/0.9") {
    check_failure(exchange_with_reply("hello there, this is no HTTP"), "bad-answer", true);
  }
  SUBCASE("a length that is no number") {
    const Exchange exchange = exchange_with_reply("HTTP/1.1 200 OK\r\nContent-Length: 12abc\r\n\r\nhello");
    if (const auto* failure = std::get_if<Failure>(&exchange)) CHECK(failure->sent);
  }
  SUBCASE("a compressed body that is none") {
    check_failure(
        exchange_with_reply("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"),
        "bad-answer", true);
  }
}

TEST_CASE("http client: a server that closes before it reads leaves no certainty") {
  RawServer server([](int, int) {});
  const Exchange exchange = perform(post(server.url(), "x"));
  REQUIRE(std::holds_alternative<Failure>(exchange));
  CHECK(std::get<Failure>(exchange).sent);
}

TEST_CASE("http client: a server that stays silent times out as sent") {
  RawServer* self = nullptr;
  RawServer server([&](int socket, int) {
    self->read_request(socket);
    self->read_request(socket);
  });
  self = &server;
  Request request = post(server.url(), "x");
  request.timeout = milliseconds(200);
  check_failure(perform(request), "timeout", true);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("http client: interim answers are passed over") {
  const Exchange exchange = exchange_with_reply(
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
  CHECK(answer(exchange).status == 201);
  CHECK(answer(exchange).header("link") == "");
  CHECK(answer(exchange).body == "{}");
}

TEST_CASE("http client: redirects are answers like any other") {
  const Exchange exchange = exchange_with_reply(
      "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
  CHECK(answer(exchange).status == 307);
}

TEST_CASE(
    "http client: a kept-alive connection that dies under a request that is not safe is no reason to send it "
    "twice") {
  for (const auto& item :
       {std::pair{"POST", "{\"reference\":\"0417/1\"}"}, {"POST", ""}, {"DELETE", ""}, {"PUT", "x"}}) {
    const auto& method = item.first;
    const auto& body = item.second;
    CAPTURE(method);
    CAPTURE(body);
    RawServer* self = nullptr;
    RawServer server([&](int socket, int) {
      self->read_request(socket);
      RawServer::answer(socket, "200 OK", "");
      self->read_request(socket);  // read whole, perhaps acted upon, and the connection ends
    });
    self = &server;
    auto client = open();
    answer(run(*client, get(server.url("/warm"))));
    Request request = post(server.url("/documents"), body);
    request.method = method;
    check_failure(run(*client, request), "reset", true);
    CHECK(server.requests().size() == 2);
  }
}

TEST_CASE("http client: a safe request is sent again when its kept-alive connection dies") {
  RawServer* self = nullptr;
  RawServer server([&](int socket, int connection) {
    self->read_request(socket);
    RawServer::answer(socket, "200 OK", std::to_string(connection));
    self->read_request(socket);
  });
  self = &server;
  auto client = open();
  answer(run(*client, get(server.url("/warm"))));
  CHECK(answer(run(*client, get(server.url("/again")))).body == "1");
}

TEST_CASE("http client: a request has nothing of the one before, whatever that was") {
  RawServer* self = nullptr;
  RawServer server(answers_all(self));
  self = &server;
  auto client = open();
  Request with_all = post(server.url("/first"), "a body");
  with_all.headers = {{"X-Own", "1"}, {"Content-Type", "application/json"}};
  with_all.user = "store";
  with_all.password = "secret";
  answer(run(*client, with_all));
  answer(run(*client, get(server.url("/second"))));
  answer(run(*client, post(server.url("/third"), "another")));
  Request put = post(server.url("/third"), "");
  put.method = "PUT";
  answer(run(*client, put));
  answer(run(*client, post(server.url("/third"), "last")));
  const auto requests = server.requests();
  REQUIRE(requests.size() == 5);
  CHECK(requests[0].find("Authorization: Basic") != std::string::npos);
  CHECK(requests[1].starts_with("GET /second HTTP/1.1\r\n"));
  CHECK(requests[2].starts_with("POST /third HTTP/1.1\r\n"));
  CHECK(requests[2].ends_with("\r\n\r\nanother"));
  CHECK(requests[3].starts_with("PUT /third HTTP/1.1\r\n"));
  CHECK(requests[3].find("Content-Length: 0\r\n") != std::string::npos);
  CHECK(requests[4].ends_with("\r\n\r\nlast"));
  for (std::size_t i = 1; i < requests.size(); ++i) {
    CHECK(requests[i].find("Authorization") == std::string::npos);
    CHECK(requests[i].find("X-Own") == std::string::npos);
    CHECK(requests[i].find("Content-Type") == std::string::npos);
  }
}

TEST_CASE(
    "http client: where many are done at once, requests that follow from the first do not wait for the "
    "last") {
  RawServer* self = nullptr;
  RawServer server(answers_all(self));
  self = &server;
  auto client = open();
  constexpr int kMany = 20;
  int done = 0;
  for (int i = 0; i < kMany; ++i) {
    client->start(post(server.url(), "x"), [&](const Exchange& exchange) {
      answer(exchange);
      ++done;
      std::this_thread::sleep_for(milliseconds(2));
    });
  }
  std::this_thread::sleep_for(milliseconds(50));
  int most_at_once = 0;
  while (client->in_flight() > 0) {
    const int before = done;
    client->wait(seconds(10));
    most_at_once = std::max(most_at_once, done - before);
  }
  CHECK(done == kMany);
  CHECK(most_at_once == 1);
}

TEST_CASE("http client: a connection found closed is replaced before anything is sent") {
  RawServer* self = nullptr;
  RawServer server(replies(self, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  self = &server;
  auto client = open();
  for (int i = 0; i < 3; ++i) {
    CHECK(answer(run(*client, post(server.url(), "x"))).status == 200);
    while (server.closed() <= i) client->wait(milliseconds(5));  // the FIN is here
  }
  CHECK(server.requests().size() == 3);
}

TEST_CASE("http client: connections are kept and their number per host is bounded") {
  RawServer* self = nullptr;
  std::atomic<int> connections{0};
  RawServer server([&](int socket, int) {
    ++connections;
    while (!self->read_request(socket).empty()) RawServer::answer(socket, "200 OK", "");
  });
  self = &server;
  auto client = std::move(Client::open(2).value());
  int done = 0;
  for (int i = 0; i < 20; ++i) {
    client->start(post(server.url(), "x"), [&](const Exchange& exchange) {
      answer(exchange);
      ++done;
    });
  }
  CHECK(client->in_flight() == 20);
  while (client->in_flight() > 0) client->wait(seconds(10));
  CHECK(done == 20);
  CHECK(connections <= 2);
}

TEST_CASE("http client: an answer over its limit is a failure, counted in decoded bytes") {
  Request request = post("", "x");
  request.answer_bytes_max = 1000;
  check_failure(exchange_with_reply(
                    "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'a'), request),
                "answer-too-large", true);
  CHECK(answer(exchange_with_reply("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'a'),
                                   request))
            .body.size() == 1000);

  const std::string gzipped(std::begin(kGzippedLong), std::end(kGzippedLong));
  const std::string reply =
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(gzipped.size()) +
      "\r\n\r\n" + gzipped;
  check_failure(exchange_with_reply(reply, request), "answer-too-large", true);
  CHECK(answer(exchange_with_reply(reply)).body == std::string(100'000, 'a'));
}

TEST_CASE("http client: an endless header is a failure") {
  std::string reply = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 300; ++i) reply += "X-Filler: " + std::string(1000, 'a') + "\r\n";
  check_failure(exchange_with_reply(reply), "answer-too-large", true);
}

TEST_CASE("http client: header injection is refused and nothing is sent") {
  for (const auto& [name, value] :
       {std::pair{"X-A", "a\r\nX-B: b"}, {"X-A\r\nX-B", "b"}, {"X-A", "a\nb"}, {"X A", "b"}, {"", "b"}}) {
    Request request = get("http://127.0.0.1:9/");
    request.headers = {{name, value}};
    check_failure(perform(request), "invalid-header", false);
  }
  Request request = get("http://127.0.0.1:9/");
  request.method = "GET / HTTP/1.1\r\nX-A: b\r\n\r\nPOST";
  check_failure(perform(request), "invalid-header", false);
}

TEST_CASE("http client: a Unix socket is spoken to") {
  const std::string directory = temporary_directory();
  {
    RawServer* self = nullptr;
    RawServer server(directory + "/s", replies(self, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    self = &server;
    Request request = get("http://tillsync/v1/health");
    request.unix_socket = directory + "/s";
    CHECK(answer(perform(request)).body == "ok");
    CHECK(server.requests().at(0).find("Host: tillsync\r\n") != std::string::npos);
  }
  std::filesystem::remove_all(directory);
}

TEST_CASE("http client: wake() from another thread ends a wait") {
  auto client = open();
  const auto begin = std::chrono::steady_clock::now();
  std::thread waker([&] { client->wake(); });
  client->wait(seconds(30));
  waker.join();
  CHECK(std::chrono::steady_clock::now() - begin < seconds(10));
}

TEST_CASE("http client: a wait without traffic lasts as long as asked") {
  auto client = open();
  const auto begin = std::chrono::steady_clock::now();
  client->wait(milliseconds(60));
  CHECK(std::chrono::steady_clock::now() - begin >= milliseconds(60));
}

TEST_CASE("http client: cancel_all ends every exchange as possibly sent, and the client goes on") {
  RawServer* self = nullptr;
  RawServer server([&](int socket, int) {
    for (;;) {
      const std::string request = self->read_request(socket);
      if (request.empty()) return;
      if (request.find("/silent") == std::string::npos) RawServer::answer(socket, "200 OK", "");
    }
  });
  self = &server;
  auto client = open();
  std::vector<Exchange> exchanges;
  for (int i = 0; i < 2; ++i) {
    client->start(post(server.url("/silent"), "x"),
                  [&](Exchange exchange) { exchanges.push_back(std::move(exchange)); });
  }
  while (server.requests().size() < 2) client->wait(milliseconds(10));
  client->cancel_all();
  REQUIRE(exchanges.size() == 2);
  for (const auto& exchange : exchanges) check_failure(exchange, "cancelled", true);
  CHECK(client->in_flight() == 0);
  CHECK(answer(run(*client, post(server.url("/fine"), "x"))).status == 200);
}

TEST_CASE("http client: a completion may start the next exchange") {
  RawServer* self = nullptr;
  RawServer server(answers_all(self));
  self = &server;
  auto client = open();
  int left = 3;
  std::function<void(const Exchange&)> next = [&](const Exchange& exchange) {
    answer(exchange);
    if (--left > 0) client->start(post(server.url(), "x"), next);
  };
  client->start(post(server.url(), "x"), next);
  while (client->in_flight() > 0) client->wait(seconds(10));
  CHECK(left == 0);
}
