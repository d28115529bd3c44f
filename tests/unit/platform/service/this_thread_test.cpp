#include "platform/service/this_thread.h"

#include <doctest/doctest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <thread>

using namespace tillsync;

namespace {

int nice_of_this_thread() {
  return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)));
}

}  // namespace

TEST_CASE("this thread: a thread that gives way is nicer than the others, and they stay as they are") {
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

TEST_CASE("this thread: its name is its own") {
  const auto name = [] {
    char buffer[16] = {};
    ::pthread_getname_np(::pthread_self(), buffer, sizeof buffer);
    return std::string(buffer);
  };
  const std::string before = name();
  std::string named;
  std::thread([&] {
    name_this_thread("journal");
    named = name();
  }).join();
  CHECK(named == "journal");
  CHECK(name() == before);
}
