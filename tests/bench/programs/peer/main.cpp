// The same load for the peers: bench_peer --speak redis|nats|amqp --to 127.0.0.1:6379 --connections 64
#include <CLI/CLI.hpp>
#include <cstdio>

#include "tests/bench/programs/peer/dialogues.h"

int main(int argc, char** argv) {
  using namespace tillsync::bench;
  LoadOptions options;
  Numbers numbers;
  std::string protocol, queue_kind = "classic", sale_file = "tests/bench/load/sale.json";
  std::size_t connections = 1;
  CLI::App app{"Stores unique documents at a peer in a closed loop; prints one line of JSON"};
  app.add_option("--speak", protocol, "the protocol")
      ->required()
      ->check(CLI::IsMember({"redis", "nats", "amqp"}));
  app.add_option("--to", options.where, "HOST:PORT")->required();
  app.add_option("--connections", connections, "documents under way at once")->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", options.seconds, "how long");
  app.add_option("--requests", options.requests, "instead: how many in all");
  app.add_option("--warm-up", options.warm_up_seconds, "seconds before, not counted");
  app.add_option("--queue", queue_kind, "amqp: classic or quorum")
      ->check(CLI::IsMember({"classic", "quorum"}));
  app.add_option("--run", numbers.run, "makes the ids of this run its own")->check(CLI::Range(0, 9'999));
  app.add_option("--sale", sale_file, "the template");
  CLI11_PARSE(app, argc, argv);

  const auto sale = Sale::load(sale_file);
  if (!sale) return std::fprintf(stderr, "bench_peer: %s\n", sale.error().detail.c_str()), 2;
  std::vector<std::unique_ptr<Dialogue>> dialogues;
  for (std::size_t i = 0; i < connections; ++i) {
    dialogues.push_back(protocol == "redis"  ? redis_dialogue(*sale, numbers)
                        : protocol == "nats" ? nats_dialogue(*sale, numbers)
                                             : amqp_dialogue(*sale, numbers, queue_kind));
  }
  auto result = run_load(options, std::move(dialogues));
  if (!result) return std::fprintf(stderr, "bench_peer: %s\n", result.error().detail.c_str()), 1;
  std::printf("%s\n", result->json(connections).c_str());
  return result->bad == 0 ? 0 : 1;
}
