#include "platform/service/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "platform/linux/handle.h"

namespace tillsync {
namespace {

/// What posix_spawn(3) does between fork and exec.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  /// Standard input and output are `socket`, standard error is lost, all else is closed.
  int descriptors(int socket) {
    int fault = ::posix_spawn_file_actions_adddup2(&actions_, socket, STDIN_FILENO);
    if (fault == 0) fault = ::posix_spawn_file_actions_adddup2(&actions_, socket, STDOUT_FILENO);
    if (fault == 0)
      fault = ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (fault == 0) fault = ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    return fault;
  }

  /// Interrupts are blocked rather than ignored: so there is no moment, early in the child, in which one
  /// hits.
  int signals() {
    sigset_t blocked, defaults;
    ::sigemptyset(&blocked);
    for (const int interrupt : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::sigaddset(&blocked, interrupt);
    ::sigfillset(&defaults);
    int fault = ::posix_spawnattr_setsigmask(&attributes_, &blocked);
    if (fault == 0) fault = ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
    if (fault == 0)
      fault = ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return fault;
  }

  int spawn(pid_t& process, char* const* argv, char* const* environment) const {
    return ::posix_spawn(&process, argv[0], &actions_, &attributes_, argv, environment);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// As exec(3) wants it: it does not write to them, whatever its types say.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

Error cannot_start(const std::vector<std::string>& argv, int number) {
  return {ErrorKind::kUnavailable, "process",
          "cannot start " + (argv.empty() ? std::string("no program") : argv.front()) + ": " +
              std::strerror(number)};
}

Error ended() {
  return {ErrorKind::kUnavailable, "process-ended", "the process has ended, or closed its input or output"};
}

Result<void> wait_until_ready(int socket, short event, ChildProcess::Deadline deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return Error{ErrorKind::kTimeout, "process-timeout", "the process did not go on in time"};
    }
    pollfd waited{socket, event, 0};
    const int came = ::poll(&waited, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (came > 0) return ok();  // an end shows in what is done next
    if (came < 0 && errno != EINTR) return ended();
  }
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

}  // namespace

struct ChildProcess::Impl {
  int socket = -1;
  int process = -1;
};

// Its target's name would be wrong once the file has been replaced ("... (deleted)"), or would start another
// version.
std::string own_program() {
  return "/proc/self/exe";
}

std::string program_file() {
  std::error_code fault;
  return std::filesystem::read_symlink("/proc/self/exe", fault).string();
}

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& argv,
                                         const std::vector<std::string>& environment) {
  if (argv.empty()) return cannot_start(argv, EINVAL);
  // A socket and no pipes: writing to a pipe whose reader has died raises SIGPIPE, which would have to be
  // held off in the whole process; and one descriptor serves both ways.
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return cannot_start(argv, errno);
  Handle ours(ends[0]);
  const Handle theirs(ends[1]);
  SpawnPlan plan;
  pid_t process = -1;
  int fault = plan.descriptors(theirs.get());
  if (fault == 0) fault = plan.signals();
  if (fault == 0) fault = plan.spawn(process, pointers(argv).data(), pointers(environment).data());
  if (fault != 0) return cannot_start(argv, fault);
  return ChildProcess(std::make_unique<Impl>(Impl{ours.release(), process}));
}

ChildProcess::ChildProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChildProcess::~ChildProcess() {
  end();
}
ChildProcess::ChildProcess(ChildProcess&& other) noexcept = default;
ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Result<void> ChildProcess::send(std::string_view bytes, Deadline deadline) {
  if (impl_ == nullptr) return ended();
  while (!bytes.empty()) {
    const ssize_t sent = ::send(impl_->socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (sent < 0 && would_block()) {
      if (auto ready = wait_until_ready(impl_->socket, POLLOUT, deadline); !ready) return ready;
    } else if (errno != EINTR) {
      return ended();
    }
  }
  return ok();
}

Result<void> ChildProcess::receive(char* into, std::size_t bytes, Deadline deadline) {
  if (impl_ == nullptr) return ended();
  while (bytes > 0) {
    const ssize_t came = ::recv(impl_->socket, into, bytes, MSG_DONTWAIT);
    if (came > 0) {
      into += came;
      bytes -= static_cast<std::size_t>(came);
    } else if (came < 0 && would_block()) {
      if (auto ready = wait_until_ready(impl_->socket, POLLIN, deadline); !ready) return ready;
    } else if (came == 0 || errno != EINTR) {
      return ended();
    }
  }
  return ok();
}

bool ChildProcess::is_quiet() const {
  if (impl_ == nullptr || impl_->socket < 0) return false;
  pollfd looked{impl_->socket, POLLIN, 0};
  return ::poll(&looked, 1, 0) == 0;
}

void ChildProcess::interrupt() {
  if (impl_ != nullptr && impl_->socket >= 0) ::shutdown(impl_->socket, SHUT_RDWR);
}

std::string ChildProcess::end() {
  if (impl_ == nullptr || impl_->process < 0) return {};
  // Where it has ended by itself this changes nothing: its process stays as it ended until it is waited for.
  ::kill(impl_->process, SIGKILL);
  int status = 0;
  while (::waitpid(impl_->process, &status, 0) < 0 && errno == EINTR) {
  }
  impl_->process = -1;
  ::close(std::exchange(impl_->socket, -1));
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                             : "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace tillsync
