#include "tests/bench/programs/sink/profile.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>

#include "platform/json/json.h"
#include "tests/central/money.h"

namespace tillsync::bench {
namespace {

constexpr std::string_view kItemKey = "\"idempotency_key\":\"";
constexpr std::size_t kPageRowsMax = 1000;

void respond(std::string& out, int status, std::string_view body) {
  fmt::format_to(std::back_inserter(out),
                 "HTTP/1.1 {} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", status,
                 body.size(), body);
}

void append_reference(std::string& out, std::uint64_t hash) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += "\"central_reference\":\"S-";
  for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[hash >> shift & 15];
  out += '"';
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string parameter(std::string_view target, std::string_view name) {
  const std::string wanted = std::string(name) + "=";
  for (auto at = target.find('?'); at != std::string_view::npos; at = target.find('&', at + 1)) {
    if (!target.substr(at + 1).starts_with(wanted)) continue;
    const auto value = target.substr(at + 1 + wanted.size());
    return unescaped(value.substr(0, value.find('&')));
  }
  return {};
}

}  // namespace

void SinkProfile::answer(const SinkRequest& request, std::string& out) {
  if (request.method == "POST" && request.target.ends_with("/batch")) return batch(request.body, out);
  if (request.target == "/read-back/off" || request.target == "/read-back/on") {
    serves_read_back_ = request.target.ends_with("on");
    return respond(out, 200, "{}");
  }
  if (request.method == "POST") return post(request, out);
  get(request.target, out);
}

bool SinkProfile::take(std::string_view key, std::uint64_t& hash) {
  hash = KeySet::hash(key);
  if (posts_++ == 0) first_ = now();
  const bool fresh = keys_.insert(hash);
  if (!fresh) ++duplicates_;
  return fresh;
}

void SinkProfile::post(const SinkRequest& request, std::string& out) {
  ++requests_;
  if (request.key.empty() || !request.body.starts_with("{\"reference\":") || !request.body.ends_with('}')) {
    ++malformed_;
    return respond(out, 400, R"({"title":"a wrapped document and its Idempotency-Key are expected"})");
  }
  std::uint64_t hash = 0;
  const bool fresh = take(request.key, hash);
  if (fresh && keep_) keep(request.body, hash);
  // The one answer of a hot run, its length known: {"central_reference":"S-0123456789abcdef"}.
  out += fresh ? "HTTP/1.1 201 -\r\n" : "HTTP/1.1 200 -\r\n";
  out += "Content-Type: application/json\r\nContent-Length: 42\r\n\r\n{";
  append_reference(out, hash);
  out += '}';
  last_ = now();
}

void SinkProfile::batch(std::string_view body, std::string& out) {
  ++requests_;
  ++batches_;
  std::string results = "[";
  std::uint64_t hash = 0;
  const auto add = [&](std::string_view key) {
    const bool fresh = take(key, hash);
    if (results.size() > 1) results += ',';
    results += fresh ? "{\"status\":201," : "{\"status\":200,";
    append_reference(results, hash);
    results += '}';
    return fresh;
  };
  if (keep_) {
    const auto parsed = json::parse(body);
    for (const auto& item : *parsed.value().as_array()) {
      if (add(item.text_of("idempotency_key"))) keep(json::dump(item), hash);
    }
  } else {
    // A quote inside a JSON text is escaped: this can only be the member's own name.
    for (auto at = body.find(kItemKey); at != std::string_view::npos; at = body.find(kItemKey, at)) {
      at += kItemKey.size();
      add(body.substr(at, body.find('"', at) - at));
    }
  }
  respond(out, 200, results + "]");
  last_ = now();
}

void SinkProfile::keep(std::string_view body, std::uint64_t hash) {
  const auto parsed = json::parse(body);
  const json::Value& item = parsed.value();
  const json::Value* document = item.find("document");
  const auto total = central::document_total_text(*document);
  std::string reference;
  append_reference(reference, hash);
  std::string row = "{\"reference\":";
  json::quote_to(row, item.text_of("reference"));
  row += ",\"step\":";
  json::quote_to(row, item.text_of("step"));
  row += "," + reference + ",\"total\":" + (total ? "\"" + *total + "\"" : "null") + ",\"currency\":";
  total ? json::quote_to(row, document->text_of("currency")) : void(row += "null");
  row += R"(,"recorded_at":"2026-11-23T10:15:00Z","document":)";
  const std::size_t before = row.size();
  json::dump_to(row, *document);
  document_bytes_ += row.size() - before;
  row += '}';
  row_of_key_[std::string(item.text_of("reference")) + ":" + std::string(item.text_of("step"))] = row;
  rows_[std::string(document->text_of("business_day"))].push_back(std::move(row));
}

void SinkProfile::get(std::string_view target, std::string& out) {
  if (target.ends_with("/stats")) return respond(out, 200, counts());
  if (const auto reference = parameter(target, "reference"); !reference.empty()) {
    ++look_ups_;
    const std::string key = reference + ":" + parameter(target, "step");
    if (const auto kept = row_of_key_.find(key); kept != row_of_key_.end())
      return respond(out, 200, "{\"documents\":[" + kept->second + "]}");
    const auto hash = KeySet::hash(key);
    if (!keys_.contains(hash)) return respond(out, 200, R"({"documents":[]})");
    std::string central;
    append_reference(central, hash);
    return respond(
        out, 200,
        fmt::format(R"({{"documents":[{{"reference":"{}","step":"{}",{},"total":null,"currency":null,)"
                    R"("recorded_at":"2026-11-23T10:15:00Z","document":null}}]}})",
                    reference, parameter(target, "step"), central));
  }
  if (target.find("/documents/digest") != std::string_view::npos)
    return respond(out, 404, R"({"title":"no digests here"})");
  if (!serves_read_back_) return respond(out, 503, R"({"title":"no read-back now"})");
  const auto& rows = rows_[parameter(target, "business_day")];
  const std::size_t from = std::strtoul(parameter(target, "cursor").c_str(), nullptr, 10);
  const std::size_t limit = std::strtoul(parameter(target, "limit").c_str(), nullptr, 10);
  const std::size_t until = std::min(rows.size(), from + (limit == 0 ? kPageRowsMax : limit));
  std::string page = "{\"documents\":[";
  for (std::size_t i = from; i < until; ++i) page += (i > from ? "," : "") + rows[i];
  page += "],\"next\":" + (until < rows.size() ? "\"" + std::to_string(until) + "\"" : "null") + "}";
  respond(out, 200, page);
}

std::string SinkProfile::counts() const {
  const double seconds = posts_ == 0 ? 0 : seconds_between(first_, last_);
  return fmt::format(
      R"({{"documents":{},"duplicates":{},"requests":{},"batches":{},"look_ups":{},"malformed":{},)"
      R"("document_bytes":{},"first_at":{:.6f},)"
      R"("seconds":{:.6f},"per_second":{:.1f}}})",
      keys_.size(), duplicates_, requests_, batches_, look_ups_, malformed_, document_bytes_,
      std::chrono::duration<double>(first_.time_since_epoch()).count(), seconds,
      seconds > 0 ? static_cast<double>(keys_.size()) / seconds : 0.0);
}

}  // namespace tillsync::bench
