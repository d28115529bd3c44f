#include "platform/service/child_process.h"

#include <doctest/doctest.h>

#include <future>
#include <string>

using namespace tillsync;
using namespace std::chrono_literals;

namespace {

ChildProcess::Deadline in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

ChildProcess command(const std::string& line, const std::vector<std::string>& environment = {}) {
  auto started = ChildProcess::start({"C:\\windows\\system32\\cmd.exe", "/c", line}, environment);
  REQUIRE_MESSAGE(started.has_value(), started.error().detail);
  return std::move(*started);
}

std::string said_by(ChildProcess child) {
  std::string all;
  char byte = 0;
  while (child.receive(&byte, 1, in(20s))) all += byte;
  return all;
}

}  // namespace

TEST_CASE("child process on Windows: it has its environment, and none of our variables") {
  ::_putenv("TILLSYNC_TEST_SECRET=hush");
  const auto said = said_by(command("set", {"ONLY=this"}));
  ::_putenv("TILLSYNC_TEST_SECRET=");
  CHECK(said.find("ONLY=this") != std::string::npos);
  CHECK(said.find("hush") == std::string::npos);
}

TEST_CASE("child process on Windows: its end is told, and sending to it then is an error") {
  auto left = command("exit 7");
  char byte = 0;
  const auto nothing = left.receive(&byte, 1, in(20s));
  REQUIRE(!nothing.has_value());
  CHECK(nothing.error().code == "process-ended");
  CHECK(!left.is_quiet());
  const auto sent = left.send("anybody?", in(20s));
  REQUIRE(!sent.has_value());
  CHECK(sent.error().code == "process-ended");
  CHECK(left.end() == "exit status 7");
  CHECK(left.end().empty());
}

TEST_CASE("child process on Windows: one that neither reads nor writes costs the time allowed, and no more") {
  auto child = command("pause");
  char byte = 0;
  while (child.receive(&byte, 1, in(500ms))) {
  }
  const auto begun = std::chrono::steady_clock::now();
  const auto sent = child.send(std::string(16 * 1024 * 1024, 'x'), in(100ms));
  CHECK(!sent.has_value());
  CHECK(std::chrono::steady_clock::now() - begun < 20s);
  CHECK_FALSE(child.end().empty());
}

TEST_CASE("child process on Windows: an interrupt ends the wait of another thread, and every later one") {
  auto child = command("pause");
  char byte = 0;
  while (child.receive(&byte, 1, in(500ms))) {
  }
  auto waiting = std::async(std::launch::async, [&] { return child.receive(&byte, 1, in(600s)); });
  child.interrupt();
  const auto received = waiting.get();
  REQUIRE(!received.has_value());
  CHECK(received.error().code == "process-ended");
  CHECK(!child.receive(&byte, 1, in(600s)).has_value());
}

TEST_CASE("child process on Windows: a program that is not there cannot be started") {
  const auto started = ChildProcess::start({"C:\\nowhere\\program.exe"}, {});
  REQUIRE(!started.has_value());
  CHECK(started.error().kind == ErrorKind::kUnavailable);
  CHECK(started.error().detail.find("program.exe") != std::string::npos);
  CHECK(!ChildProcess::start({}, {}).has_value());
}

TEST_CASE("child process on Windows: this very program can be started again") {
  auto again = ChildProcess::start({own_program(), "--version"}, {});
  REQUIRE(again.has_value());
  CHECK(said_by(std::move(*again)).find("2.4") != std::string::npos);
}
