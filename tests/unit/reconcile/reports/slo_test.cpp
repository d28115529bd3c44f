#include "reconcile/reports/slo.h"

#include "tests/unit/reconcile/world.h"

namespace tillsync {
namespace {

using namespace testing;
using namespace std::chrono_literals;

const UtcTime kStart = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + 9h;

DayDocument recorded(Document document, UtcTime at, std::vector<DeliveryView> deliveries) {
  static std::int64_t sequence = 0;
  return DayDocument{StoredDocument{Sequence{++sequence}, at, std::move(document), {}},
                     std::move(deliveries)};
}
DeliveryView settled(const std::string& target, UtcTime at, DeliveryState state = DeliveryState::kDelivered) {
  DeliveryView view{target, target, state};
  view.settled_at = at;
  return view;
}
DeliveryView open(const std::string& target, DeliveryState state = DeliveryState::kPending) {
  return DeliveryView{target, target, state};
}

const std::string kReturned = R"("type":"return","lines":[{"sku":"A","quantity":"1","unit_price":"1.00"}])";
const std::string kCustomer = R"("type":"customer_update","customer":"C7","changes":{"city":"Leeds"})";

SloResult result_of(const std::vector<SloResult>& results, const std::string& objective) {
  for (const SloResult& one : results)
    if (one.objective == objective) return one;
  FAIL("no " << objective);
  return {};
}

TEST_CASE("slo: sale to target, by target; what waits is not counted but is the oldest") {
  SloFigures figures;
  for (int i = 0; i < 100; ++i)
    figures.add(
        recorded(sale("S" + std::to_string(i)), kStart, {settled("erp", kStart + i * 1s), open("crm")}));
  figures.add(recorded(sale("OLD"), kStart - 1h, {open("erp", DeliveryState::kQuarantined)}));
  figures.add(recorded(document("R", kReturned), kStart - 2h, {open("erp")}));  // no sale
  const SloFigures::Target& erp = figures.targets.at("erp");
  CHECK(erp.sale_to_target.count() == 100);
  CHECK(erp.sale_to_target.percentile(50) >= 49s);
  CHECK(erp.sale_to_target.percentile(50) <= 50s);
  CHECK(erp.oldest_sale->id == "OLD");
  CHECK(erp.oldest_sale->quarantined);
  CHECK(figures.targets.at("crm").sale_to_target.count() == 0);
  CHECK(figures.targets.at("crm").oldest_sale->id == "S0");
}

TEST_CASE("slo: a refund is complete with its last delivery; a discarded one is settled too") {
  SloFigures figures;
  figures.add(
      recorded(document("R1", kReturned), kStart,
               {settled("erp", kStart + 5s), settled("crm", kStart + 60s, DeliveryState::kDiscarded)}));
  figures.add(recorded(document("R2", kReturned), kStart, {settled("erp", kStart + 5s), open("crm")}));
  figures.add(
      recorded(document("R3", kReturned), kStart, {settled("erp", kStart - 5s)}));  // a clock set back
  CHECK(figures.refunds.count() == 1);
  CHECK(figures.refunds.percentile(95) == 60s);
  CHECK(figures.refunds.implausible() == 1);
  CHECK(figures.refunds_open == 1);
}

TEST_CASE("slo: a customer change is accurate once delivered, unless a clash about it is open") {
  SloFigures figures;
  for (const char* id : {"U1", "U2", "U3"})
    figures.add(recorded(document(id, kCustomer), kStart, {settled("crm", kStart + 1s)}));
  figures.add(recorded(document("U4", kCustomer), kStart, {open("crm")}));
  ReportConflict clash;
  clash.kind = "customer-field";
  clash.document = "U1";
  clash.decision = "open";
  CHECK(customer_accuracy(figures, {}) == 7'500);
  CHECK(customer_accuracy(figures, {clash, clash}) == 5'000);
  clash.decision = "store";
  CHECK(customer_accuracy(figures, {clash}) == 7'500);
  clash.decision = "open";
  clash.kind = "price";
  CHECK(customer_accuracy(figures, {clash}) == 7'500);
  CHECK(!customer_accuracy(SloFigures(), {}).has_value());
}

TEST_CASE("slo: met and missed against the aims; no aim, no verdict") {
  SloFigures figures;
  figures.add(recorded(sale("S1"), kStart, {settled("erp", kStart + 3s)}));
  figures.add(recorded(sale("S2"), kStart, {open("erp")}));
  figures.add(recorded(document("R1", kReturned), kStart, {settled("erp", kStart + 10s)}));
  figures.add(recorded(document("U1", kCustomer), kStart, {settled("crm", kStart + 1s)}));
  SloAims aims{3s, 59s, 9s, 100};
  auto results = slo_results(figures, {}, aims, kStart + 60s);
  CHECK(result_of(results, "sale_to_erp_p95").met == true);
  CHECK(result_of(results, "oldest_sale").met == false);
  CHECK(result_of(results, "refund_p95").met == false);
  CHECK(result_of(results, "customer_accuracy").met == true);
  results = slo_results(figures, {}, SloAims{}, kStart + 60s);
  for (const SloResult& one : results) CHECK(!one.met.has_value());
  const json::Value shown = slo_json(figures, {}, aims, kStart + 60s);
  CHECK(
      json::dump(*shown.find("objectives"))
          .find(
              R"({"objective":"oldest_sale","target":"erp","unit":"s","value":"60.000","aim":"59.000","met":false})") !=
      std::string::npos);
  CHECK(shown.find("customers")->text_of("accuracy_percent") == "100.00");
}

}  // namespace
}  // namespace tillsync
