// What central shows: documents read back, and its view of customers, stock, prices and policy.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "platform/crypto/sha256.h"
#include "tests/central/central.h"
#include "tests/central/money.h"

namespace tillsync::central {
namespace {

constexpr std::int64_t kPageDefault = 500;
constexpr std::int64_t kPageMax = 1000;
constexpr std::string_view kCursorPrefix = "c";

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

ServerResponse bad_parameter(const std::string& detail) {
  return problem_response(400, "malformed", "Malformed request", detail);
}

void set_member(json::Value& object, std::string_view name, json::Value value) {
  for (auto& [member, held] : *object.as_object()) {
    if (member == name) {
      held = std::move(value);
      return;
    }
  }
  object.as_object()->emplace_back(std::string(name), std::move(value));
}

/// Sets what a JSON Pointer (RFC 6901, without escapes) names; does nothing where it names nothing.
void set_at(json::Value& root, std::string_view pointer, const json::Value& value) {
  json::Value* at = &root;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    json::Value* next = nullptr;
    if (at->as_object() != nullptr) {
      if (at->find(token) == nullptr && pointer.empty()) set_member(*at, token, nullptr);
      next = const_cast<json::Value*>(at->find(token));
    } else if (at->as_array() != nullptr) {
      const auto index = number(token);
      if (index && static_cast<std::size_t>(*index) < at->as_array()->size())
        next = &(*at->as_array())[*index];
    }
    if (next == nullptr) return;
    at = next;
  }
  *at = value;
}

json::Value row_of(const std::string& target, const Effect& effect) {
  auto document = json::parse(effect.document);
  return json::Object{
      {"reference", effect.reference},
      {"step", effect.step},
      {"central_reference", central_reference(target, effect.id)},
      {"total", effect.total ? json::Value(*effect.total) : json::Value()},
      {"currency", effect.currency ? json::Value(*effect.currency) : json::Value()},
      {"recorded_at", effect.recorded_at},
      {"document", document ? std::move(*document) : json::Value()},
  };
}

std::string id_of(const json::Value& row) {
  const json::Value* document = row.find("document");
  return document == nullptr ? std::string() : std::string(document->text_of("id"));
}

/// Appends the row as the lie has it: left out, changed, or twice.
void append_row(json::Array& rows, json::Value row, const ReadBackLie& lie) {
  const std::string id = id_of(row);
  if (lie.missing.contains(id)) return;
  const json::Value totals = lie.total, lines = lie.line;
  if (const json::Value* total = totals.find(id)) set_member(row, "total", *total);
  if (const json::Value* line = lines.find(id)) {
    const json::Value* value = line->find("value");
    set_at(row, fmt::format("/document{}", line->text_of("pointer")),
           value != nullptr ? *value : json::Value());
  }
  if (lie.doubled.contains(id)) rows.push_back(row);
  rows.push_back(std::move(row));
}

}  // namespace

ServerResponse json_response(unsigned status, const json::Value& value) {
  ServerResponse response;
  response.status = status;
  response.body = json::dump(value);
  return response;
}

ServerResponse tagged(const ServerRequest& request, std::string body, const std::string& tag) {
  const std::string quoted = fmt::format("\"{}\"", tag);
  ServerResponse response;
  response.headers.emplace_back("ETag", quoted);
  if (request.header("if-none-match") == quoted) {
    response.status = 304;
  } else {
    response.body = std::move(body);
  }
  return response;
}

ServerResponse Central::documents(const Call& call) {
  if (call.path.size() != 1) return problem_response(404, "not-found", "Not found", "no such path");
  const ServerRequest& request = call.request;
  Target& to = *call.target;
  json::Array rows;
  if (const auto reference = request.parameter("reference")) {
    for (const Effect& effect :
         ledger_.by_reference(to.name, *reference, request.parameter("step").value_or(""))) {
      rows.push_back(row_of(to.name, effect));
    }
    return json_response(200, json::Object{{"documents", std::move(rows)}, {"next", nullptr}});
  }
  const auto store = request.parameter("store");
  if (!store) return bad_parameter("reference, or store and business_day, are required");
  const std::string day = request.parameter("business_day").value_or("");
  const std::string cursor = request.parameter("cursor").value_or("c0");
  const auto after =
      cursor.starts_with(kCursorPrefix) ? number(cursor.substr(kCursorPrefix.size())) : std::nullopt;
  const auto limit = number(request.parameter("limit").value_or(std::to_string(kPageDefault)));
  if (!after) return bad_parameter("the cursor is none of ours");
  if (!limit || *limit < 1 || *limit > kPageMax)
    return bad_parameter(fmt::format("limit is 1 to {}", kPageMax));
  const auto effects = ledger_.by_day(to.name, *store, day, *after, *limit + 1);
  const bool more = effects.size() > static_cast<std::size_t>(*limit);
  const std::size_t shown = more ? static_cast<std::size_t>(*limit) : effects.size();
  for (std::size_t i = 0; i < shown; ++i) append_row(rows, row_of(to.name, effects[i]), to.faults.lie);
  if (!more) {
    for (const json::Value& extra : to.faults.lie.extra) {
      const json::Value* document = extra.find("document");
      const std::string_view of_day =
          document == nullptr ? std::string_view() : document->text_of("business_day");
      if (day.empty() || of_day.empty() || of_day == day) rows.push_back(extra);
    }
  }
  const json::Value next =
      more ? json::Value(fmt::format("{}{}", kCursorPrefix, effects[shown - 1].id)) : json::Value();
  return json_response(200, json::Object{{"documents", std::move(rows)}, {"next", next}});
}

ServerResponse Central::view(const Call& call) {
  const auto& path = call.path;
  if (path[0] == "changes" && path.size() == 1) return changes(call);
  std::string name;
  for (const std::string& segment : path) (name += '/') += segment;
  if (path[0] == "stock" && path.size() == 2) {
    const auto store = call.request.parameter("store").value_or("");
    if (const auto fact = ledger_.fact(call.target->name, name + "?store=" + store)) {
      return tagged(call.request, fact->json, fmt::format("v{}", fact->version));
    }
  }
  if (const auto fact = ledger_.fact(call.target->name, name)) {
    return tagged(call.request, fact->json, fmt::format("v{}", fact->version));
  }
  if (path[0] == "stock" && path.size() == 2) return stock(call);
  if (name == "/refund-policy") return tagged(call.request, R"({"days":30,"receipt_required":true})", "v0");
  return problem_response(404, "not-found", "Not found", "central knows no " + name);
}

/// Derived from the effects in the order central took them.
ServerResponse Central::stock(const Call& call) {
  const std::string store = call.request.parameter("store").value_or("");
  const std::string& sku = call.path[1];
  Decimal quantity;
  std::int64_t after = 0;
  for (;;) {
    const auto effects = store.empty() ? ledger_.all(call.target->name, after, kPageMax)
                                       : ledger_.by_day(call.target->name, store, "", after, kPageMax);
    if (effects.empty()) break;
    for (const Effect& effect : effects) {
      if (const auto document = json::parse(effect.document))
        quantity = stock_after(quantity, *document, sku);
    }
    after = effects.back().id;
  }
  std::string body = json::dump(json::Object{{"sku", sku}, {"store", store}, {"quantity", quantity.text()}});
  const std::string tag = to_hex(sha256(body)).substr(0, 16);
  return tagged(call.request, std::move(body), tag);
}

ServerResponse Central::changes(const Call& call) {
  const auto since = number(call.request.parameter("since").value_or("0"));
  if (!since) return bad_parameter("since is a cursor of an answer before");
  json::Array items;
  std::int64_t cursor = *since;
  for (const Change& change : ledger_.changes(call.target->name, *since, kPageDefault)) {
    items.push_back(json::Object{{"path", change.path}, {"etag", fmt::format("\"v{}\"", change.version)}});
    cursor = change.id;
  }
  return json_response(200, json::Object{{"changes", std::move(items)}, {"cursor", std::to_string(cursor)}});
}

}  // namespace tillsync::central
