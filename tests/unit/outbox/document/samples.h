// Documents for the tests of this folder: one full body of each type, and random valid ones.
#pragma once

#include <rapidcheck.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "outbox/document/validation.h"

namespace tillsync::test {

inline StoreDefaults store() {
  return {"0417", "GBP", BusinessCalendar(TimeZone::find("Europe/London").value(), std::chrono::hours(4))};
}

inline constexpr std::string_view kSaleBody = R"({
  "id":"0417-T1-000017","type":"sale","terminal":"T1","terminal_sequence":17,"occurred_at":"2026-11-23T09:15:00.250+00:00",
  "business_day":"2026-11-23","currency":"GBP","operator":"Ann","customer":"C-100","correlation_id":"b7:1",
  "lines":[
    {"sku":"85123A","gtin":"4006381333931","description":"T-LIGHT HOLDER","quantity":"6","unit_price":"2.55",
     "discounts":[{"reason":"staff","amount":"1.30"}],"taxes":[{"code":"S","amount":"2.33"}]},
    {"sku":"71053","quantity":"0.333","unit_price":"3.39","amount":"1.13"}],
  "tenders":[{"type":"cash","amount":"20.00"},{"type":"change","amount":"-4.87","reference":"drawer 1"}],
  "total":"15.13","extensions":{"b":[1.50,{"z":null}],"a":"x"}})";

inline constexpr std::string_view kReturnBody = R"({
  "id":"R1","type":"return","terminal":"T2","occurred_at":"2026-07-01T00:30:00+01:00",
  "lines":[{"sku":"85123A","quantity":1,"unit_price":"2.55","disposition":"resell","taxes":[{"code":"S","amount":"0.51"}]}],
  "prices_include_tax":false,"tenders":[{"type":"card","amount":"3.06"}],
  "original":{"id":"0417-T1-000017","receipt":"4111111111111111","store":"0417"}})";

inline constexpr std::string_view kStockAdjustmentBody =
    R"({"id":"A1","type":"stock_adjustment","terminal":"T1",
  "occurred_at":"2026-11-23T09:15:00Z","lines":[{"sku":"1","quantity_delta":"-2.5"},{"sku":"1","quantity_delta":3,"description":"CUP","unit_price":"0"}],"reason":"broken"})";

inline constexpr std::string_view kStockCountBody = R"({"id":"N1","type":"stock_count","terminal":"T1",
  "occurred_at":"2026-11-23T09:15:00Z","lines":[{"sku":"1","counted":"0"},{"sku":"2","counted":"17.125"}]})";

inline constexpr std::string_view kStockTransferBody = R"({"id":"X1","type":"stock_transfer","terminal":"T1",
  "occurred_at":"2026-11-23T09:15:00Z","direction":"out","other_store":"0418","lines":[{"sku":"1","quantity":"4"}]})";

inline constexpr std::string_view kCustomerUpdateBody =
    R"({"id":"U1","type":"customer_update","terminal":"T1",
  "occurred_at":"2026-11-23T09:15:00Z","customer":"C-100","changes":{"email":"a@example.com","points":1.5},
  "base":{"email":null}})";

inline constexpr std::string_view kTillCloseBody = R"({"id":"Z1","type":"till_close","terminal":"T1",
  "occurred_at":"2026-11-23T22:00:00-05:00","tenders":[{"type":"cash","amount":"1034.10"}],"documents":212})";

inline constexpr std::string_view kBodies[] = {kSaleBody,       kReturnBody,        kStockAdjustmentBody,
                                               kStockCountBody, kStockTransferBody, kCustomerUpdateBody,
                                               kTillCloseBody};

inline std::string faults_text(const Refusal& refusal) {
  std::string text = refusal.detail;
  for (const Fault& fault : refusal.faults) text += "\n  " + fault.pointer + ": " + fault.detail;
  return text;
}

/// The document of a body that must be one.
inline Document accepted(std::string_view body) {
  auto result = parse_document(body, store());
  if (const auto* refusal = std::get_if<Refusal>(&result))
    throw std::runtime_error("refused: " + faults_text(*refusal));
  return std::get<Document>(std::move(result));
}

/// The refusal of a body that must be none.
inline Refusal refused(std::string_view body) {
  auto result = parse_document(body, store());
  if (std::holds_alternative<Document>(result)) throw std::runtime_error("accepted: " + std::string(body));
  return std::get<Refusal>(std::move(result));
}

/// `body` with the member at the top replaced, added or (for no value) removed.
inline std::string with(std::string_view body, std::string_view name, std::optional<json::Value> value) {
  json::Value tree = json::parse(body).value();
  std::erase_if(*tree.as_object(), [&](const json::Member& member) { return member.first == name; });
  if (value) tree.as_object()->emplace_back(name, std::move(*value));
  return json::dump(tree);
}

inline json::Value parsed(std::string_view text) {
  return json::parse(text, {.depth_max = 100}).value();
}

namespace random {

using json::Object;
using json::Value;

inline bool coin() {
  return *rc::gen::arbitrary<bool>();
}

/// Letters, so that no card number comes about by chance.
inline std::string word() {
  const auto letters = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("abcXYZ ._/~\"\\")));
  return "w" + letters.substr(0, 40);
}
inline std::string identifier() {
  return "i" + (*rc::gen::container<std::string>(rc::gen::elementOf(std::string("abXY.:_-")))).substr(0, 30);
}

/// A decimal as a till may write it: string or integer, with needless zeros or without.
inline Value decimal(std::int64_t from, std::int64_t to, int decimals_max) {
  const int decimals = *rc::gen::inRange(0, decimals_max + 1);
  const auto units = *rc::gen::inRange<std::int64_t>(from, to);
  std::string digits = std::to_string(units < 0 ? -units : units);
  if (decimals == 0 && coin()) return Value(units);
  if (decimals > 0) {
    if (digits.size() <= static_cast<std::size_t>(decimals))
      digits.insert(0, static_cast<std::size_t>(decimals) + 1 - digits.size(), '0');
    digits.insert(digits.size() - static_cast<std::size_t>(decimals), ".");
  }
  return (units < 0 ? "-" : "") + digits;
}

inline Value free_object() {
  Object members;
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
    members.emplace_back(
        word() + std::to_string(i),
        *rc::gen::element<Value>(nullptr, true, 7, json::Number{"2.50"}, json::Number{"-1e3"}, "text",
                                 json::Array{1, "x", Object{{"b", 1}, {"a", json::Number{"1.0"}}}}));
  }
  return members;
}

inline json::Array discounts() {
  json::Array items;
  // Two of them take no more than the 1.00 that a line comes to at least.
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    items.push_back(
        Object{{"reason", word()}, {"amount", *rc::gen::element<Value>(0, "0.1", "0.2500", "0.50")}});
  }
  return items;
}
inline json::Array taxes() {
  json::Array items;
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
    items.push_back(Object{{"code", word()}, {"amount", decimal(0, 5000, 4)}});
  return items;
}

inline json::Array lines(std::string_view type) {
  json::Array items;
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
    Object line{{"sku", word()}};
    if (type == "sale" || type == "return") {
      line.emplace_back("quantity", decimal(1000, 1'000'000, 3));
      line.emplace_back("unit_price", decimal(10'000, 1'000'000, 4));
      if (coin()) line.emplace_back("discounts", discounts());
      if (coin()) line.emplace_back("taxes", taxes());
      if (coin()) line.emplace_back("description", word());
      if (coin())
        line.emplace_back("gtin", *rc::gen::element<std::string>("96385074", "614141999996", "4006381333931",
                                                                 "10614141543219"));
      if (type == "return" && coin())
        line.emplace_back("disposition", *rc::gen::element<std::string>("resell", "damaged", "vendor"));
    } else if (type == "stock_adjustment") {
      line.emplace_back("quantity_delta", coin() ? decimal(1, 100'000, 3) : decimal(-100'000, 0, 3));
      if (coin()) line.emplace_back("unit_price", decimal(0, 1000, 4));
      if (coin()) line.emplace_back("description", word());
    } else if (type == "stock_count") {
      line.emplace_back("counted", decimal(0, 100'000, 3));
    } else {
      line.emplace_back("quantity", decimal(1, 100'000, 3));
    }
    items.push_back(std::move(line));
  }
  return items;
}

inline void add_content(Object& body, std::string_view type) {
  if (type == "customer_update") {
    body.emplace_back("customer", word());
    body.emplace_back("changes", free_object());
    if (coin()) body.emplace_back("base", free_object());
    return;
  }
  if (coin()) body.emplace_back("customer", coin() ? Value(nullptr) : Value(word()));
  if (type == "till_close") {
    json::Array tenders;
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
      tenders.push_back(Object{{"type", word()}, {"amount", decimal(-9999, 9999, 4)}});
    body.emplace_back("tenders", std::move(tenders));
    if (coin()) body.emplace_back("documents", *rc::gen::inRange(0, 5000));
    return;
  }
  body.emplace_back("lines", lines(type));
  if (type == "stock_adjustment" && coin()) body.emplace_back("reason", word());
  if (type == "stock_transfer") {
    body.emplace_back("direction", coin() ? "in" : "out");
    body.emplace_back("other_store", word());
  }
  if (type == "return" && coin()) body.emplace_back("original", Object{{"receipt", word()}});
  if ((type == "sale" || type == "return") && coin()) body.emplace_back("prices_include_tax", coin());
}

/// A valid body of any type; the totals and tenders that must add up are tried by hand elsewhere.
inline Value body() {
  const DocumentType which =
      *rc::gen::elementOf(std::vector<DocumentType>(std::begin(kDocumentTypes), std::end(kDocumentTypes)));
  const std::string type(type_name(which));
  Object members{{"id", identifier()}, {"type", type}, {"terminal", identifier()}};
  OffsetTime at;
  at.utc = std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(
      *rc::gen::inRange<std::int64_t>(-8'425'000'000'000'000'000, 7'150'000'000'000'000'000)));
  if (coin()) at.utc = std::chrono::floor<std::chrono::seconds>(at.utc);
  at.offset = std::chrono::minutes(*rc::gen::inRange(-1439, 1440));
  members.emplace_back("occurred_at", at.text());
  if (coin()) members.emplace_back("terminal_sequence", *rc::gen::inRange<std::int64_t>(1, 1'000'000));
  if (coin())
    members.emplace_back("business_day",
                         *rc::gen::element<std::string>("2026-11-23", "1999-12-31", "2200-01-01"));
  if (coin()) members.emplace_back("currency", *rc::gen::element<std::string>("GBP", "JPY", "BHD", "CLF"));
  if (coin()) members.emplace_back("operator", word());
  if (coin()) members.emplace_back("correlation_id", word());
  if (coin()) members.emplace_back("extensions", free_object());
  add_content(members, type);
  return members;
}

}  // namespace random
}  // namespace tillsync::test
