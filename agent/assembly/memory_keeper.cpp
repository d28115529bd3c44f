#include "agent/assembly/memory_keeper.h"

#include <algorithm>

#include "platform/log/log.h"

namespace tillsync {

MemoryKeeper::MemoryKeeper(MemoryKeeperOptions options)
    : options_(std::move(options)), head_(options_.head()) {}

void MemoryKeeper::watch(EventLoop& loop) {
  look_after(loop, kMemoryFirstLook);
}

void MemoryKeeper::look_after(EventLoop& loop, std::chrono::milliseconds delay) {
  loop.call_after(delay, [this, &loop] {
    look();
    look_after(loop, kMemoryLookEvery);
  });
}

bool MemoryKeeper::look() {
  const auto head = options_.head();
  const bool resting = head.value - head_.value <= kRestingRecordsMax;
  head_ = head;
  if (!resting) return false;
  const auto before = options_.resident_bytes();
  if (!before) return false;
  rest_bytes_ = std::min(rest_bytes_, *before);  // what was held then may be held no more
  if (*before < rest_bytes_ + kWorthGivingBackBytes) return false;
  options_.give_back();
  rest_bytes_ = options_.resident_bytes().value_or(*before);
  log::debug("memory.given_back", {{"bytes_before", *before}, {"bytes_after", rest_bytes_}});
  return true;
}

}  // namespace tillsync
