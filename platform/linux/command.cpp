#include "platform/linux/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "platform/linux/handle.h"

extern char** environ;  // environ(7)

namespace tillsync {
namespace {

constexpr std::size_t kOutputBytesMax = 64 * 1024;

int exit_status(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

/// Reads until the end of the stream; false where the time is up first.
bool read_all(int descriptor, std::string& out, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waited{descriptor, POLLIN, 0};
    const int came = left.count() <= 0 ? 0 : ::poll(&waited, 1, static_cast<int>(left.count()));
    if (came == 0) return false;
    if (came < 0 && errno != EINTR) return true;
    char buffer[4096];
    const ssize_t bytes = came < 0 ? 0 : ::read(descriptor, buffer, sizeof buffer);
    if (bytes == 0 && came > 0) return true;
    if (bytes > 0 && out.size() < kOutputBytesMax) out.append(buffer, static_cast<std::size_t>(bytes));
  }
}

}  // namespace

Result<Ran> run_command(std::vector<std::string> words, std::chrono::milliseconds patience) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Error{ErrorKind::kStorage, "pipe", std::string("cannot make a pipe: ") + std::strerror(errno)};
  const Handle reading(ends[0]);
  Handle writing(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t process = -1;
  const int fault = ::posix_spawnp(&process, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (fault != 0) {
    return Error{ErrorKind::kUnavailable, "no-program",
                 words.front() + " cannot be started: " + std::strerror(fault)};
  }
  ::close(writing.release());
  Ran ran;
  const bool ended = read_all(reading.get(), ran.output, std::chrono::steady_clock::now() + patience);
  if (!ended) ::kill(process, SIGTERM);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (ended) ran.status = exit_status(status);
  return ran;
}

}  // namespace tillsync
