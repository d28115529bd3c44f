// GET /metrics: Prometheus text (exposition format 0.0.4), by prometheus-cpp. From any thread.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "agent/access/access_sample.h"
#include "agent/delivery_loop/delivery_loop.h"
#include "agent/file_intake/intake_counts.h"
#include "agent/reconcile_loop/facts_summary.h"
#include "agent/reconcile_loop/service_watch.h"
#include "agent/views/settings_state.h"
#include "outbox/journal/reader.h"

namespace tillsync {

/// The journal's disk.
struct DiskSample {
  std::int64_t free_bytes = 0;
  std::int64_t reserve_bytes = 0;  ///< what the reserve holds now
};

/// What is read off the daemon at a scrape.
struct MetricsSample {
  JournalCounts counts;
  std::map<std::string, TargetView> targets;
  std::int64_t blocked_documents = 0;
  DiskSample disk;
  std::int64_t disk_reserve_whole_bytes = 0;  ///< as the settings say
  bool accepting = true;
  Sequence head;
  UtcTime now{};
  std::map<std::string, IntakeCounts> intakes;
  std::optional<ServiceSample> service = {};  ///< nothing until it was measured first
  FactsSummary facts = {};
  AccessSample access = {};
  UtcTime started_at{};
  std::map<std::string, UtcTime> caught_up = {};  ///< ReconcileLoop::caught_up()
  SettingsState settings = {};
};

/// The text's media type.
inline constexpr const char* kMetricsMediaType = "text/plain; version=0.0.4; charset=utf-8";
/// What is told while the journal is damaged, and nothing can be counted.
std::string damaged_metrics_text();

class Metrics {
 public:
  Metrics();
  ~Metrics();
  /// A group commit, with the time it took.
  void commit(std::chrono::nanoseconds took, std::size_t tasks);
  std::string text(const MetricsSample& sample);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync
