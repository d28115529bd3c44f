// Programs that loop, eat memory or crash, children that end, and a mapper that goes.
#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "platform/jq/mapper.h"
#include "platform/service/memory.h"
#include "tests/unit/platform/jq/worker_process.h"

using namespace tillsync;
using namespace std::chrono_literals;
using jq::Mapper;
using testing::jq_worker;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;
constexpr const char* kEndless = "def f: f; f";

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // no limit of memory, and a sanitizer makes an exit of a crash
#else
constexpr bool kSanitized = false;
#endif

std::string code_of(const Result<std::string>& output) {
  return output ? *output : output.error().code;
}

/// Processes that a thread of this one has started.
std::vector<int> children() {
  std::vector<int> all;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(thread.path() / "children");
    for (int process = 0; file >> process;) all.push_back(process);
  }
  return all;
}

}  // namespace

TEST_CASE("jq: an endless program is ended when its time is up, and the next one runs") {
  Mapper mapper(jq_worker(), {.time = 500ms});
  REQUIRE(code_of(mapper.run_and_wait(".", "1")) == "1");  // the child is there
  const auto timed = [&mapper](const std::string& input) {
    const auto begun = std::chrono::steady_clock::now();
    const auto output = mapper.run_and_wait(kEndless, input);
    const auto took = std::chrono::steady_clock::now() - begun;
    REQUIRE(!output.has_value());
    CHECK(output.error().kind == ErrorKind::kTimeout);
    CHECK(output.error().code == "jq-timeout");
    CHECK(took >= 500ms);
    return took;
  };
  CHECK(timed("null") < 1'000ms);
  CHECK(code_of(mapper.run_and_wait(".", "1")) == "1");
  CHECK(timed('"' + std::string(5 * kMiB, 'x') + '"') < 1'000ms);
  CHECK(children().empty());  // killed and waited for
  CHECK(code_of(mapper.run_and_wait(".", "1")) == "1");
  CHECK(children().size() == 1);
}

TEST_CASE("jq: a program that eats memory ends its own process, and the next one runs") {
  Mapper mapper(jq_worker(), {.time = kSanitized ? 1s : 60s, .memory_bytes = 64 * kMiB});
  REQUIRE(code_of(mapper.run_and_wait(".", "1")) == "1");
  const auto before = resident_bytes();
  for (const std::string program : {"[range(1e9)]", "reduce range(28) as $i (\"x\"; . + .) | length"}) {
    CAPTURE(program);
    const auto output = mapper.run_and_wait(program, "null");
    if (!kSanitized) {
      REQUIRE(!output.has_value());
      CHECK(output.error().kind == ErrorKind::kInvalid);
      CHECK(output.error().code == "jq-ended");
    }
    CHECK(code_of(mapper.run_and_wait(".", "1")) == "1");
  }
  CHECK(*resident_bytes() - *before < static_cast<std::int64_t>(32 * kMiB));
}

TEST_CASE("jq: a program on which libjq crashes ends its own process, and the next one runs") {
  Mapper mapper(jq_worker(), {.time = 60s, .memory_bytes = 1024 * kMiB});
  // So deep a value is freed by a recursion that is as deep.
  const auto output = mapper.run_and_wait("reduce range(2000000) as $i (0; [.]) | 1", "null");
  REQUIRE(!output.has_value());
  CHECK(output.error().code == "jq-ended");
  CHECK((kSanitized || output.error().detail.find("signal 11") != std::string::npos));
  CHECK(code_of(mapper.run_and_wait(".", "1")) == "1");
}

TEST_CASE("jq: a child that was ended from outside costs no run") {
  Mapper mapper(jq_worker());
  for (int round = 0; round < 5; ++round) {
    REQUIRE(code_of(mapper.run_and_wait(".", "1")) == "1");
    const auto running = children();
    REQUIRE(running.size() == 1);
    REQUIRE(::kill(running.front(), SIGKILL) == 0);
  }
  CHECK(code_of(mapper.run_and_wait(".", "1")) == "1");
}

TEST_CASE("jq: no process is started before the first run") {
  const Mapper mapper(jq_worker());
  CHECK(children().empty());
}

TEST_CASE("jq: a child that cannot be started is told as that") {
  const std::vector<std::vector<std::string>> commands{{"/nonexistent/tillsync", "jq-worker"},
                                                       {"/bin/true"},
                                                       {"/bin/cat"},
                                                       {TILLSYNC_PROGRAM, "--version"},
                                                       {}};
  for (const auto& command : commands) {
    Mapper mapper(command);
    for (int round = 0; round < 2; ++round) {
      const auto output = mapper.run_and_wait(".", "1");
      REQUIRE(!output.has_value());
      CHECK(output.error().kind == ErrorKind::kUnavailable);
      CHECK(output.error().code == "jq-start");
    }
  }
}

TEST_CASE("jq: a mapper that goes ends what is under way and answers all that wait") {
  std::vector<std::string> codes;
  const auto begun = std::chrono::steady_clock::now();
  {
    Mapper mapper(jq_worker(), {.time = 600s});
    REQUIRE(code_of(mapper.run_and_wait(".", "1")) == "1");
    for (int n = 0; n < 10; ++n) {
      mapper.run(n == 0 ? kEndless : ".", "1", [&, n](Result<std::string> output) {
        codes.push_back(code_of(output));
        if (n == 5) mapper.run(".", "1", [&](Result<std::string> late) { codes.push_back(code_of(late)); });
      });
    }
  }
  CHECK(codes == std::vector<std::string>(11, "jq-stopped"));
  CHECK(children().empty());
  CHECK(std::chrono::steady_clock::now() - begun < 60s);
}

TEST_CASE("jq: beyond the number that may wait runs are refused, by the mapper's own thread") {
  std::promise<void> under_way, go_on;
  std::vector<std::string> codes;
  std::thread::id mapper_thread;
  bool elsewhere = false;
  Mapper mapper(jq_worker(), {.waiting_max = 2});
  mapper.run(".", "0", [&](Result<std::string> output) {
    mapper_thread = std::this_thread::get_id();
    under_way.set_value();
    go_on.get_future().wait();
    codes.push_back(code_of(output));
  });
  under_way.get_future().wait();
  for (int n = 1; n <= 4; ++n) {
    mapper.run(".", std::to_string(n), [&](Result<std::string> output) {
      elsewhere = elsewhere || std::this_thread::get_id() != mapper_thread;
      codes.push_back(code_of(output));
    });
  }
  CHECK(codes.empty());
  go_on.set_value();
  while (code_of(mapper.run_and_wait(".", "\"last\"")) == "jq-busy") {
  }
  CHECK(codes == std::vector<std::string>{"0", "jq-busy", "jq-busy", "1", "2"});
  CHECK(!elsewhere);
}
