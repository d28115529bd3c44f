#include "agent/assembly/disk_guard.h"

#include "platform/log/log.h"
#include "platform/service/service_host.h"

namespace tillsync {
namespace {

constexpr std::chrono::milliseconds kLookEvery{1'000};

}  // namespace

DiskGuard::DiskGuard(EventLoop& loop, std::string folder, std::int64_t reserve_bytes)
    : loop_(loop), folder_(std::move(folder)), reserve_bytes_(reserve_bytes) {
  look();
}

void DiskGuard::look() {
  if (auto bytes = tillsync::free_bytes(folder_)) {
    free_bytes_ = static_cast<std::int64_t>(*bytes);
    const bool room = free_bytes_ >= reserve_bytes_;
    if (room != has_room_.exchange(room)) {
      if (room) {
        log::info("disk.room_again", {{"free_bytes", free_bytes_.load()}});
      } else {
        log::error("disk.reserve_reached",
                   {{"free_bytes", free_bytes_.load()}, {"reserve_bytes", reserve_bytes_}});
      }
    }
  }
  loop_.call_after(kLookEvery, [this] { look(); });
}

}  // namespace tillsync
