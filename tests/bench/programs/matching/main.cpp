// Reading a day back and matching it, where central differs in so many documents: by digests, and by the
// whole list. The stand-in central is a process of its own, over HTTP.
//   bench_matching make --folder F --sale sale.json --documents N
//   bench_matching run --folder F --central PROGRAM --documents N --differences D [--whole]
// `run` prints a line of JSON; a report that is not right is an error.
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <algorithm>

#include <CLI/CLI.hpp>
#include <atomic>
#include <exception>
#include <filesystem>
#include <fstream>
#include <set>

#include "agent/connectors/connector_factory.h"
#include "reconcile/central_view/freshness.h"
#include "reconcile/reports/report.h"
#include "tests/bench/programs/matching/made.h"
#include "tests/bench/programs/support/measure.h"
#include "tests/support/central_process.h"

namespace tillsync::bench {
namespace {

struct Options {
  std::string folder, sale, central;
  std::int64_t documents = 1'000'000, differences = 0;
  bool whole = false;
};

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().detail);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + time.tv_usec / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double status_mib(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1)) / 1024;
  }
  return 0;
}

/// Every third lost, altered in its total, altered in a line; spread evenly.
std::set<std::string> lie(testing::CentralProcess& central, const Options& options) {
  std::set<std::string> ids;
  json::Array missing;
  json::Object total, line;
  for (std::int64_t i = 0; i < options.differences; ++i) {
    const auto apart = options.documents / options.differences;
    const std::string id = id_of(apart * i + i % std::min<std::int64_t>(7, apart));
    ids.insert(id);
    if (i % 3 == 0) missing.emplace_back(id);
    if (i % 3 == 1) total.emplace_back(id, "987654.32");
    if (i % 3 == 2) line.emplace_back(id, json::Object{{"pointer", "/lines/0/sku"}, {"value", "OTHER"}});
  }
  central.faults("erp",
                 json::dump(json::Object{{"digests", options.whole ? "off" : "on"},
                                         {"read_back_lie", json::Object{{"missing", std::move(missing)},
                                                                        {"total", std::move(total)},
                                                                        {"line", std::move(line)}}}}));
  return ids;
}

void check_report(JournalReader& reader, CentralView& view, const Options& options,
                  const std::set<std::string>& lied) {
  const BusinessDay day = must(BusinessDay::parse(kDay));
  const auto report = must(build_report(reader, view, ReportQuery{kStore, {"erp"}, day, day, {}}));
  const TargetFindings& found = report.targets.at(0).findings;
  std::set<std::string> ids;
  for (const auto& one : found.missing) ids.insert(one.id);
  for (const auto& one : found.different) ids.insert(one.document.id);
  if (ids != lied || !found.unexpected.empty() ||
      found.matched != options.documents - static_cast<std::int64_t>(lied.size()))
    throw std::runtime_error(
        fmt::format("{} lies were told, {} found; {} matched", lied.size(), ids.size(), found.matched));
}

void run(const Options& options) {
  testing::CentralProcess central(options.central, options.folder);
  const auto lied = lie(central, options);
  const SystemClock clock;
  auto reader = must(JournalReader::open(options.folder + "/journal"));
  const std::string view_folder = options.folder + "/view";
  std::filesystem::remove_all(view_folder);
  std::filesystem::create_directory(view_folder);
  auto view = must(CentralView::open(view_folder, CentralView::Mode::kReadWrite));
  TargetSettings settings;
  settings.base_url = central.base_url("erp");
  settings.timeout = std::chrono::seconds(60);
  auto port = must(make_read_back(
      "erp", settings, kStore, clock,
      [](const SecretReference&) -> Result<std::string> { return std::string(); }, nullptr));
  ReadBack read_back(*view, store_defaults(), clock);
  const BusinessDay day = must(BusinessDay::parse(kDay));
  const std::atomic<bool> stop{false};
  const auto before = central.counters("erp");
  malloc_trim(0);
  const double resident = status_mib("VmRSS"), used = cpu_seconds();
  const Instant begun = now();
  must(read_back_day(*reader, read_back, *port, "erp", day, day,
                     ReadBackUntil{stop, clock.steady_now() + std::chrono::minutes(30)}));
  const double seconds = seconds_between(begun, now()), cpu = cpu_seconds() - used;
  const double peak = status_mib("VmHWM");
  const auto after = central.counters("erp");
  const Instant reporting = now();
  check_report(*reader, *view, options, lied);
  const auto grown = [&](const char* name) { return after.integer_of(name) - before.integer_of(name); };
  fmt::print(
      R"({{"documents":{},"differences":{},"whole":{},"requests":{},"bytes_to_central":{},)"
      R"("bytes_from_central":{},"seconds":{:.3f},"cpu_s":{:.3f},"report_s":{:.3f},"before_mib":{:.1f},)"
      R"("peak_mib":{:.1f}}})"
      "\n",
      options.documents, options.differences, options.whole, grown("read_back_requests"),
      grown("read_back_bytes_received"), grown("read_back_bytes_sent"), seconds, cpu,
      seconds_between(reporting, now()), resident, peak);
}

}  // namespace
}  // namespace tillsync::bench

int main(int argc, char** argv) {
  using namespace tillsync::bench;
  Options options;
  CLI::App app{"Reading a day back and matching it"};
  app.require_subcommand(1);
  CLI::App& making = *app.add_subcommand("make", "makes the journal and central's ledger");
  CLI::App& running = *app.add_subcommand("run", "reads the day back, once");
  for (CLI::App* one : {&making, &running}) {
    one->add_option("--folder", options.folder, "where both are kept")->required();
    one->add_option("--documents", options.documents, "of the day")->check(CLI::Range(1, 2'000'000));
  }
  making.add_option("--sale", options.sale, "the document, load/sale.json")->required();
  running.add_option("--central", options.central, "the stand-in central's program")->required();
  running.add_option("--differences", options.differences, "documents that central lies about");
  running.add_flag("--whole", options.whole, "central has no digests");
  CLI11_PARSE(app, argc, argv);
  try {
    if (making.parsed()) {
      if (const auto made = make(options.folder, options.sale, options.documents); !made)
        throw std::runtime_error(made.error().detail);
    } else {
      run(options);
    }
    return 0;
  } catch (const std::exception& fault) {
    fmt::print(stderr, "bench_matching: {}\n", fault.what());
    return 1;
  }
}
