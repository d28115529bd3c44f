// How well the business is served: how long a sale takes to each target, how old the oldest one is that is
// not there, how long a refund takes to its end, and how many customer changes arrived without a clash. Taken
// from the journal's own times: wall clocks, which are good enough to show and order nothing (I5).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "outbox/journal/reader.h"
#include "platform/base/span_histogram.h"
#include "platform/json/json.h"

namespace tillsync {

struct ReportConflict;

/// What is aimed at; 0: no aim.
struct SloAims {
  std::chrono::milliseconds sale_to_erp_p95{0};
  std::chrono::milliseconds oldest_sale{0};
  std::chrono::milliseconds refund_p95{0};
  std::int64_t customer_accuracy_percent = 0;
};

struct SloFigures {
  struct Oldest {
    std::string id;
    UtcTime recorded_at{};
    bool quarantined = false;  ///< it waits for a person
  };
  struct Target {
    SpanHistogram sale_to_target;       ///< from the sale's record to that of the target's `delivered`
    std::optional<Oldest> oldest_sale;  ///< the first in journal order that the target does not have yet
  };
  std::map<std::string, Target> targets;
  SpanHistogram refunds;  ///< from the return's record to that of its last delivery's settlement
  std::int64_t refunds_open = 0;
  std::int64_t customer_updates = 0;
  std::vector<std::string> customer_delivered;  ///< ids of those that all their targets have

  /// A document of the period, in journal order.
  void add(const DayDocument& document);
};

/// One aim and what came of it; `met` is nothing where there is no aim, or nothing to measure.
struct SloResult {
  std::string objective;              ///< sale_to_erp_p95, oldest_sale, refund_p95, customer_accuracy
  std::string target;                 ///< "" where it is about no target
  std::optional<std::int64_t> value;  ///< milliseconds; of the accuracy hundredths of a percent
  std::int64_t aim = 0;               ///< in the same unit; 0: none
  std::optional<bool> met;
  bool is_share() const { return objective == "customer_accuracy"; }
};

/// Updates delivered to all their targets, less those about which a conflict of a kind that begins with
/// "customer" is open; in hundredths of a percent of all. Nothing where there were none.
std::optional<std::int64_t> customer_accuracy(const SloFigures& figures,
                                              const std::vector<ReportConflict>& conflicts);
/// In the order: each target's sale_to_erp_p95 and oldest_sale, then refunds, then customers.
std::vector<SloResult> slo_results(const SloFigures& figures, const std::vector<ReportConflict>& conflicts,
                                   const SloAims& aims, UtcTime now);
/// "98.70"; "1.234" s.
std::string slo_value_text(const SloResult& result, std::int64_t value);

json::Value slo_json(const SloFigures& figures, const std::vector<ReportConflict>& conflicts,
                     const SloAims& aims, UtcTime now);

}  // namespace tillsync
