// The ceiling of our own stack: the daemon's HTTP server and JSON parser, and the answer to a post, but no
// checks, no journal and no disk. What the daemon does beyond this is what durability and evidence cost.
#include <cstdio>
#include <cstdlib>

#include "agent/http_server/server.h"
#include "platform/json/json.h"

namespace {

using namespace tillsync;

ServerOptions options() {
  ServerOptions out;
  out.body_bytes_max = [](const ServerRequest&) { return std::uint64_t{1} << 20; };
  out.protocol_error = [](ProtocolError) {
    return problem_response(400, "malformed", "Malformed request", "this is no HTTP");
  };
  return out;
}

void answer(const ServerRequest& request, const Responder& respond) {
  const auto parsed = json::parse(request.body);
  if (!parsed) return respond(problem_response(400, "malformed", "Malformed", parsed.error().detail));
  const std::string id(parsed->text_of("id"));
  ServerResponse response;
  response.status = 201;
  response.headers.emplace_back("Location", "/v1/documents/" + id);
  response.body = R"({"id":")" + id +
                  R"(","sequence":1,"status":"journaled","recorded_at":"2026-11-25T10:00:00.000000Z"})";
  respond(std::move(response));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_ceiling HOST:PORT\n");
    return 2;
  }
  EventLoop loop;
  HttpServer server(loop, options(),
                    [](ServerRequest request, Responder respond) { answer(request, respond); });
  if (const auto listening = server.listen_tcp(argv[1]); !listening) {
    std::fprintf(stderr, "bench_ceiling: %s\n", listening.error().detail.c_str());
    return 1;
  }
  loop.on_stop_signal([&] { loop.stop(); });
  loop.run();
  return 0;
}
