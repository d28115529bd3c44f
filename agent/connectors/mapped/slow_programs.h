// Deliveries whose requests cannot be made because a program runs too long. It may be the machine that is
// busy: so they are tried again. It may be the program, on this document: so not without end.
// Single-threaded.
#pragma once

#include <map>

#include "platform/base/ids.h"

namespace tillsync {

class SlowPrograms {
 public:
  static constexpr int kInARowMax = 5;  ///< with the scheduler's backoff between them
  static constexpr std::size_t kKeptMax =
      10'000;  ///< deliveries; beyond that the oldest documents' are forgotten

  /// It ran too long once more: whether that is enough. Then, and with a restart, it is counted anew.
  bool again(const DeliveryKey& key) {
    if (++times_[key] >= kInARowMax) {
      times_.erase(key);
      return true;
    }
    if (times_.size() > kKeptMax) times_.erase(times_.begin());
    return false;
  }
  void forget(const DeliveryKey& key) {
    if (!times_.empty()) times_.erase(key);
  }

 private:
  std::map<DeliveryKey, int> times_;
};

}  // namespace tillsync
