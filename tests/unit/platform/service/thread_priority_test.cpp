#include "platform/service/thread_priority.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

using namespace tillsync;

namespace {

int nice_of_this_thread() {
  return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)));
}

}  // namespace

TEST_CASE("thread priority: a thread that gives way is nicer than the others, and they stay as they are") {
  const int before = nice_of_this_thread();
  int nicer = 0, policy = 0;
  std::thread([&] {
    give_way_to_other_threads();
    nicer = nice_of_this_thread();
    policy = ::sched_getscheduler(0);
  }).join();
  CHECK((nicer > before || before == 19));
  CHECK(policy == SCHED_BATCH);
  CHECK(nice_of_this_thread() == before);
}
