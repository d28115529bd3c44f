#include "platform/service/folder_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "platform/linux/handle.h"

namespace tillsync {

struct FolderWatch::Impl {
  Impl(int stopped_descriptor, int events_descriptor)
      : stopped(stopped_descriptor), events(events_descriptor) {}
  const Handle stopped;  ///< an eventfd, readable for ever once it was written
  const Handle events;   ///< an inotify instance; -1 where there was none left
  int watched = -1;
};

FolderWatch::FolderWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FolderWatch::~FolderWatch() = default;

Result<std::unique_ptr<FolderWatch>> FolderWatch::open() {
  const int stopped = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stopped < 0) {
    return Error{ErrorKind::kUnavailable, "no-watch",
                 std::string("cannot wait for a folder: ") + std::strerror(errno)};
  }
  const int events = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  return std::unique_ptr<FolderWatch>(new FolderWatch(std::make_unique<Impl>(stopped, events)));
}

bool FolderWatch::watch(const std::string& folder) {
  if (impl_->events.get() < 0) return false;
  const int watched =
      ::inotify_add_watch(impl_->events.get(), folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
  if (impl_->watched >= 0 && watched != impl_->watched)
    static_cast<void>(::inotify_rm_watch(impl_->events.get(), impl_->watched));
  impl_->watched = watched;
  return watched >= 0;
}

FolderWatch::Woken FolderWatch::wait(std::chrono::milliseconds at_most) {
  constexpr std::chrono::milliseconds kWaitMax{3'600'000};
  const auto timeout = static_cast<int>(std::clamp(at_most, std::chrono::milliseconds(0), kWaitMax).count());
  std::array<pollfd, 2> waiting{
      {{impl_->stopped.get(), POLLIN, 0}, {impl_->events.get(), POLLIN, 0}}};        // -1 is passed over
  if (::poll(waiting.data(), waiting.size(), timeout) <= 0) return Woken::kTimeout;  // a signal: a short wait
  if (waiting[0].revents != 0) return Woken::kStopped;
  alignas(inotify_event) std::array<char, 16 * 1024> events;
  while (::read(impl_->events.get(), events.data(), events.size()) > 0) {
  }
  return Woken::kHint;
}

void FolderWatch::stop() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(impl_->stopped.get(), &one, sizeof one));
}

}  // namespace tillsync
