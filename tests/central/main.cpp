// The stand-in central, for tests and for trying tillsync out: central --listen 127.0.0.1:0 --ledger FILE
// --port-file FILE
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/central/central.h"

namespace {

using namespace tillsync;

/// Whole or not there: a reader never sees half a number.
bool write_port_file(const std::string& path, std::uint16_t port) {
  const std::string fresh = path + ".new";
  {
    std::ofstream file(fresh);
    file << port << "\n";
    if (!file.flush()) return false;
  }
  std::error_code error;
  std::filesystem::rename(fresh, path, error);
  return !error;
}

ServerOptions options() {
  ServerOptions out;
  out.connections_max = 4096;
  out.body_bytes_max = [](const ServerRequest&) { return std::uint64_t{64} * 1024 * 1024; };
  out.protocol_error = [](ProtocolError error) {
    switch (error) {
      case ProtocolError::kBodyTooLarge:
        return problem_response(413, "too-large", "Too large", "the body is beyond 64 MiB");
      case ProtocolError::kHeaderTooLarge:
        return problem_response(431, "header-too-large", "Header too large", "");
      case ProtocolError::kTimeout:
        return problem_response(408, "timeout", "Request timeout", "");
      case ProtocolError::kTooManyConnections:
      case ProtocolError::kBodiesTooMany:
        return problem_response(503, "overloaded", "Overloaded", "");
      case ProtocolError::kMalformed:
        break;
    }
    return problem_response(400, "malformed", "Malformed request", "this is no HTTP");
  };
  return out;
}

int fail(int status, const std::string& detail) {
  fmt::print(stderr, "central: {}\n", detail);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  std::string listen = "127.0.0.1:0", ledger_file, port_file, token;
  CLI::App app{"The stand-in central: the reference central profile with faults to order"};
  app.add_option("--listen", listen, "address to serve, HOST:PORT; port 0 for any");
  app.add_option("--ledger", ledger_file, "the ledger's file, made where it is missing")->required();
  app.add_option("--port-file", port_file, "gets the port once central listens");
  app.add_option("--token", token, "the bearer token to ask for");
  CLI11_PARSE(app, argc, argv);

  const SystemClock clock;
  auto ledger = central::Ledger::open(ledger_file, clock);
  if (!ledger) return fail(4, ledger.error().detail);
  EventLoop loop;
  central::Central central(loop, std::move(*ledger), token);
  HttpServer server(loop, options(), [&](ServerRequest request, Responder respond) {
    central.handle(std::move(request), std::move(respond));
  });
  if (const auto listening = server.listen_tcp(listen); !listening) return fail(2, listening.error().detail);
  if (!port_file.empty() && !write_port_file(port_file, server.tcp_port()))
    return fail(2, "cannot write " + port_file);
  loop.on_stop_signal([&] { server.shut_down(std::chrono::seconds(2), [&] { loop.stop(); }); });
  fmt::print("central: listening on port {}\n", server.tcp_port());
  std::fflush(stdout);
  loop.run();
  return 0;
}
