#include "reconcile/reports/slo.h"

#include <algorithm>
#include <set>

#include "reconcile/reports/report.h"

namespace tillsync {
namespace {

std::chrono::milliseconds span(UtcTime from, UtcTime to) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(to - from);
}

bool all_delivered(const std::vector<DeliveryView>& deliveries) {
  return std::all_of(deliveries.begin(), deliveries.end(),
                     [](const DeliveryView& one) { return one.state == DeliveryState::kDelivered; });
}

void add_sale(SloFigures& figures, const StoredDocument& stored, const DeliveryView& delivery) {
  SloFigures::Target& target = figures.targets[delivery.target];
  if (delivery.state == DeliveryState::kDelivered && delivery.settled_at)
    target.sale_to_target.add(span(stored.recorded_at, *delivery.settled_at));
  if (is_settled(delivery.state)) return;
  // Days come one by one, and a day's documents in journal order: an earlier day's need not be older.
  if (target.oldest_sale && target.oldest_sale->recorded_at <= stored.recorded_at) return;
  target.oldest_sale = SloFigures::Oldest{stored.document.id, stored.recorded_at,
                                          delivery.state == DeliveryState::kQuarantined};
}

void add_refund(SloFigures& figures, const DayDocument& document) {
  if (document.deliveries.empty()) return;
  std::optional<UtcTime> last;
  for (const DeliveryView& delivery : document.deliveries) {
    if (!is_settled(delivery.state) || !delivery.settled_at) {
      ++figures.refunds_open;
      return;
    }
    last = std::max(last.value_or(*delivery.settled_at), *delivery.settled_at);
  }
  figures.refunds.add(span(document.stored.recorded_at, *last));
}

SloResult at_most(std::string objective, std::string target, std::optional<std::chrono::milliseconds> value,
                  std::chrono::milliseconds aim) {
  SloResult result{std::move(objective), std::move(target), std::nullopt, aim.count(), std::nullopt};
  if (value) result.value = value->count();
  if (value && aim.count() > 0) result.met = *value <= aim;
  return result;
}

json::Value milliseconds_or_null(std::optional<std::chrono::milliseconds> value) {
  return value ? json::Value(static_cast<std::int64_t>(value->count())) : json::Value();
}

json::Object spans_json(const SpanHistogram& spans) {
  return json::Object{{"count", spans.count()},
                      {"p50_ms", milliseconds_or_null(spans.percentile(50))},
                      {"p95_ms", milliseconds_or_null(spans.percentile(95))},
                      {"p99_ms", milliseconds_or_null(spans.percentile(99))},
                      {"implausible", spans.implausible()}};
}

json::Value met_or_null(const std::optional<bool>& met) {
  return met ? json::Value(*met) : json::Value();
}

}  // namespace

void SloFigures::add(const DayDocument& document) {
  const StoredDocument& stored = document.stored;
  switch (stored.document.type) {
    case DocumentType::kSale:
      for (const DeliveryView& delivery : document.deliveries) add_sale(*this, stored, delivery);
      return;
    case DocumentType::kReturn:
      return add_refund(*this, document);
    case DocumentType::kCustomerUpdate:
      if (document.deliveries.empty()) return;
      ++customer_updates;
      if (all_delivered(document.deliveries)) customer_delivered.push_back(stored.document.id);
      return;
    default:
      return;
  }
}

std::optional<std::int64_t> customer_accuracy(const SloFigures& figures,
                                              const std::vector<ReportConflict>& conflicts) {
  if (figures.customer_updates == 0) return std::nullopt;
  std::set<std::string_view> clashing;
  for (const ReportConflict& conflict : conflicts) {
    if (conflict.is_open() && conflict.kind.starts_with("customer")) clashing.insert(conflict.document);
  }
  const auto accurate = std::count_if(figures.customer_delivered.begin(), figures.customer_delivered.end(),
                                      [&](const std::string& id) { return !clashing.contains(id); });
  return accurate * 10'000 / figures.customer_updates;
}

std::vector<SloResult> slo_results(const SloFigures& figures, const std::vector<ReportConflict>& conflicts,
                                   const SloAims& aims, UtcTime now) {
  std::vector<SloResult> results;
  for (const auto& [name, target] : figures.targets) {
    results.push_back(
        at_most("sale_to_erp_p95", name, target.sale_to_target.percentile(95), aims.sale_to_erp_p95));
    // No sale that waits is as good as one that has only just come.
    const auto age = target.oldest_sale
                         ? std::max(span(target.oldest_sale->recorded_at, now), std::chrono::milliseconds(0))
                         : std::chrono::milliseconds(0);
    results.push_back(at_most("oldest_sale", name, age, aims.oldest_sale));
  }
  results.push_back(at_most("refund_p95", "", figures.refunds.percentile(95), aims.refund_p95));
  SloResult customers{"customer_accuracy", "", customer_accuracy(figures, conflicts),
                      aims.customer_accuracy_percent * 100, std::nullopt};
  if (customers.value && customers.aim > 0) customers.met = *customers.value >= customers.aim;
  results.push_back(std::move(customers));
  return results;
}

std::string slo_value_text(const SloResult& result, std::int64_t value) {
  const int decimals = result.is_share() ? 2 : 3;
  const std::int64_t unit = result.is_share() ? 100 : 1'000;
  std::string fraction = std::to_string(unit + value % unit).substr(1);
  return std::to_string(value / unit) + "." + fraction.substr(0, static_cast<std::size_t>(decimals));
}

json::Value slo_json(const SloFigures& figures, const std::vector<ReportConflict>& conflicts,
                     const SloAims& aims, UtcTime now) {
  json::Object targets;
  for (const auto& [name, target] : figures.targets) {
    json::Value oldest;
    if (target.oldest_sale) {
      oldest = json::Object{
          {"id", target.oldest_sale->id},
          {"recorded_at", format_utc(target.oldest_sale->recorded_at)},
          {"age_ms", static_cast<std::int64_t>(span(target.oldest_sale->recorded_at, now).count())},
          {"quarantined", target.oldest_sale->quarantined}};
    }
    targets.emplace_back(name, json::Object{{"sale_to_target", spans_json(target.sale_to_target)},
                                            {"oldest_sale", std::move(oldest)}});
  }
  json::Object refunds = spans_json(figures.refunds);
  refunds.emplace_back("open", figures.refunds_open);
  json::Array objectives;
  json::Value accuracy;
  for (const SloResult& result : slo_results(figures, conflicts, aims, now)) {
    const auto text = [&](std::int64_t value) { return json::Value(slo_value_text(result, value)); };
    if (result.is_share() && result.value) accuracy = text(*result.value);
    objectives.push_back(
        json::Object{{"objective", result.objective},
                     {"target", result.target.empty() ? json::Value() : json::Value(result.target)},
                     {"unit", result.is_share() ? "percent" : "s"},
                     {"value", result.value ? text(*result.value) : json::Value()},
                     {"aim", result.aim > 0 ? text(result.aim) : json::Value()},
                     {"met", met_or_null(result.met)}});
  }
  return json::Object{
      {"targets", std::move(targets)},
      {"refunds", std::move(refunds)},
      {"customers", json::Object{{"updates", figures.customer_updates},
                                 {"delivered", static_cast<std::int64_t>(figures.customer_delivered.size())},
                                 {"accuracy_percent", std::move(accuracy)}}},
      {"objectives", std::move(objectives)}};
}

}  // namespace tillsync
