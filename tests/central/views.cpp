// What central shows: documents read back, and its view of customers, stock, prices and policy.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "platform/crypto/sha256.h"
#include "tests/central/central.h"
#include "tests/central/money.h"
#include "tests/central/row_digest.h"
#include "tests/central/rows.h"

namespace tillsync::central {
namespace {

constexpr std::int64_t kPageDefault = 500;
constexpr std::int64_t kPageMax = 1000;
constexpr std::string_view kCursorPrefix = "c";
/// The fact of a row that central took out.
constexpr std::string_view kRemoved = "null";

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

ServerResponse bad_parameter(const std::string& detail) {
  return problem_response(400, "malformed", "Malformed request", detail);
}

bool has_prefix(const std::string& key, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const auto& prefix) { return key.starts_with(prefix); });
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
  if (call.path == std::vector<std::string>{"documents", "digest"}) return digest(call);
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
  if (const auto original = request.parameter("original")) {
    for (const Effect& effect : ledger_.returns_of(to.name, *original))
      rows.push_back(row_of(to.name, effect));
    return json_response(200, json::Object{{"documents", std::move(rows)}, {"next", nullptr}});
  }
  const auto store = request.parameter("store");
  if (!store) return bad_parameter("reference, original, or store and business_day, are required");
  const std::string day = request.parameter("business_day").value_or("");
  const std::string cursor = request.parameter("cursor").value_or("c0");
  const std::int64_t after =
      cursor.starts_with(kCursorPrefix) ? number(cursor.substr(kCursorPrefix.size())).value_or(-1) : -1;
  const std::int64_t limit =
      number(request.parameter("limit").value_or(std::to_string(kPageDefault))).value_or(0);
  if (after < 0) return bad_parameter("the cursor is none of ours");
  if (limit < 1 || limit > kPageMax) return bad_parameter(fmt::format("limit is 1 to {}", kPageMax));
  std::optional<std::vector<std::string>> prefixes;
  if (const auto prefix = request.parameter("prefix"); prefix && to.faults.digests != "prefix_ignored") {
    prefixes = prefixes_of(*prefix);
    if (!prefixes)
      return bad_parameter("prefix: at most 256, each of at most 12 lower-case hexadecimal digits");
  }
  const auto effects = prefixes ? ledger_.by_prefix(to.name, *store, day, *prefixes, after, limit + 1)
                                : ledger_.by_day(to.name, *store, day, after, limit + 1);
  const bool more = effects.size() > static_cast<std::size_t>(limit);
  const std::size_t shown = more ? static_cast<std::size_t>(limit) : effects.size();
  for (std::size_t i = 0; i < shown; ++i) append_row(rows, row_of(to.name, effects[i]), to.faults.lie);
  if (!more) {
    for (const json::Value& extra : to.faults.lie.extra) {
      const std::string of_day = day_of(extra);
      const bool asked = day.empty() || of_day.empty() || of_day == day;
      if (asked && (!prefixes || has_prefix(digest_of_row(extra).key, *prefixes))) rows.push_back(extra);
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
  std::vector<std::string> names{name};
  if (path[0] == "stock" && path.size() == 2)
    names.insert(names.begin(), name + "?store=" + call.request.parameter("store").value_or(""));
  for (const std::string& one : names) {
    const auto fact = ledger_.fact(call.target->name, one);
    if (!fact) continue;
    if (fact->json == kRemoved)
      return problem_response(404, "not-found", "Not found", "central has no " + one);
    return tagged(call.request, fact->json, fmt::format("v{}", fact->version));
  }
  if (path[0] == "stock" && path.size() == 2) return stock(call);
  if (name == "/refund-policy") return tagged(call.request, R"({"days":30,"receipt_required":true})", "v0");
  return problem_response(404, "not-found", "Not found", "central knows no " + name);
}

/// What came since the last time, in the order central took it.
void Central::book_stock(Target& to) {
  for (;;) {
    const auto effects = ledger_.all(to.name, to.stock.after, kPageMax);
    if (effects.empty()) return;
    for (const Effect& effect : effects) {
      const auto document = json::parse(effect.document);
      const json::Value* lines = document ? document->find("lines") : nullptr;
      if (lines == nullptr || lines->as_array() == nullptr) continue;
      std::set<std::string> skus;
      for (const json::Value& line : *lines->as_array()) skus.emplace(line.text_of("sku"));
      for (const std::string& sku : skus) {
        for (const std::string& store : {effect.store, std::string()}) {
          Decimal& level = to.stock.levels[{store, sku}];
          level = stock_after(level, *document, sku);
        }
      }
    }
    to.stock.after = effects.back().id;
  }
}

/// Derived from the effects.
ServerResponse Central::stock(const Call& call) {
  const std::string store = call.request.parameter("store").value_or("");
  const std::string& sku = call.path[1];
  book_stock(*call.target);
  const auto level = call.target->stock.levels.find({store, sku});
  const Decimal quantity = level == call.target->stock.levels.end() ? Decimal() : level->second;
  json::Object view{{"sku", sku}, {"store", store}, {"quantity", quantity.text()}};
  if (const auto own = call.target->stock.own.find({store, sku}); own != call.target->stock.own.end())
    view.emplace_back("movements", own->second);
  std::string body = json::dump(view);
  const std::string tag = to_hex(sha256(body)).substr(0, 16);
  return tagged(call.request, std::move(body), tag);
}

ServerResponse Central::changes(const Call& call) {
  using Wrong = ChangesFeed::Wrong;
  const ChangesFeed& feed = call.target->faults.changes;
  const std::string& target = call.target->name;
  ++call.target->counters["changes"];
  if (feed.wrong == Wrong::kNotServed)
    return problem_response(404, "not-found", "Not found", "no change feed");
  const auto since = number(call.request.parameter("since").value_or("0"));
  if (!since) return bad_parameter("since is a cursor of an answer before");
  const bool is_ours = *since <= ledger_.last_change(target) || feed.wrong == Wrong::kRepeats;
  if (!is_ours || (feed.wrong == Wrong::kCursorUnknown && *since > 0))
    return problem_response(410, "cursor-unknown", "Cursor unknown", "begin again without since");
  const std::int64_t from = feed.wrong == Wrong::kRepeats ? 0 : *since;
  json::Array items;
  std::int64_t cursor = from;
  for (const Change& change : ledger_.changes(target, from, feed.page)) {
    const auto fact = ledger_.fact(target, change.path);
    if (!fact) continue;
    json::Object item{{"path", change.path}, {"etag", fmt::format("\"v{}\"", fact->version)}};
    if (fact->json == kRemoved) {
      item.emplace_back("value", nullptr);
    } else if (feed.values) {
      auto value = json::parse(fact->json);
      item.emplace_back("value", value ? std::move(*value) : json::Value());
    }
    items.push_back(std::move(item));
    cursor = change.id;
  }
  if (feed.wrong == Wrong::kRepeats) cursor = *since + 1;
  if (feed.wrong == Wrong::kGoesBack && *since > 0) cursor = 0;
  if (feed.wrong == Wrong::kStands) cursor = *since;
  return json_response(200, json::Object{{"changes", std::move(items)}, {"cursor", std::to_string(cursor)}});
}

}  // namespace tillsync::central
