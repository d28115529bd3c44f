#include "tests/torture/sandbox.h"

#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace tillsync::testing {
namespace {

std::string missing = "enter_sandbox() was not called";

std::string refused(const char* what) {
  return fmt::format(
      "{}: {}; run the tests as root, or let users make namespaces "
      "(sysctl kernel.unprivileged_userns_clone=1, or a container with CAP_SYS_ADMIN)",
      what, std::strerror(errno));
}

void write_file(const char* path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string loopback_up() {
  const int handle = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = handle >= 0 && ::ioctl(handle, SIOCSIFFLAGS, &request) == 0;
  const std::string why = up ? "" : refused("no loopback in a network of its own");
  ::close(handle);
  return why;
}

}  // namespace

void enter_sandbox() {
  missing.clear();
  const auto user = ::getuid();
  const auto group = ::getgid();
  const bool root = ::geteuid() == 0;
  if (::unshare(root ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    missing = refused("no namespace for mounts");
    return;
  }
  if (!root) {
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", fmt::format("0 {} 1", user));
    write_file("/proc/self/gid_map", fmt::format("0 {} 1", group));
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    missing = refused("mounts cannot be kept private");
}

const std::string& sandbox_missing() {
  return missing;
}

void mount_small_disk(const std::string& folder, std::int64_t bytes) {
  if (!missing.empty()) throw std::runtime_error(missing);
  const auto options = fmt::format("size={},mode=0750", bytes);
  if (::mount("tillsync-test", folder.c_str(), "tmpfs", 0, options.c_str()) != 0)
    throw std::runtime_error(refused("no small disk can be mounted"));
}

std::string in_own_network(const std::function<void()>& work) {
  if (!missing.empty()) return missing;
  std::string why;
  std::exception_ptr failure;
  std::thread thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      why = refused("no namespace for a network");
      return;
    }
    why = loopback_up();
    if (!why.empty()) return;
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
  });
  thread.join();
  if (failure) std::rethrow_exception(failure);
  return why;
}

std::uint64_t raise_descriptor_limit(std::uint64_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  rlimit higher{wanted, std::max<rlim_t>(wanted, limit.rlim_max)};
  if (::setrlimit(RLIMIT_NOFILE, &higher) != 0) {  // no right to go beyond the hard limit
    higher = {std::min<rlim_t>(wanted, limit.rlim_max), limit.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &higher);
  }
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace tillsync::testing
