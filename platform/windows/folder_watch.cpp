#include "platform/service/folder_watch.h"

#include <algorithm>
#include <array>

#include "platform/windows/file_facts.h"
#include "platform/windows/handle.h"

namespace tillsync {

struct FolderWatch::Impl {
  explicit Impl(HANDLE stop_event) : stopped(stop_event) {}
  ~Impl() { unwatch(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  void unwatch() {
    if (changes != INVALID_HANDLE_VALUE) ::FindCloseChangeNotification(changes);
    changes = INVALID_HANDLE_VALUE;
  }
  const Handle stopped;                   ///< set for ever by stop()
  HANDLE changes = INVALID_HANDLE_VALUE;  ///< of the folder that is watched
  std::uint64_t watched = 0;              ///< which folder that is
};

FolderWatch::FolderWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FolderWatch::~FolderWatch() = default;

Result<std::unique_ptr<FolderWatch>> FolderWatch::open() {
  const HANDLE stopped = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
  if (stopped == nullptr) {
    return Error{ErrorKind::kUnavailable, "no-watch",
                 "cannot wait for a folder: " + words_for(::GetLastError())};
  }
  return std::unique_ptr<FolderWatch>(new FolderWatch(std::make_unique<Impl>(stopped)));
}

bool FolderWatch::watch(const std::string& folder) {
  const auto facts = facts_of(folder, Links::kFollowed);
  // The same one again: a new watch would lose what the old one has to tell.
  if (facts && impl_->changes != INVALID_HANDLE_VALUE && impl_->watched == facts->id) return true;
  impl_->unwatch();
  if (!facts || !facts->is_folder) return false;
  impl_->watched = facts->id;
  impl_->changes = ::FindFirstChangeNotificationW(
      wide(folder).c_str(), FALSE,
      FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE);
  return impl_->changes != INVALID_HANDLE_VALUE;
}

FolderWatch::Woken FolderWatch::wait(std::chrono::milliseconds at_most) {
  constexpr std::chrono::milliseconds kWaitMax{3'600'000};
  const auto timeout =
      static_cast<DWORD>(std::clamp(at_most, std::chrono::milliseconds(0), kWaitMax).count());
  const std::array<HANDLE, 2> waiting{impl_->stopped.get(), impl_->changes};
  const DWORD count = impl_->changes == INVALID_HANDLE_VALUE ? 1 : 2;
  const DWORD woken = ::WaitForMultipleObjects(count, waiting.data(), FALSE, timeout);
  if (woken == WAIT_OBJECT_0) return Woken::kStopped;
  if (woken != WAIT_OBJECT_0 + 1) return Woken::kTimeout;
  // A folder that is gone would wake for ever.
  if (::FindNextChangeNotification(impl_->changes) == 0) impl_->unwatch();
  return Woken::kHint;
}

void FolderWatch::stop() {
  ::SetEvent(impl_->stopped.get());
}

}  // namespace tillsync
