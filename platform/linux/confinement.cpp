#include "platform/service/confinement.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace tillsync {
namespace {

Error failed(const char* what) {
  return {ErrorKind::kUnavailable, "confinement",
          std::string("this process cannot be confined: ") + what + ": " + std::strerror(errno)};
}

/// Sets both limits, so that nothing raises it again; never above what was allowed so far.
bool limit(__rlimit_resource resource, rlim_t most) {
  rlimit now{};
  if (::getrlimit(resource, &now) != 0) return false;
  now.rlim_max = std::min(now.rlim_max, most);  // RLIM_INFINITY is the largest number
  now.rlim_cur = now.rlim_max;
  return ::setrlimit(resource, &now) == 0;
}

// A sanitizer maps terabytes of shadow memory and adds to them: under a limit of address space it cannot run.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/// 0 where the system does not tell.
rlim_t mapped_bytes() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "re"),
                                                             &std::fclose);
  unsigned long long pages = 0;
  if (!file || std::fscanf(file.get(), "%llu", &pages) != 1) return 0;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

bool limit_memory(std::size_t bytes) {
  const rlim_t now = mapped_bytes();
  return now > 0 && limit(RLIMIT_AS, now + std::min<rlim_t>(bytes, RLIM_INFINITY - now));
}
#else
bool limit_memory(std::size_t) {
  return true;
}
#endif

void go_first_when_memory_runs_out() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/oom_score_adj", "we"),
                                                             &std::fclose);
  if (file) std::fputs("1000", file.get());
}

}  // namespace

Result<void> confine_this_process(std::size_t memory_bytes) {
  go_first_when_memory_runs_out();  // needs a file: before the limits
  if (!limit_memory(memory_bytes)) return failed("limiting its memory");
  // Zero: descriptors that are open stay good, but no number is left for a new one.
  if (!limit(RLIMIT_NOFILE, 0)) return failed("limiting its files");
  // The limit counts where the kernel writes cores to files, the flag also where it pipes them to a
  // collector.
  if (!limit(RLIMIT_CORE, 0) || ::prctl(PR_SET_DUMPABLE, 0) != 0) return failed("forbidding core files");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed("binding it to who started it");
  return ok();
}

}  // namespace tillsync
