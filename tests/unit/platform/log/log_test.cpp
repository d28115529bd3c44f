#include "platform/log/log.h"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "platform/json/json.h"
#include "platform/log/printable.h"
#include "platform/log/rate_limiter.h"

using namespace tillsync;
using namespace std::chrono_literals;

namespace {

class TestClock final : public Clock {
 public:
  UtcTime utc_now() const override { return UtcTime(1'700'000'000'123'456us) + since.load(); }
  SteadyTime steady_now() const override { return SteadyTime(1s) + since.load(); }
  std::atomic<std::chrono::microseconds> since{0us};
};

/// A log in a folder of its own, closed and removed at the end.
struct LogFile {
  explicit LogFile(const char* format = "text", const char* level = "info", std::int64_t rotate_mib = 10,
                   std::int64_t keep = 5)
      : folder(std::filesystem::temp_directory_path() /
               ("tillsync_log_" + std::to_string(std::random_device{}()))) {
    std::filesystem::create_directories(folder);
    log::LogOptions options;
    options.file = (folder / "t.log").string();
    options.format = format;
    options.level = level;
    options.rotate_mib = rotate_mib;
    options.rotate_keep = keep;
    options.clock = &clock;
    REQUIRE(log::start(options).has_value());
  }
  ~LogFile() {
    log::stop();
    std::filesystem::remove_all(folder);
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::ifstream in(folder / "t.log");
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  TestClock clock;
  std::filesystem::path folder;
};

}  // namespace

TEST_CASE("log: an event is one line with its fields in order") {
  LogFile file;
  log::info("delivery.rejected",
            {{"target", "erp"}, {"document", std::string("4-17")}, {"attempts", 3}, {"last", true}});
  REQUIRE(file.lines().size() == 1);
  CHECK(file.lines()[0] ==
        "2023-11-14T22:13:20.123Z INFO delivery.rejected target=erp document=4-17 attempts=3 last=true");
}

TEST_CASE("log: values cannot forge a line, a field or a terminal's state") {
  LogFile file;
  log::info("e", {{"a", "x\n2026 INFO forged"},
                  {"b", "q\"uote\\"},
                  {"c", "\x1b[2J"},
                  {"d", ""},
                  {"e", "k=v"},
                  {"f", "\xff"}});
  const auto lines = file.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].substr(lines[0].find(" a=")) ==
        R"( a="x\n2026 INFO forged" b="q\"uote\\" c="\x1b[2J" d="" e="k=v" f="\xff")");
}

TEST_CASE("log: JSON lines parse, whatever the values hold") {
  LogFile file("json");
  log::warning("e",
               {{"a", "x\n\"\x1b\xff"}, {"n", std::int64_t{-5}}, {"b", false}, {"u", std::uint64_t(-1)}});
  REQUIRE(file.lines().size() == 1);
  const auto line = json::parse(file.lines()[0]);
  REQUIRE(line.has_value());
  CHECK(line->text_of("at") == "2023-11-14T22:13:20.123Z");
  CHECK(line->text_of("level") == "WARNING");
  CHECK(line->text_of("event") == "e");
  CHECK(line->text_of("a") == "x\n\"\x1b\xEF\xBF\xBD");
  CHECK(line->integer_of("n") == -5);
  CHECK(line->integer_of("u") == std::numeric_limits<std::int64_t>::max());
  REQUIRE(line->find("b")->as_bool());
  CHECK(!*line->find("b")->as_bool());
}

TEST_CASE("log: a long value is cut at a character") {
  LogFile file;
  std::string text;
  while (text.size() < 5000) text += "ä";
  log::info("e", {{"v", text}});
  const std::string line = file.lines().at(0);
  CHECK(line.size() < 1100);
  CHECK(line.substr(line.size() - 3) == "…");
  CHECK(valid_utf8(line) == line);
}

TEST_CASE("log: what is below the level is not written") {
  LogFile file("text", "warning");
  CHECK(!log::enabled(log::Level::kInfo));
  CHECK(log::enabled(log::Level::kWarning));
  log::debug("a");
  log::info("b");
  log::warning("c");
  log::error("d");
  CHECK(file.lines().size() == 2);
}

TEST_CASE("log: a flood of one event is cut to 20 lines a second and its rest is counted") {
  LogFile file;
  for (int i = 0; i < 57; ++i) log::info("flood", {{"i", i}});
  log::info("other");
  CHECK(file.lines().size() == 21);
  file.clock.since = 1'000'000us;
  log::info("later");
  const auto lines = file.lines();
  REQUIRE(lines.size() == 23);
  CHECK(lines[21].find("WARNING log.suppressed event=flood suppressed=37") != std::string::npos);
  log::info("flood");
  CHECK(file.lines().size() == 24);
}

TEST_CASE("log: what is still suppressed is told at the stop") {
  LogFile file;
  for (int i = 0; i < 22; ++i) log::info("flood");
  log::stop();
  const auto lines = file.lines();
  REQUIRE(lines.size() == 21);
  CHECK(lines.back().find("suppressed=2") != std::string::npos);
}

TEST_CASE("log: a file is rotated by size and no more than the kept ones stay") {
  LogFile file("text", "info", 1, 2);
  const std::string value(1000, 'x');
  for (int i = 0; i < 5000; ++i) log::info("e" + std::to_string(i % 500), {{"v", value}});
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(file.folder)) {
    ++files;
    CHECK(entry.file_size() <= 1024 * 1024);
  }
  CHECK(files == 3);
}

TEST_CASE("log: lines of several threads stay whole") {
  LogFile file;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 20; ++i)
        log::info("thread." + std::to_string(t), {{"value", std::string(200, 'v')}});
    });
  }
  for (auto& thread : threads) thread.join();
  const auto lines = file.lines();
  CHECK(lines.size() == 80);
  for (const auto& line : lines)
    CHECK(line.size() == std::string("2023-11-14T22:13:20.123Z INFO thread.0 value=").size() + 200);
}

TEST_CASE("log: a file that cannot be opened is an error, and the old log stays open") {
  LogFile file;
  log::LogOptions bad;
  bad.file = "/proc/nowhere/t.log";
  const auto started = log::start(bad);
  REQUIRE(!started.has_value());
  CHECK(started.error().kind == ErrorKind::kStorage);
  log::info("still.here");
  CHECK(file.lines().size() == 1);
}

TEST_CASE("rate limiter: names beyond its limit share one allowance") {
  log::RateLimiter limiter(2, 3);
  const SteadyTime now(5s);
  int admitted = 0;
  for (int i = 0; i < 50; ++i) admitted += limiter.admit("made.up." + std::to_string(i), now) ? 1 : 0;
  CHECK(admitted == 3 + 2);
  CHECK(limiter.take_suppressed(now).empty());
  const auto taken = limiter.take_suppressed(now + 1s);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0] == std::pair<std::string, std::int64_t>("others", 45));
}

TEST_CASE("printable: what could steer a terminal is made visible, letters of all languages stay") {
  CHECK(printable("Grüße 日本 €") == "Grüße 日本 €");
  CHECK(printable("a\tb\r\n") == "a\\tb\\r\\n");
  CHECK(printable("\x1b]0;x\x07") == "\\x1b]0;x\\x07");
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\x9b31m");
  CHECK(printable("\xe2\x80\xae"
                  "evil") == "\\u{202e}evil");
  CHECK(printable("\xc0\xaf\xed\xa0\x80") == "\\xc0\\xaf\\xed\\xa0\\x80");
  CHECK(printable("abcdef", 3) == "abc…");
  CHECK(columns_of("Grüße") == 5);
}
