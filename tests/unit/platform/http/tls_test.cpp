// TLS against a server of another make (Python's), with a certificate made for the test.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "platform/http/client.h"
#include "tests/support/process.h"

using namespace tillsync;
using namespace tillsync::http;
using std::chrono::seconds;
using tillsync::testing::ChildProcess;
using tillsync::testing::eventually;
using tillsync::testing::file_text;
using tillsync::testing::run_program;

namespace {

constexpr std::string_view kServer = R"(
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *arguments): pass
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/drop":
            self.close_connection = True
            return
        self.send_response(201)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *arguments): pass
server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + "/cert.pem", sys.argv[1] + "/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
)";

class TlsServer {
 public:
  TlsServer() {
    ::setenv("no_proxy", "127.0.0.1,localhost", 1);
    std::string name = (std::filesystem::temp_directory_path() / "tillsync-tls-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    directory_ = name;
    make_certificate("cert.pem", "key.pem");
    std::ofstream(directory_ + "/server.py") << kServer;
    process_ = ChildProcess({.argv = {"/usr/bin/env", "python3", directory_ + "/server.py", directory_},
                             .env = {},
                             .output_file = port_file(),
                             .input_file = {},
                             .working_dir = {}});
    REQUIRE(eventually([&] { return file_text(port_file()).ends_with("\n"); }));
    port_ = std::stoi(file_text(port_file()));
  }
  ~TlsServer() {
    process_.kill();
    std::filesystem::remove_all(directory_);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  void make_certificate(const std::string& certificate, const std::string& key) const {
    const auto made =
        run_program({.argv = {"/usr/bin/env", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                              "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", directory_ + "/" + key,
                              "-out", directory_ + "/" + certificate, "-days", "2", "-subj", "/CN=localhost",
                              "-addext", "subjectAltName=DNS:localhost"},
                     .env = {},
                     .output_file = {},
                     .input_file = {},
                     .working_dir = {}},
                    seconds(30));
    INFO(made.errors);
    REQUIRE(made.status == 0);
  }
  Request post(const std::string& host, const std::string& path, const std::string& ca_file) const {
    Request request;
    request.method = "POST";
    request.url = "https://" + host + ":" + std::to_string(port_) + path;
    request.body = "{}";
    if (!ca_file.empty()) request.ca_file = directory_ + "/" + ca_file;
    return request;
  }

 private:
  std::string port_file() const { return directory_ + "/port"; }

  std::string directory_;
  ChildProcess process_;
  int port_ = 0;
};

void check_untrusted(const Exchange& exchange) {
  REQUIRE(std::holds_alternative<Failure>(exchange));
  INFO(std::get<Failure>(exchange).detail);
  CHECK(std::get<Failure>(exchange).code == "tls");
  CHECK_FALSE(std::get<Failure>(exchange).sent);
}

}  // namespace

TEST_CASE("http client: TLS is verified, always, and a server that is not trusted gets nothing") {
  const TlsServer server;
  const Exchange trusted = perform(server.post("localhost", "/", "cert.pem"));
  if (const auto* failure = std::get_if<Failure>(&trusted)) INFO(failure->code, ": ", failure->detail);
  REQUIRE(std::holds_alternative<Answer>(trusted));
  CHECK(std::get<Answer>(trusted).status == 201);

  // The system's store does not know the certificate.
  check_untrusted(perform(server.post("localhost", "/", "")));
  // Its name is localhost, not the address.
  check_untrusted(perform(server.post("127.0.0.1", "/", "cert.pem")));
  // Another certificate of the same name.
  server.make_certificate("other.pem", "other-key.pem");
  check_untrusted(perform(server.post("localhost", "/", "other.pem")));
  check_untrusted(perform(server.post("localhost", "/", "missing.pem")));
}

TEST_CASE("http client: over TLS too, a request that was sent and not answered says sent") {
  const TlsServer server;
  auto client = std::move(Client::open().value());
  const auto run = [&](const std::string& path) {
    std::optional<Exchange> result;
    client->start(server.post("localhost", path, "cert.pem"),
                  [&](Exchange exchange) { result = std::move(exchange); });
    while (!result) client->wait(seconds(10));
    return std::move(*result);
  };
  const auto check_sent = [](const Exchange& exchange) {
    REQUIRE(std::holds_alternative<Failure>(exchange));
    CHECK(std::get<Failure>(exchange).code == "reset");
    CHECK(std::get<Failure>(exchange).sent);
  };
  check_sent(run("/drop"));
  CHECK(std::holds_alternative<Answer>(run("/")));
  check_sent(run("/drop"));  // on the connection that was kept
}
