// /control/{target}/...: what tests order and what they look at.
#include <fmt/format.h>

#include "tests/central/central.h"
#include "tests/central/money.h"

namespace tillsync::central {
namespace {

constexpr std::int64_t kEffectsPageMax = 10'000;

ServerResponse bad_order(const std::string& detail) {
  return problem_response(400, "bad-order", "An order that cannot be followed", detail);
}

}  // namespace

ServerResponse Central::control(const ServerRequest& request, const std::vector<std::string>& path) {
  if (path.size() != 3) return bad_order("orders go to /control/{target}/{what}");
  Target& to = target(path[1]);
  const std::string order = request.method + " " + path[2];
  if (order == "POST faults") return set_faults(to, request);
  if (order == "GET faults") return json_response(200, to.faults.as_given);
  if (order == "POST facts") return set_facts(to, request);
  if (order == "POST stock") return move_stock(to, request);
  if (order == "GET ledger") return ledger_summary(to);
  if (order == "GET effects") return effects(to, request);
  if (order == "POST reset") {
    ledger_.reset(to.name);
    to.counters.clear();
    to.stock = {};
    to.shifts.reset();
    return json_response(200, json::Object{});
  }
  if (order == "GET counters") {
    json::Object counters;
    for (const auto& [name, count] : to.counters) counters.emplace_back(name, count);
    return json_response(200, std::move(counters));
  }
  return bad_order("there is no " + order);
}

ServerResponse Central::set_faults(Target& to, const ServerRequest& request) {
  const auto value = json::parse(request.body);
  if (!value) return bad_order(value.error().detail);
  auto faults = Faults::from_json(*value);
  if (!faults) return bad_order(faults.error().detail);
  to.faults = std::move(*faults);
  to.shifts.reset();
  if (value->find("seed") != nullptr)
    to.random = SeededRandom(static_cast<std::uint64_t>(value->integer_of("seed")));
  return json_response(200, to.faults.as_given);
}

/// [{"path":"/customers/42","value":{...}}, ...]; "value" null: there is no such row any more.
ServerResponse Central::set_facts(Target& to, const ServerRequest& request) {
  const auto value = json::parse(request.body);
  if (!value || value->as_array() == nullptr) return bad_order("facts are an array of {\"path\",\"value\"}");
  for (const json::Value& item : *value->as_array()) {
    if (item.find("value") == nullptr || !item.text_of("path").starts_with("/")) {
      return bad_order("a fact is {\"path\",\"value\"}");
    }
  }
  for (const json::Value& item : *value->as_array()) {
    ledger_.set_fact(to.name, std::string(item.text_of("path")), json::dump(*item.find("value")));
  }
  return json_response(200, json::Object{});
}

/// Movements of central's own: [{"sku","store","id","quantity_delta","at"}, ...]. Kept in memory.
ServerResponse Central::move_stock(Target& to, const ServerRequest& request) {
  const auto value = json::parse(request.body);
  if (!value || value->as_array() == nullptr) return bad_order("movements are an array");
  book_stock(to);
  for (const json::Value& item : *value->as_array()) {
    const auto delta = Decimal::parse(item.text_of("quantity_delta"), 3);
    if (!delta || item.text_of("sku").empty() || item.text_of("id").empty())
      return bad_order("a movement is {\"sku\",\"store\",\"id\",\"quantity_delta\",\"at\"}");
    const std::string sku(item.text_of("sku")), store(item.text_of("store"));
    for (const std::string& book : {store, std::string()}) to.stock.levels[{book, sku}] += *delta;
    to.stock.own[{store, sku}].push_back(json::Object{{"id", item.text_of("id")},
                                                      {"quantity_delta", item.text_of("quantity_delta")},
                                                      {"at", item.text_of("at")}});
  }
  return json_response(200, json::Object{});
}

ServerResponse Central::ledger_summary(Target& to) {
  const Summary summary = ledger_.summary(to.name);
  std::map<std::string, Decimal> net;
  std::int64_t after = 0;
  for (;;) {
    const auto effects = ledger_.all(to.name, after, kEffectsPageMax);
    if (effects.empty()) break;
    for (const Effect& effect : effects) add_net(net, effect);
    after = effects.back().id;
  }
  json::Array doubles;
  for (const auto& one : summary.doubles) {
    doubles.push_back(json::Object{{"reference", one.reference}, {"step", one.step}, {"count", one.count}});
  }
  json::Object totals, by_type;
  for (const auto& [currency, total] : net) totals.emplace_back(currency, total.text(2));
  for (const auto& [type, count] : summary.by_type) by_type.emplace_back(type, count);
  return json_response(200, json::Object{{"effects", summary.effects},
                                         {"documents", summary.documents},
                                         {"doubles", std::move(doubles)},
                                         {"totals", std::move(totals)},
                                         {"by_type", std::move(by_type)}});
}

/// In the order central took them: who wants to see that a return came after its sale looks here.
ServerResponse Central::effects(Target& to, const ServerRequest& request) {
  const json::Value parameters =
      json::Object{{"after", json::Number{request.parameter("after").value_or("0")}}};
  json::Array items;
  for (const Effect& effect : ledger_.all(to.name, parameters.integer_of("after"), kEffectsPageMax)) {
    items.push_back(json::Object{{"id", effect.id},
                                 {"reference", effect.reference},
                                 {"step", effect.step},
                                 {"store", effect.store},
                                 {"sequence", effect.sequence},
                                 {"type", effect.type},
                                 {"total", effect.total ? json::Value(*effect.total) : json::Value()}});
  }
  return json_response(200, json::Object{{"effects", std::move(items)}});
}

}  // namespace tillsync::central
