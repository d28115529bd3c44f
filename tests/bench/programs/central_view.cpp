// Central's view at a million SKUs: the feed followed from the start, once more with nothing new, with a
// thousand changes, and from the start with all of it held. Central is played in this process, so that the
// store's own work shows.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "agent/connectors/rest_fetch.h"
#include "reconcile/central_facts/facts_sync.h"
#include "tests/bench/programs/support/measure.h"

namespace {

using namespace tillsync;
using namespace tillsync::bench;

/// Its cursors count rows; a page goes over the text that a connector would read.
class PlayedCentral final : public FetchPort {
 public:
  PlayedCentral(std::int64_t rows, std::int64_t page) : rows_(rows), page_(page) {}

  bool offers(FactKind) const override { return true; }
  Result<ChangesPage> changes(const std::string& cursor) override {
    const std::int64_t end = rows_ + changed_;
    const std::int64_t from = cursor.empty() ? 0 : std::stoll(cursor);
    const std::int64_t to = std::min(end, from + page_);
    std::string text = R"({"changes":[)";
    for (std::int64_t i = from; i < to; ++i) {
      // Rows behind the first ones are their changes.
      const std::int64_t sku = i < rows_ ? i : (i - rows_) * 7 % rows_;
      const int price = i < rows_ ? 199 : 249;
      text += fmt::format(
          R"({}{{"path":"/prices/SKU-{:08}","etag":"\"v{}\"","value":{{"sku":"SKU-{:08}","price":"{}.{:02}","currency":"GBP"}}}})",
          i == from ? "" : ",", sku, i, sku, price / 100 + sku % 90, price % 100);
    }
    text += fmt::format(R"(],"cursor":"{}"}})", to);
    bytes += text.size();
    return parse_changes(text, "0417");
  }
  Result<FetchedFact> fetch(FactKind, const std::string&, const std::string&) override {
    return FetchedFact{FetchedFact::Answer::kAbsent, {}, {}};
  }
  Result<std::optional<FactsPage>> list(FactKind, const std::optional<std::string>&) override {
    return std::optional<FactsPage>();
  }
  Result<std::optional<std::vector<CentralRow>>> sale(const std::string&) override {
    return std::optional<std::vector<CentralRow>>();
  }
  Result<std::optional<std::vector<CentralRow>>> returns_of(const std::string&) override {
    return std::optional<std::vector<CentralRow>>();
  }
  void change(std::int64_t count) { changed_ += count; }

  std::size_t bytes = 0;

 private:
  const std::int64_t rows_, page_;
  std::int64_t changed_ = 0;
};

/// VmHWM in MiB since the last reset.
double peak_memory_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

double file_mib(const std::string& folder) {
  double bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().filename().string().starts_with(CentralFacts::kFileName))
      bytes += static_cast<double>(file.file_size());
  }
  return bytes / (1024 * 1024);
}

struct Bench {
  SystemClock clock;
  std::atomic<bool> stop{false};
  std::unique_ptr<CentralFacts> facts;
  PlayedCentral central;
  std::string folder;

  bool round(const char* what) {
    FactsSync sync({*facts, "0417", clock, [] { return Result<Sequence>(Sequence{1}); }});
    central.bytes = 0;
    const Instant begun = now();
    auto done =
        sync.round(central, "erp", {FactKind::kPrice}, {stop, clock.steady_now() + std::chrono::hours(1)});
    const double seconds = seconds_between(begun, now());
    if (!done || done->broken) {
      std::fprintf(stderr, "bench_central_view: %s: %s\n", what,
                   (done ? *done->broken : done.error()).detail.c_str());
      return false;
    }
    fmt::print(
        R"({{"round":"{}","seconds":{:.2f},"pages":{},"rows":{},"changed":{},"confirmed":{},"wire_mib":{:.1f},"file_mib":{:.1f},"peak_memory_mib":{:.1f}}})"
        "\n",
        what, seconds, done->pages, done->rows, done->changed, done->confirmed,
        static_cast<double>(central.bytes) / (1024 * 1024), file_mib(folder), peak_memory_mib());
    return true;
  }
};

}  // namespace

int main(int argc, char** argv) {
  std::string folder;
  std::int64_t rows = 1'000'000, page = 500, changes = 1'000;
  CLI::App app{"Central's view at many SKUs; prints a line of JSON for each round"};
  app.add_option("--folder", folder, "empty; facts.db is made there and left")->required();
  app.add_option("--rows", rows, "SKUs")->check(CLI::Range(1, 2'000'000));
  app.add_option("--page", page, "rows of a page")->check(CLI::Range(1, 10'000));
  app.add_option("--changes", changes, "of the third round");
  CLI11_PARSE(app, argc, argv);

  auto facts = CentralFacts::open(folder, CentralFacts::Mode::kReadWrite);
  if (!facts) return std::fprintf(stderr, "bench_central_view: %s\n", facts.error().detail.c_str()), 1;
  Bench bench{.facts = std::move(*facts), .central = {rows, page}, .folder = folder};
  if (!bench.round("from the start") || !bench.round("nothing new")) return 1;
  bench.central.change(changes);
  if (!bench.round("some changes")) return 1;
  {
    auto writer = FactsWriter::begin(*bench.facts);
    if (!writer || !writer->set_feed("erp", FeedMark{}) || !writer->commit()) return 1;
  }
  if (!bench.round("from the start, all held")) return 1;
  const Instant begun = now();
  constexpr int kLooks = 100'000;
  for (int i = 0; i < kLooks; ++i) {
    const auto key = fmt::format("SKU-{:08}", static_cast<std::int64_t>(i) * 7919 % rows);
    if (!bench.facts->as_of(FactKind::kPrice, key, Sequence{1})) return 1;
  }
  fmt::print(R"({{"look_up_us":{:.1f}}})"
             "\n",
             seconds_between(begun, now()) / kLooks * 1e6);
  return 0;
}
