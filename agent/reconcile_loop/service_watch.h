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
  Sequence head;  ///< of the journal, when it was measured
  SloFigures figures;
  std::vector<SloResult> results;
  /// When the oldest sale of any day was recorded that a target does not have; nothing where it has all.
  std::map<std::string, UtcTime> oldest_sales;
};

class ServiceWatch {
 public:
  /// A measurement walks the day's documents: it is due a minute after the one before, and later where that
  /// took long, so that it takes no more than a two-thousandth of a processor.
  static constexpr std::chrono::seconds kEvery{60};
  static constexpr int kShare = 2'000;
  /// Days of more documents are left to their reports: a walk of them would be felt.
  static constexpr std::size_t kDocumentsMax = 20'000;

  SteadyTime due() const { return due_; }
  void measured(ServiceSample sample, SteadyTime began, SteadyTime ended) {
    due_ = ended + std::max<SteadyTime::duration>(kEvery, (ended - began) * kShare);
    const std::lock_guard lock(mutex_);
    sample_ = std::move(sample);
  }
  /// Whether a measurement would tell the same again; then another try comes when it is due.
  bool unchanged(BusinessDay day, Sequence head, SteadyTime at) {
    const std::lock_guard lock(mutex_);
    if (!sample_ || sample_->day != day || sample_->head != head) return false;
    due_ = at + kEvery;
    return true;
  }
  /// Nothing could be measured; another try comes when it is due.
  void failed(SteadyTime began, SteadyTime ended) {
    due_ = ended + std::max<SteadyTime::duration>(kEvery, (ended - began) * kShare);
  }

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
