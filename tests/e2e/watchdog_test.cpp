// What the service manager goes by: it is told of readiness once the store accepts, fed while the parts that
// a till's answer needs are alive, and not fed when one of them stands still, so that it starts the daemon
// anew.
#include <doctest/doctest.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "tests/e2e/store.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;

namespace {

/// What the manager allows between two feeds; half of it lies between them.
constexpr std::chrono::milliseconds kAllowed{500};

/// The service manager's end of sd_notify(3).
class Manager {
 public:
  explicit Manager(const std::string& path) : path_(path), socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  }
  ~Manager() { ::close(socket_); }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  std::map<std::string, std::string> env() const {
    return {{"NOTIFY_SOCKET", path_}, {"WATCHDOG_USEC", std::to_string(kAllowed.count() * 1000)}};
  }
  /// The next message, "" where none comes in time.
  std::string next(std::chrono::milliseconds patience) {
    const timeval limit{patience.count() / 1000, patience.count() % 1000 * 1000};
    REQUIRE(::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
    char text[1024];
    const ssize_t bytes = ::recv(socket_, text, sizeof(text), 0);
    return bytes < 0 ? "" : std::string(text, static_cast<std::size_t>(bytes));
  }
  bool is_fed() { return next(20 * kAllowed) == "WATCHDOG=1"; }

 private:
  std::string path_;
  int socket_;
};

/// One thread of another process, standing still while the object lives (ptrace(2)); the others go on.
class StoppedThread {
 public:
  explicit StoppedThread(pid_t thread) : thread_(thread) {
    REQUIRE(::ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) == 0);
    REQUIRE(::ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) == 0);
    int status = 0;
    REQUIRE(::waitpid(thread_, &status, __WALL) == thread_);
    REQUIRE(WIFSTOPPED(status));
  }
  ~StoppedThread() { ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr); }
  StoppedThread(const StoppedThread&) = delete;
  StoppedThread& operator=(const StoppedThread&) = delete;

 private:
  pid_t thread_;
};

pid_t thread_named(pid_t process, const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
    if (file_text(task.path().string() + "/comm") == name + "\n")
      return std::stoi(task.path().filename().string());
  }
  throw std::runtime_error("the daemon has no thread " + name);
}

}  // namespace

TEST_CASE("watchdog: fed while the event loop and the journal thread live, and not while one stands still") {
  TempDir dir;
  Manager manager(dir.file("notify.sock"));
  StoreOptions options;
  options.env = manager.env();
  Store store(options);
  store.start();
  std::string first = manager.next(20 * kAllowed);
  if (first == "WATCHDOG=1") first = manager.next(20 * kAllowed);
  CHECK(first == "READY=1");

  const pid_t process = store.daemon().pid();
  for (const pid_t thread : {thread_named(process, "journal"), process}) {
    CAPTURE(thread == process);
    for (int i = 0; i < 3; ++i) REQUIRE(manager.is_fed());
    {
      const StoppedThread stopped(thread);
      // One feed may have been on its way.
      const std::string last = manager.next(kAllowed);
      const bool only_feeds = last.empty() || last == "WATCHDOG=1";
      CHECK(only_feeds);
      CHECK(manager.next(3 * kAllowed) == "");
    }
    CHECK(manager.is_fed());
  }
  const auto posted = store.post(simple_sale("W-1"));
  REQUIRE(posted.has_value());
  CHECK(posted->status == 201);
  CHECK(store.stop() == 0);
}
