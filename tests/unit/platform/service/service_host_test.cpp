#include "platform/service/service_host.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>

using namespace tillsync;
using namespace std::chrono_literals;

namespace {

struct Folder {
  Folder()
      : path(std::filesystem::temp_directory_path() /
             ("tillsync_host_" + std::to_string(std::random_device{}()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

/// What a service manager listens on; `name` with a leading @ is abstract.
struct Manager {
  explicit Manager(const std::string& name) : socket(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), bytes) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(socket);
  }
  std::string heard() const {
    char text[1024];
    const ssize_t bytes = ::recv(socket, text, sizeof text, MSG_DONTWAIT);
    return bytes < 0 ? "" : std::string(text, static_cast<std::size_t>(bytes));
  }
  int socket;
};

}  // namespace

TEST_CASE("service manager: it hears readiness, status, watchdog and stop, by path and by abstract name") {
  const Folder folder;
  for (const std::string& name :
       {(folder.path / "n.sock").string(), "@tillsync-test-" + folder.path.filename().string()}) {
    const Manager manager(name);
    REQUIRE(notify_ready().has_value());
    CHECK(manager.heard() == "READY=1");
    REQUIRE(notify_status("2 owed\nX=1").has_value());
    CHECK(manager.heard() == "STATUS=2 owed X=1");
    REQUIRE(notify_watchdog().has_value());
    CHECK(manager.heard() == "WATCHDOG=1");
    REQUIRE(notify_stopping().has_value());
    CHECK(manager.heard() == "STOPPING=1");
  }
}

TEST_CASE("service manager: without one nothing happens, and a dead one is an error") {
  ::unsetenv("NOTIFY_SOCKET");
  CHECK(notify_ready().has_value());
  ::setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
  const auto told = notify_ready();
  ::unsetenv("NOTIFY_SOCKET");
  REQUIRE(!told.has_value());
  CHECK(told.error().kind == ErrorKind::kUnavailable);
}

TEST_CASE("watchdog: half of what is allowed, for this process alone") {
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
  CHECK(!watchdog_interval().has_value());
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  CHECK(watchdog_interval() == 15s);
  ::setenv("WATCHDOG_PID", std::to_string(process_id()).c_str(), 1);
  CHECK(watchdog_interval() == 15s);
  ::setenv("WATCHDOG_PID", "1", 1);
  CHECK(!watchdog_interval().has_value());
  ::unsetenv("WATCHDOG_PID");
  ::setenv("WATCHDOG_USEC", "soon", 1);
  CHECK(!watchdog_interval().has_value());
  ::unsetenv("WATCHDOG_USEC");
}

TEST_CASE("file lock: a second holder is refused with the first one's process id, until the first lets go") {
  const Folder folder;
  const std::string path = (folder.path / "lock").string();
  {
    const auto first = FileLock::acquire(path);
    REQUIRE(first.has_value());
    const auto second = FileLock::acquire(path);
    REQUIRE(!second.has_value());
    CHECK(second.error().kind == ErrorKind::kUnavailable);
    CHECK(second.error().code == "locked");
    CHECK(second.error().detail.find("process " + std::to_string(process_id())) != std::string::npos);
  }
  CHECK(FileLock::acquire(path).has_value());
}

TEST_CASE("file lock: a folder that is not there is a storage error") {
  const auto lock = FileLock::acquire("/nonexistent/lock");
  REQUIRE(!lock.has_value());
  CHECK(lock.error().kind == ErrorKind::kStorage);
}

TEST_CASE("disk: folders can be made durable and their free space read") {
  const Folder folder;
  CHECK(fsync_directory(folder.path.string()).has_value());
  CHECK(!fsync_directory((folder.path / "none").string()).has_value());
  const auto free = free_bytes(folder.path.string());
  REQUIRE(free.has_value());
  CHECK(*free > 0);
  CHECK(!free_bytes("/nonexistent").has_value());
}
