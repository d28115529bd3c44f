#include "agent/ops_api/service_metrics.h"

#include <algorithm>

namespace tillsync {
namespace {

constexpr double kBounds[] = {0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3'600, 14'400, 86'400};

std::vector<ClientMetric::Label> labels_of(const std::string& target) {
  if (target.empty()) return {};
  return {{"target", target}};
}

void put_spans(MetricFamily& family, const std::string& target, const SpanHistogram& spans) {
  ClientMetric metric;
  metric.label = labels_of(target);
  metric.histogram.sample_count = static_cast<std::uint64_t>(spans.count());
  metric.histogram.sample_sum = std::chrono::duration<double>(spans.sum()).count();
  for (const double bound : kBounds) {
    const auto span = std::chrono::duration_cast<SpanHistogram::Span>(std::chrono::duration<double>(bound));
    metric.histogram.bucket.push_back({static_cast<std::uint64_t>(spans.count_within(span)), bound});
  }
  family.metric.push_back(std::move(metric));
}

/// The age is as of now, whenever it was measured which sale is the oldest.
std::optional<std::int64_t> value_now(const SloResult& result, const ServiceSample& sample, UtcTime now) {
  if (result.objective != "oldest_sale") return result.value;
  const auto oldest = sample.oldest_sales.find(result.target);
  if (oldest == sample.oldest_sales.end()) return 0;
  return std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::milliseconds>(now - oldest->second).count());
}

bool is_met(const SloResult& result, std::int64_t value) {
  return result.is_share() ? value >= result.aim : value <= result.aim;
}

double in_unit(const SloResult& result, std::int64_t value) {
  return as_double(value) / (result.is_share() ? 100 : 1'000);
}

std::vector<ClientMetric::Label> labels_of(const SloResult& result) {
  auto labels = labels_of(result.target);
  labels.push_back({"objective", result.objective});
  return labels;
}

}  // namespace

void add_service(Families& out, const ServiceSample& sample, UtcTime now) {
  auto& sales = out.add("tillsync_sale_delivery_seconds",
                        "From a sale's record to its delivery, by target; the current business day.",
                        MetricType::Histogram);
  for (const auto& [name, target] : sample.figures.targets) put_spans(sales, name, target.sale_to_target);
  put_spans(out.add("tillsync_refund_completion_seconds",
                    "From a return's record to its last delivery; the current business day.",
                    MetricType::Histogram),
            "", sample.figures.refunds);
  auto& values = out.add("tillsync_slo_value",
                         "Service objectives as measured, in seconds or percent; the current business day.",
                         MetricType::Gauge);
  for (const SloResult& result : sample.results) {
    if (const auto value = value_now(result, sample, now))
      put(values, labels_of(result), in_unit(result, *value));
  }
  auto& aims = out.add("tillsync_slo_aim", "What the settings aim at, in the same unit.", MetricType::Gauge);
  for (const SloResult& result : sample.results) {
    if (result.aim > 0) put(aims, labels_of(result), in_unit(result, result.aim));
  }
  auto& met = out.add("tillsync_slo_met", "1 where the aim is met.", MetricType::Gauge);
  for (const SloResult& result : sample.results) {
    const auto value = value_now(result, sample, now);
    if (result.aim > 0 && value) put(met, labels_of(result), is_met(result, *value) ? 1 : 0);
  }
}

}  // namespace tillsync
