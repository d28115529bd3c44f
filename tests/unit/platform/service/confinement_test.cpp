#include "platform/service/confinement.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

using namespace tillsync;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;

/// What `act` returns in a process of its own, which it may confine.
template <class Act>
int in_another_process(Act act) {
  std::fflush(nullptr);  // or the other process may write it as well
  const pid_t process = ::fork();
  if (process == 0) ::_exit(act());
  int status = 0;
  REQUIRE(::waitpid(process, &status, 0) == process);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool can_map(std::size_t bytes) {
  return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

}  // namespace

TEST_CASE("confinement: no file and no socket is opened any more, and what is open stays so") {
  CHECK(in_another_process([] {
          int ends[2];
          if (::pipe(ends) != 0) return 1;
          if (!confine_this_process(64 * kMiB)) return 2;
          if (::open("/dev/null", O_RDONLY) >= 0 || errno != EMFILE) return 3;
          if (::socket(AF_INET, SOCK_STREAM, 0) >= 0) return 4;
          char byte = 'x';
          return ::write(ends[1], &byte, 1) == 1 && ::read(ends[0], &byte, 1) == 1 ? 0 : 5;
        }) == 0);
}

TEST_CASE("confinement: memory beyond what is allowed is not there") {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(in_another_process([] {
          if (!can_map(256 * kMiB)) return 1;
          if (!confine_this_process(64 * kMiB)) return 2;
          if (can_map(65 * kMiB)) return 3;
          return can_map(32 * kMiB) ? 0 : 4;
        }) == 0);
#endif
}

TEST_CASE("confinement: where the machine runs out of memory it goes first") {
  CHECK(in_another_process([] {
          const int file = ::open("/proc/self/oom_score_adj", O_RDONLY);
          if (file < 0) return 1;
          if (!confine_this_process(64 * kMiB)) return 2;
          char text[16] = {};
          return ::read(file, text, sizeof text - 1) > 0 && std::strcmp(text, "1000\n") == 0 ? 0 : 3;
        }) == 0);
}

TEST_CASE("confinement: it leaves no core, and ends with who started it") {
  CHECK(in_another_process([] {
          if (!confine_this_process(64 * kMiB)) return 1;
          if (::prctl(PR_GET_DUMPABLE) != 0) return 2;
          int signal = 0;
          return ::prctl(PR_GET_PDEATHSIG, &signal) == 0 && signal == SIGKILL ? 0 : 3;
        }) == 0);
}
