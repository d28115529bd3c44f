#include "platform/service/this_thread.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace tillsync {
namespace {

constexpr int kNicer = 10;  ///< a weight of 110 against 1,024 (sched(7))
constexpr int kNiceMax = 19;

}  // namespace

void name_this_thread(const char* name) {
  static_cast<void>(::pthread_setname_np(::pthread_self(), name));
}

// On Linux a nice value is a thread's own, whatever POSIX says. SCHED_BATCH: it never preempts who runs.
void give_way_to_other_threads() {
  const auto self = static_cast<id_t>(::syscall(SYS_gettid));
  const int nice = ::getpriority(PRIO_PROCESS, self);
  static_cast<void>(::setpriority(PRIO_PROCESS, self, std::min(nice + kNicer, kNiceMax)));
  const sched_param none{};
  static_cast<void>(::sched_setscheduler(static_cast<pid_t>(self), SCHED_BATCH, &none));
}

}  // namespace tillsync
