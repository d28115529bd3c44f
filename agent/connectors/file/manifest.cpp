#include <map>

#include "agent/connectors/file/batch.h"
#include "outbox/document/currency.h"
#include "platform/json/json.h"

namespace tillsync::file {
namespace {

struct Sums {
  Decimal sales;
  Decimal returns;
};

std::string amount_text(const Decimal& amount, const std::string& currency) {
  return amount.text(currency_decimals(currency).value_or(0));
}

json::Value totals_of(const std::vector<BatchDocument>& documents) {
  std::map<std::string, Sums> sums;
  for (const BatchDocument& each : documents) {
    const auto total = document_total(each.document);
    if (!total) continue;
    Sums& of_currency = sums[each.document.currency];
    (each.document.type == DocumentType::kReturn ? of_currency.returns : of_currency.sales) += *total;
  }
  json::Object totals;
  for (const auto& [currency, sum] : sums) {
    totals.emplace_back(currency, json::Object{{"sales", amount_text(sum.sales, currency)},
                                               {"returns", amount_text(sum.returns, currency)},
                                               {"net", amount_text(sum.sales - sum.returns, currency)}});
  }
  return totals;
}

json::Value entry_of(const BatchDocument& each) {
  const auto total = document_total(each.document);
  return json::Object{
      {"reference", each.reference},
      {"idempotency_key", each.idempotency_key},
      {"step", each.key.step},
      {"sequence", each.key.document.value},
      {"type", type_name(each.document.type)},
      {"business_day", each.document.business_day.text()},
      {"total", total ? json::Value(amount_text(*total, each.document.currency)) : json::Value()},
      {"currency", total ? json::Value(each.document.currency) : json::Value()}};
}

}  // namespace

std::string manifest_text(const Batch& batch, const std::string& store, const std::string& target,
                          Format format) {
  json::Array documents;
  for (const BatchDocument& each : batch.documents) documents.push_back(entry_of(each));
  return json::dump(json::Object{{"version", 1},
                                 {"batch", batch.name},
                                 {"number", batch.number},
                                 {"store", store},
                                 {"target", target},
                                 {"format", format_name(format)},
                                 {"file", batch.data_file},
                                 {"bytes", static_cast<std::uint64_t>(batch.data.size())},
                                 {"sha256", to_hex(sha256(batch.data))},
                                 {"count", static_cast<std::uint64_t>(batch.documents.size())},
                                 {"totals", totals_of(batch.documents)},
                                 {"documents", std::move(documents)}}) +
         "\n";
}

}  // namespace tillsync::file
