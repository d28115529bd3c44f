#include "platform/service/service_host.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "platform/linux/handle.h"
#include "platform/service/reloading.h"

namespace tillsync {
namespace {

std::string reason(int number) {
  return std::strerror(number);
}

Error storage(const std::string& what, const std::string& path) {
  return {ErrorKind::kStorage, "file",
          what + " " + path + ": " + reason(errno) + "; check the path and the rights on it"};
}

Error unheard() {
  return {ErrorKind::kUnavailable, "service-manager", "the service manager was not told: " + reason(errno)};
}

// sd_notify(3): one datagram to the socket in NOTIFY_SOCKET; a leading @ means the abstract namespace
// (unix(7)).
Result<void> notify(const std::string& message) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return ok();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@')) {
    return Error{ErrorKind::kUnavailable, "service-manager",
                 "NOTIFY_SOCKET names no socket that can be reached"};
  }
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const Handle socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return unheard();
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  ssize_t sent = 0;
  do {
    sent = ::sendto(socket.get(), message.data(), message.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&address), bytes);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return unheard();
  return ok();
}

std::optional<std::int64_t> integer_from(const char* text) {
  if (text == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [at, fault] = std::from_chars(text, end, value);
  if (fault != std::errc() || at != end || at == text) return std::nullopt;
  return value;
}

std::string holder_of(int handle) {
  char text[32] = {};
  const ssize_t bytes = ::pread(handle, text, sizeof(text) - 1, 0);
  for (ssize_t i = 0; i < bytes; ++i) {
    if (text[i] == '\n') text[i] = '\0';
  }
  const auto pid = bytes > 0 ? integer_from(text) : std::nullopt;
  return pid ? "process " + std::to_string(*pid) : std::string("another process");
}

int descriptor_of(Stream stream) {
  return stream == Stream::kInput ? STDIN_FILENO : stream == Stream::kOutput ? STDOUT_FILENO : STDERR_FILENO;
}

// Async-signal-safe: a flag, and a byte into a pipe that wait_for() polls (the self-pipe trick; no lost
// wake-up).
std::atomic<bool> interrupt_came{false};
int interrupt_pipe[2] = {-1, -1};

void on_interrupt(int) {
  const int before = errno;
  interrupt_came = true;
  const char byte = 0;
  if (::write(interrupt_pipe[1], &byte, 1) < 0) {
    // A full pipe already wakes the waiter.
  }
  errno = before;
}

}  // namespace

int run_hosted(const std::function<int()>& body) {
  return body();
}

void note_to_system_log(Notice, std::string_view) {}

Result<void> notify_ready() {
  return notify("READY=1");
}
Result<void> notify_reloading() {
  // With Type=notify-reload (systemd 253) the time tells this reload from an earlier one.
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t usec = static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
  return notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec));
}
Result<void> notify_stopping() {
  return notify("STOPPING=1");
}
Result<void> notify_watchdog() {
  return notify("WATCHDOG=1");
}

Result<void> notify_status(std::string_view text) {
  std::string message = "STATUS=" + std::string(text.substr(0, 512));
  for (char& c : message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return notify(message);
}

std::optional<std::chrono::milliseconds> watchdog_interval() {
  const auto allowed = integer_from(std::getenv("WATCHDOG_USEC"));
  if (!allowed || *allowed <= 0) return std::nullopt;
  const char* meant = std::getenv("WATCHDOG_PID");
  if (meant != nullptr && integer_from(meant) != process_id()) return std::nullopt;
  return std::max(std::chrono::milliseconds(1), std::chrono::duration_cast<std::chrono::milliseconds>(
                                                    std::chrono::microseconds(*allowed / 2)));
}

bool is_terminal(Stream stream) {
  return ::isatty(descriptor_of(stream)) == 1;
}

std::size_t terminal_width() {
  constexpr std::size_t kUsual = 80;
  for (const int descriptor : {STDERR_FILENO, STDOUT_FILENO}) {
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return kUsual;
}

void catch_interrupts() {
  if (interrupt_pipe[0] >= 0 || ::pipe2(interrupt_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return;
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() {
  return interrupt_came;
}

void wait_for(std::chrono::milliseconds time) {
  if (interrupted()) return;
  const auto until = std::chrono::steady_clock::now() + time;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return;
    pollfd waited{interrupt_pipe[0], POLLIN, 0};
    const int step = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    const int came = ::poll(&waited, interrupt_pipe[0] >= 0 ? 1 : 0, step);
    if (came > 0 || interrupted()) return;
  }
}

std::int64_t process_id() {
  return ::getpid();
}

std::string user_name() {
  for (const char* name : {"USER", "LOGNAME"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  // Under a service manager or in a container the environment may not say.
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return entry.pw_name;
  return "uid " + std::to_string(::geteuid());
}

std::uint64_t raise_open_files_max(std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{std::min<rlim_t>(wanted, limit.rlim_max), limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  }
  return limit.rlim_cur;
}

void keep_files_private() {
  ::umask(S_IWGRP | S_IRWXO);
}

Result<void> fsync_directory(const std::string& path) {
  const Handle folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return storage("cannot open the folder", path);
  if (::fsync(folder.get()) != 0) return storage("cannot make durable the folder", path);
  return ok();
}

Result<void> fsync_file(const std::string& path) {
  const Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return storage("cannot open", path);
  if (::fsync(file.get()) != 0) return storage("cannot make durable", path);
  return ok();
}

Result<std::uint64_t> free_bytes(const std::string& path) {
  struct statvfs facts {};
  if (::statvfs(path.c_str(), &facts) != 0) return storage("cannot read the free space at", path);
  return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
}

Result<FileLock> FileLock::acquire(const std::string& path) {
  Handle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (file.get() < 0) return storage("cannot open the lock file", path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return storage("cannot lock", path);
    return Error{ErrorKind::kUnavailable, "locked",
                 path + " is held by " + holder_of(file.get()) +
                     "; stop that one first, or give this one a folder of its own"};
  }
  const std::string pid = std::to_string(process_id()) + "\n";
  // Written over, then cut: on a full disk a file cut first might not get its block back.
  if (::pwrite(file.get(), pid.data(), pid.size(), 0) < 0 ||
      ::ftruncate(file.get(), static_cast<off_t>(pid.size())) != 0) {
    return storage("cannot write the lock file", path);
  }
  return FileLock(file.release());
}

FileLock::~FileLock() {
  // The file stays: removing it would let two holders lock two files of one name.
  if (handle_ >= 0) ::close(handle_);
}
FileLock::FileLock(FileLock&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

}  // namespace tillsync
