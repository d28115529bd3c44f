// How the service objectives stand on the current business day, measured now and then for the metrics: as a
// report of the day would tell it. One writer; read from any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/base/time.h"
#include "reconcile/reports/slo.h"

namespace tillsync {

struct ServiceSample {
  BusinessDay day;
  SloFigures figures;
  std::vector<SloResult> results;
  /// When the oldest sale of any day was recorded that a target does not have; nothing where it has all.
  std::map<std::string, UtcTime> oldest_sales;
};

class ServiceWatch {
 public:
  /// A measurement costs as a report does: it is due a minute after the one before, and later where that took
  /// long, so that it takes no more than a fiftieth of a processor.
  static constexpr std::chrono::seconds kEvery{60};
  static constexpr int kShare = 50;

  SteadyTime due() const { return due_; }
  void measured(ServiceSample sample, SteadyTime began, SteadyTime ended) {
    due_ = ended + std::max<SteadyTime::duration>(kEvery, (ended - began) * kShare);
    const std::lock_guard lock(mutex_);
    sample_ = std::move(sample);
  }
  /// Nothing could be measured; another try comes when it is due.
  void failed(SteadyTime at) { due_ = at + kEvery; }

  std::optional<ServiceSample> sample() const {
    const std::lock_guard lock(mutex_);
    return sample_;
  }

 private:
  SteadyTime due_;  // the writer's; at once
  mutable std::mutex mutex_;
  std::optional<ServiceSample> sample_;  // guarded by mutex_
};

}  // namespace tillsync
