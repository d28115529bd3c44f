// What the settings say of a report.
#pragma once

#include "config/settings.h"
#include "reconcile/reports/report.h"

namespace tillsync {

inline SloAims slo_aims(const SloSettings& slo) {
  return {slo.sale_to_erp_p95, slo.oldest_sale, slo.refund_p95, slo.customer_accuracy_percent};
}

inline ReportQuery report_query(const Settings& settings, BusinessDay from, BusinessDay to, UtcTime now) {
  ReportQuery query{settings.store.id, {}, from, to, now, slo_aims(settings.slo)};
  for (const auto& [name, target] : settings.targets) query.targets.push_back(name);
  return query;
}

}  // namespace tillsync
