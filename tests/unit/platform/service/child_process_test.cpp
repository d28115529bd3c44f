#include "platform/service/child_process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <string>
#include <thread>

using namespace tillsync;
using namespace std::chrono_literals;

namespace {

ChildProcess::Deadline in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

ChildProcess shell(const std::string& script, const std::vector<std::string>& environment = {}) {
  auto started = ChildProcess::start({"/bin/sh", "-c", script}, environment);
  REQUIRE(started.has_value());
  return std::move(*started);
}

/// What the child writes until it ends.
std::string said_by(ChildProcess child) {
  std::string all;
  char byte = 0;
  while (child.receive(&byte, 1, in(20s))) all += byte;
  return all;
}

}  // namespace

TEST_CASE("child process: bytes go there and back, more than fit on the way at once") {
  auto child = shell("exec cat");
  std::string sent(8 * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 + i / 7'919);
  std::string back(sent.size(), '\0');
  auto received =
      std::async(std::launch::async, [&] { return child.receive(back.data(), back.size(), in(60s)); });
  REQUIRE(child.send(sent, in(60s)).has_value());
  REQUIRE(received.get().has_value());
  CHECK(back == sent);
  CHECK(child.is_quiet());
}

TEST_CASE("child process: it has its environment, and none of our variables and descriptors") {
  ::setenv("TILLSYNC_TEST_SECRET", "hush", 1);
  const int null = ::open("/dev/null", O_RDONLY);
  const int ours = ::fcntl(null, F_DUPFD, 100);  // inherited, were it not closed
  REQUIRE(ours >= 100);
  const auto said =
      said_by(shell("echo $ONLY ${TILLSYNC_TEST_SECRET-none}; echo /proc/$$/fd/1??; readlink /proc/$$/fd/2",
                    {"ONLY=this", "PATH=/usr/bin:/bin"}));
  ::close(ours);
  ::close(null);
  ::unsetenv("TILLSYNC_TEST_SECRET");
  const auto first_end = said.find('\n'), second_end = said.find('\n', first_end + 1);
  CHECK(said.substr(0, first_end) == "this none");
  CHECK(said.substr(0, second_end).ends_with("/fd/1??"));  // as written: there is none
  CHECK(said.substr(second_end + 1) == "/dev/null\n");
}

TEST_CASE("child process: interrupts do not reach it, and its end is told") {
  CHECK(said_by(shell("kill -TERM $$; kill -INT $$; echo alive")) == "alive\n");
  auto left = shell("exit 7");
  char byte = 0;
  const auto nothing = left.receive(&byte, 1, in(20s));
  REQUIRE(!nothing.has_value());
  CHECK(nothing.error().code == "process-ended");
  CHECK(!left.is_quiet());
  CHECK(left.end() == "exit status 7");
  CHECK(left.end().empty());
  auto killed = shell("kill -KILL $$");
  CHECK(!killed.receive(&byte, 1, in(20s)).has_value());
  CHECK(killed.end() == "signal 9");
}

TEST_CASE("child process: sending to one that has ended is an error and no signal") {
  auto child = shell("exit 0");
  char byte = 0;
  REQUIRE(!child.receive(&byte, 1, in(20s)).has_value());
  const auto sent = child.send("anybody?", in(20s));
  REQUIRE(!sent.has_value());
  CHECK(sent.error().code == "process-ended");
}

TEST_CASE("child process: one that neither reads nor writes costs the time allowed, and no more") {
  auto child = shell("exec sleep 600");
  const auto begun = std::chrono::steady_clock::now();
  const auto sent = child.send(std::string(16 * 1024 * 1024, 'x'), in(100ms));
  REQUIRE(!sent.has_value());
  CHECK(sent.error().kind == ErrorKind::kTimeout);
  char byte = 0;
  const auto received = child.receive(&byte, 1, in(100ms));
  REQUIRE(!received.has_value());
  CHECK(received.error().kind == ErrorKind::kTimeout);
  CHECK(std::chrono::steady_clock::now() - begun >= 200ms);
  CHECK(child.end() == "signal 9");
}

TEST_CASE("child process: an interrupt ends the wait of another thread") {
  auto child = shell("exec sleep 600");
  auto waiting = std::async(std::launch::async, [&] {
    char byte = 0;
    return child.receive(&byte, 1, in(600s));
  });
  child.interrupt();
  const auto received = waiting.get();
  REQUIRE(!received.has_value());
  CHECK(received.error().code == "process-ended");
}

TEST_CASE("child process: a program that is not there cannot be started") {
  const auto started = ChildProcess::start({"/nonexistent/program"}, {});
  REQUIRE(!started.has_value());
  CHECK(started.error().kind == ErrorKind::kUnavailable);
  CHECK(started.error().detail.find("/nonexistent/program") != std::string::npos);
  CHECK(!ChildProcess::start({}, {}).has_value());
}

TEST_CASE("child process: this very program can be started again") {
  auto again = ChildProcess::start({own_program(), "--version"}, {});
  REQUIRE(again.has_value());
  CHECK(said_by(std::move(*again)).find("doctest version") != std::string::npos);
}
