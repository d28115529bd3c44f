// Makes a store's trading day from a seed and writes it as NDJSON, one file a till, for `tillsync post`:
//   trading_day --documents 5000 --tills 8 --seed 1 --day 2026-11-20 --out day
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>

#include "tests/support/trading_day.h"

namespace {

using tillsync::testing::TillDay;
using tillsync::testing::TradingDayOptions;

int fail(const std::string& detail) {
  std::fprintf(stderr, "trading_day: %s\n", detail.c_str());
  return 2;
}

bool write(std::FILE* out, const TillDay& till) {
  for (const auto& document : till) {
    if (std::fprintf(out, "%s\n", document.body.c_str()) < 0) return false;
  }
  return std::fflush(out) == 0;
}

bool write_file(const std::filesystem::path& path, const TillDay& till) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  const bool written = write(file, till);
  return std::fclose(file) == 0 && written;
}

int run(const TradingDayOptions& options, const std::string& out) {
  const auto day = make_trading_day(options);
  if (out == "-") {
    for (const auto& till : day) {
      if (!write(stdout, till)) return fail("standard output cannot be written");
    }
    return 0;
  }
  std::error_code error;
  std::filesystem::create_directories(out, error);
  if (error) return fail("the folder " + out + " cannot be made: " + error.message());
  for (std::size_t i = 0; i < day.size(); ++i) {
    const auto path = std::filesystem::path(out) / ("T" + std::to_string(i + 1) + ".ndjson");
    if (!write_file(path, day[i])) return fail("the file " + path.string() + " cannot be written");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  TradingDayOptions options;
  std::string day, out;
  CLI::App app{"Makes a store's trading day from a seed, as NDJSON for `tillsync post`"};
  app.add_option("--documents", options.documents, "documents of the whole day, each till's close counted")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  app.add_option("--tills", options.tills, "tills T1, T2, ...")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "the same seed makes the same day")->capture_default_str();
  app.add_option("--day", day, "the business day, YYYY-MM-DD")->required();
  app.add_option("--store", options.store, "the store's number")->capture_default_str();
  app.add_option("--time-zone", options.time_zone, "the store's time zone")->capture_default_str();
  app.add_option("--out", out, "a folder that gets T1.ndjson, T2.ndjson, ...; - for one stream")->required();
  CLI11_PARSE(app, argc, argv);
  const auto parsed = tillsync::BusinessDay::parse(day);
  if (!parsed) return fail("--day: " + parsed.error().detail);
  options.day = *parsed;
  try {
    return run(options, out);
  } catch (const std::exception& fault) {
    return fail(fault.what());
  }
}
