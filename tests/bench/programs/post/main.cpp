// Our own load for the till API, over the Unix socket or TCP: bench_post --to unix:PATH --connections 64
#include <CLI/CLI.hpp>
#include <cstdio>

#include "tests/bench/programs/post/http_dialogue.h"

int main(int argc, char** argv) {
  using namespace tillsync::bench;
  LoadOptions options;
  Numbers numbers;
  std::string sale_file = "tests/bench/load/sale.json";
  std::size_t connections = 1, lines = 0;
  CLI::App app{"Posts unique documents in a closed loop; prints one line of JSON"};
  app.add_option("--to", options.where, "unix:PATH or HOST:PORT")->required();
  app.add_option("--connections", connections, "posts under way at once")->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", options.seconds, "how long");
  app.add_option("--requests", options.requests, "instead: how many in all");
  app.add_option("--warm-up", options.warm_up_seconds, "seconds before, not counted");
  app.add_option("--lines", lines, "documents a request, as NDJSON; 0: single posts");
  app.add_option("--run", numbers.run, "makes the ids of this run its own")->check(CLI::Range(0, 9'999));
  app.add_option("--first", numbers.next, "the first document's number");
  app.add_option("--sale", sale_file, "the template");
  CLI11_PARSE(app, argc, argv);

  const auto sale = Sale::load(sale_file);
  if (!sale) return std::fprintf(stderr, "bench_post: %s\n", sale.error().detail.c_str()), 2;
  std::vector<std::unique_ptr<Dialogue>> dialogues;
  for (std::size_t i = 0; i < connections; ++i)
    dialogues.push_back(std::make_unique<HttpDialogue>(*sale, lines, numbers));
  auto result = run_load(options, std::move(dialogues));
  if (!result) return std::fprintf(stderr, "bench_post: %s\n", result.error().detail.c_str()), 1;
  std::printf("%s\n", result->json(connections).c_str());
  return result->bad == 0 ? 0 : 1;
}
