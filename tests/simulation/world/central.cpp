#include "tests/simulation/world/central.h"

#include <fmt/format.h>

#include <charconv>

namespace tillsync::sim {
namespace {

constexpr Moment kListedAfter = std::chrono::seconds(30);  ///< where it lags
constexpr Moment kYoungest = std::chrono::minutes(25);

http::Answer answer(int status, std::string body) {
  http::Answer made;
  made.status = status;
  made.headers = {{"content-type", "application/json"}};
  made.body = std::move(body);
  return made;
}

http::Answer problem(int status, std::string_view name, std::string_view detail) {
  return answer(status, fmt::format(R"({{"type":"urn:central:{}","title":"{}","status":{},"detail":"{}"}})",
                                    name, name, status, detail));
}

http::Answer later(int status, std::string_view name, int seconds) {
  auto made = problem(status, name, "try again later");
  made.headers.emplace_back("retry-after", std::to_string(seconds));
  return made;
}

std::string header(const http::Request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      int byte = 0;
      std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string parameter(std::string_view url, std::string_view name) {
  auto at = url.find('?');
  while (at != std::string_view::npos) {
    url.remove_prefix(at + 1);
    if (url.starts_with(name) && url.size() > name.size() && url[name.size()] == '=') {
      const auto value = url.substr(name.size() + 1);
      return decoded(value.substr(0, value.find('&')));
    }
    at = url.find('&');
  }
  return "";
}

/// Decimal text in 10^-4, times an integer's text.
std::int64_t ten_thousandths(std::string_view text) {
  const auto point = text.find('.');
  std::string digits(text.substr(0, point));
  std::string fraction(point == std::string_view::npos ? "" : text.substr(point + 1));
  fraction.resize(4, '0');
  return std::stoll(digits + fraction);
}

}  // namespace

std::optional<std::int64_t> total_of(const json::Value& document) {
  const auto type = document.text_of("type");
  const auto* lines = document.find("lines");
  if ((type != "sale" && type != "return") || lines == nullptr || lines->as_array() == nullptr)
    return std::nullopt;
  std::int64_t total = 0;
  for (const auto& line : *lines->as_array())
    total += ten_thousandths(line.text_of("unit_price")) * ten_thousandths(line.text_of("quantity")) / 10'000;
  return total;
}

void SimCentral::poison(const std::string& sku, bool on) {
  if (on) {
    poison_.insert(sku);
  } else {
    poison_.erase(sku);
  }
}

void SimCentral::heal() {
  mode_.reset();
  poison_.clear();
}

void SimCentral::forget_keys() {
  std::erase_if(keys_, [this](const auto& known) { return timeline_.now() - known.second.at > kYoungest; });
}

Moment SimCentral::working_time() {
  const auto ms = [this](std::uint64_t bound) { return std::chrono::milliseconds(1 + random_.below(bound)); };
  return mode_ == CentralMode::kSlow ? ms(20'000) : ms(50);
}

bool SimCentral::authorized(const http::Request& request) const {
  return header(request, "Authorization") == "Bearer " + credential();
}

std::optional<http::Answer> SimCentral::handle(const http::Request& request) {
  if (!authorized(request)) return problem(401, "unauthorized", "the credential has expired");
  const bool strikes = mode_ && random_.below(10) < 8;
  const bool posts = request.method == "POST";
  if (strikes) {
    switch (*mode_) {
      case CentralMode::kUnavailable:
        return random_.below(2) == 0 ? later(503, "maintenance", static_cast<int>(random_.below(60)))
                                     : problem(503, "gone", "no backend");
      case CentralMode::kThrottled:
        return later(429, "slow-down", static_cast<int>(1 + random_.below(30)));
      case CentralMode::kErrorBefore:
        return problem(random_.below(2) == 0 ? 500 : 502, "internal", "something broke");
      case CentralMode::kRestarting:
        if (random_.below(2) == 0) return std::nullopt;
        break;
      default:
        break;
    }
  }
  if (posts && random_.below(200) == 0) return later(409, "in-progress", 1);
  http::Answer made;
  if (!posts) {
    made = look_up(request.url);
  } else if (request.url.ends_with("/batch")) {
    made = post_batch(request.body);
  } else {
    auto item = json::parse(request.body);
    made = item ? post_one(*item, header(request, "Idempotency-Key")) : problem(400, "malformed", "no JSON");
  }
  if (strikes && mode_ == CentralMode::kErrorAfter)
    return problem(random_.below(2) == 0 ? 500 : 504, "internal", "something broke");
  if (strikes && mode_ == CentralMode::kRestarting && random_.below(2) == 0) return std::nullopt;
  return made;
}

http::Answer SimCentral::post_one(const json::Value& item, const std::string& key) {
  const auto* document = item.find("document");
  if (document == nullptr || key.empty()) return problem(400, "malformed", "no document, or no key");
  const auto now = timeline_.now();
  if (const auto known = keys_.find(key); known != keys_.end()) {
    if (key_window_.count() == 0 || now - known->second.at < key_window_)
      return answer(200, fmt::format(R"({{"central_reference":"{}"}})",
                                     effects_[known->second.effect].central_reference));
    keys_.erase(known);
  }
  if (const auto* lines = document->find("lines"); lines != nullptr && lines->as_array() != nullptr) {
    for (const auto& line : *lines->as_array()) {
      if (poison_.contains(std::string(line.text_of("sku"))))
        return problem(422, "unknown-sku", "unknown SKU");
    }
  }
  Effect effect;
  effect.reference = item.text_of("reference");
  effect.step = item.text_of("step");
  effect.sequence = item.integer_of("sequence");
  effect.document = json::dump(*document);
  effect.business_day = document->text_of("business_day");
  effect.central_reference = fmt::format("{}-{}", name_, effects_.size() + 1);
  effect.at = now;
  effect.order = ++effects_ever_;
  by_reference_[effect.reference + " " + effect.step].push_back(effects_.size());
  keys_[key] = Known{effects_.size(), now};
  effects_.push_back(std::move(effect));
  if (on_effect) on_effect(effects_.back());
  return answer(201, fmt::format(R"({{"central_reference":"{}"}})", effects_.back().central_reference));
}

http::Answer SimCentral::post_batch(const std::string& body) {
  const auto items = json::parse(body);
  if (!items || items->as_array() == nullptr) return problem(400, "malformed", "no JSON array");
  std::string out = "[";
  for (const auto& item : *items->as_array()) {
    const auto one = post_one(item, std::string(item.text_of("idempotency_key")));
    if (out.size() > 1) out += ',';
    out += one.status < 300 ? fmt::format(R"({{"status":{},{})", one.status, one.body.substr(1))
                            : fmt::format(R"({{"status":{},"problem":{}}})", one.status, one.body);
  }
  return answer(200, out + "]");
}

http::Answer SimCentral::look_up(const std::string& url) {
  std::string rows;
  const auto found = by_reference_.find(parameter(url, "reference") + " " + parameter(url, "step"));
  if (found != by_reference_.end()) {
    for (const auto index : found->second) {
      const auto& effect = effects_[index];
      if (is_hidden(effect)) continue;
      rows += fmt::format(R"({}{{"reference":"{}","step":"{}","central_reference":"{}","document":{}}})",
                          rows.empty() ? "" : ",", effect.reference, effect.step, effect.central_reference,
                          effect.document);
    }
  }
  return answer(200, R"({"documents":[)" + rows + R"(],"next":null})");
}

bool SimCentral::is_hidden(const Effect& effect) const {
  return mode_ == CentralMode::kLagging && timeline_.now() - effect.at < kListedAfter;
}

CentralPage SimCentral::list(const std::string& business_day) const {
  CentralPage page;
  for (const auto& effect : effects_) {
    if (effect.business_day != business_day || is_hidden(effect)) continue;
    CentralRow row;
    row.reference = effect.reference;
    row.step = effect.step;
    row.central_reference = effect.central_reference;
    row.recorded_at =
        format_utc(StoreClock::kBegin + std::chrono::duration_cast<std::chrono::microseconds>(effect.at));
    auto document = json::parse(effect.document);
    if (const auto total = total_of(*document)) {
      row.total = fmt::format("{}.{:04}", *total / 10'000, *total % 10'000);
      row.currency = "GBP";
    }
    row.document = effect.document;
    page.rows.push_back(std::move(row));
  }
  return page;
}

}  // namespace tillsync::sim
