#include "agent/assembly/disk_guard.h"

#include <algorithm>

#include "platform/log/log.h"
#include "platform/service/held_space.h"

namespace tillsync {
namespace {

constexpr std::chrono::milliseconds kLookEvery{1'000};
/// The next slice of a reserve that grows again: other work on the loop comes between.
constexpr std::chrono::milliseconds kGrowOnAfter{20};
constexpr const char* kReserveFile = "/reserve";

}  // namespace

DiskGuard::DiskGuard(DiskGuardOptions options)
    : options_(std::move(options)), file_(options_.folder + kReserveFile) {}

void DiskGuard::start() {
  const std::lock_guard lock(mutex_);
  measure();
  if (held_bytes_ > options_.reserve_bytes) {
    if (auto cut = release_to_bytes(file_, options_.reserve_bytes); !cut)
      log::warning("disk.reserve_not_cut", {{"detail", cut.error().detail}});
  } else if (held_bytes_ > 0 && !hold_bytes(file_, held_bytes_)) {
    // A sparse copy on a full disk: what is only promised is no reserve.
    (void)release_to_bytes(file_, 0).has_value();
  }
  measure();
  if (free_bytes_ < kReleaseStepBytes && held_bytes_ > 0) {
    (void)release_to_bytes(file_, std::max<std::int64_t>(0, held_bytes_ - kReleaseStepBytes)).has_value();
  } else {
    grow(options_.reserve_bytes);
  }
  measure();
  if (held_bytes_ < options_.reserve_bytes) {
    log::warning("disk.reserve_not_whole", {{"reserve_bytes", held_bytes_.load()},
                                            {"wanted_bytes", options_.reserve_bytes},
                                            {"free_bytes", free_bytes_.load()}});
  }
  decide();
}

void DiskGuard::watch(EventLoop& loop) {
  loop.call_after(look(), [this, &loop] { watch(loop); });
}

std::chrono::milliseconds DiskGuard::look() {
  const std::lock_guard lock(mutex_);
  measure();
  const bool was_whole = held_bytes_ >= options_.reserve_bytes;
  const bool grown = grow(kGrowStepBytes);
  if (grown) measure();
  const bool whole = held_bytes_ >= options_.reserve_bytes;
  if (whole && !was_whole) log::info("disk.reserve_whole", {{"reserve_bytes", held_bytes_.load()}});
  decide();
  return grown && !whole ? kGrowOnAfter : kLookEvery;
}

bool DiskGuard::make_room(std::int64_t leave_bytes) {
  const std::lock_guard lock(mutex_);
  measure();
  if (free_bytes_ >= kIngestMarginBytes) return false;
  has_room_ = false;
  if (held_bytes_ <= leave_bytes) {
    log::error("disk.reserve_spent",
               {{"reserve_bytes", held_bytes_.load()}, {"free_bytes", free_bytes_.load()}});
    return false;
  }
  const auto left = std::max(leave_bytes, held_bytes_ - kReleaseStepBytes);
  if (auto cut = release_to_bytes(file_, left); !cut) {
    log::error("disk.reserve_not_released", {{"detail", cut.error().detail}});
    return false;
  }
  log::warning("disk.reserve_released", {{"released_bytes", held_bytes_ - left}, {"reserve_bytes", left}});
  held_bytes_ = left;
  return true;
}

/// What the disk and the reserve are now. What cannot be read stays as it was.
void DiskGuard::measure() {
  const auto free = options_.free_bytes(options_.folder);
  const auto held = held_bytes(file_);
  if (free) free_bytes_ = static_cast<std::int64_t>(*free);
  if (held) held_bytes_ = *held;
  const bool failed = !free || !held;
  if (failed && !told_failure_) {
    log::error("disk.unreadable", {{"detail", !free ? free.error().detail : held.error().detail}});
  }
  told_failure_ = failed;
}

/// Takes what the reserve lacks, at most `most`, and never the last bytes: what is left free is enough for
/// posts to be taken again. True where it has grown.
bool DiskGuard::grow(std::int64_t most) {
  const std::int64_t missing = options_.reserve_bytes - held_bytes_;
  const std::int64_t spare = free_bytes_ - kIngestMarginBytes - kResumeBytes;
  const std::int64_t step = std::min({missing, spare, most});
  if (missing <= 0 || step < std::min(missing, kReleaseStepBytes)) return false;
  const auto held = hold_bytes(file_, held_bytes_ + step);
  if (!held) log::warning("disk.reserve_not_made", {{"detail", held.error().detail}});
  return held.has_value();
}

void DiskGuard::decide() {
  const std::int64_t wanted = kIngestMarginBytes + (has_room_ ? 0 : kResumeBytes);
  const bool room = held_bytes_ >= options_.reserve_bytes && free_bytes_ >= wanted;
  if (room == has_room_.exchange(room)) return;
  if (room) {
    log::info("disk.room_again", {{"free_bytes", free_bytes_.load()}});
  } else {
    log::error("disk.reserve_reached",
               {{"free_bytes", free_bytes_.load()}, {"reserve_bytes", held_bytes_.load()}});
  }
}

}  // namespace tillsync
