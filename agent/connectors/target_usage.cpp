#include "agent/connectors/target_usage.h"

#include <algorithm>
#include <string_view>

namespace tillsync {
namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(kBlanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

/// The whole part of a decimal without a sign; nothing for any other text.
std::optional<std::int64_t> whole_number(std::string_view text) {
  constexpr std::size_t kDigitsMax = 15;
  constexpr std::string_view kDigits = "0123456789";
  const std::string_view whole = text.substr(0, text.find('.'));
  const std::string_view part = text.substr(std::min(text.size(), whole.size() + 1));
  if (whole.empty() || whole.size() > kDigitsMax ||
      whole.find_first_not_of(kDigits) != std::string_view::npos ||
      part.find_first_not_of(kDigits) != std::string_view::npos)
    return std::nullopt;
  std::int64_t value = 0;
  for (const char digit : whole) value = value * 10 + (digit - '0');
  return value;
}

void set_left(std::optional<LimitLeft>& left, std::int64_t requests) {
  if (!left) left.emplace();
  left->requests = std::min(requests, kRequestsLeftMax);
}

std::optional<std::chrono::milliseconds> resets_in(std::optional<std::int64_t> seconds) {
  if (!seconds || std::chrono::seconds(*seconds) > kResetsMax) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

/// The text before the next `separator` that stands in no quotes; takes it off `rest` with the separator.
std::string_view next_of(std::string_view& rest, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size() && (quoted || rest[end] != separator); ++end) {
    if (rest[end] == '"') quoted = !quoted;
  }
  const std::string_view item = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), end + 1));
  return trimmed(item);
}

/// One member `name=number` of the header RateLimit; other members change nothing.
void read_member(std::string_view member, LimitLeft& limit, bool& has_left) {
  const auto equals = member.find('=');
  if (equals == std::string_view::npos) return;
  const std::string_view name = trimmed(member.substr(0, equals));
  const auto number = whole_number(trimmed(member.substr(equals + 1)));
  if (!number) return;
  if (name == "r" || name == "remaining") {
    limit.requests = std::min(*number, kRequestsLeftMax);
    has_left = true;
  } else if (name == "t" || name == "reset") {
    limit.resets = resets_in(number);
  }
}

/// `"burst";r=50;t=30, "day";r=900` (draft 8 and later) or `limit=100, remaining=50, reset=30` (draft 7).
std::optional<LimitLeft> tightest_policy(std::string_view value) {
  std::optional<LimitLeft> tightest;
  LimitLeft one;
  bool has_left = false;
  const bool is_list = value.find(';') != std::string_view::npos;
  while (!value.empty()) {
    std::string_view item = next_of(value, ',');
    while (!item.empty()) read_member(next_of(item, ';'), one, has_left);
    if (!is_list && !value.empty()) continue;
    if (has_left && (!tightest || one.requests < tightest->requests)) tightest = one;
    one = {};
    has_left = false;
  }
  return tightest;
}

}  // namespace

void TargetUsage::add(const TargetUsage& later) {
  requests += later.requests;
  left.update(later.left);
}

int requests_in(const http::Exchange& exchange) {
  const auto* failure = std::get_if<http::Failure>(&exchange);
  return failure != nullptr && !failure->sent ? 0 : 1;
}

LimitsLeft limits_told(const http::Answer& answer) {
  constexpr std::string_view kPrefix = "ratelimit";
  std::optional<LimitLeft> left;
  std::optional<std::int64_t> resets;
  for (const auto& [name, value] : answer.headers) {
    std::string_view what = name;
    if (what.starts_with("x-")) what.remove_prefix(2);
    if (!what.starts_with(kPrefix)) continue;
    const bool is_standard = what.size() == name.size();
    what.remove_prefix(kPrefix.size());
    if (what.empty() && is_standard) {
      if (const auto policy = tightest_policy(value)) return {policy, std::nullopt};
    } else if (what == "-remaining") {
      if (const auto number = whole_number(trimmed(value))) set_left(left, *number);
    } else if (what == "-reset") {
      resets = whole_number(trimmed(value));
    }
  }
  if (left) left->resets = resets_in(resets);
  return {left, std::nullopt};
}

void charge(Outcome& outcome, const TargetUsage& usage) {
  outcome.requests = usage.requests;
  outcome.left = usage.left;
}

void charge(std::vector<Outcome>& outcomes, const TargetUsage& usage) {
  for (Outcome& outcome : outcomes) charge(outcome, {});
  if (!outcomes.empty()) charge(outcomes.front(), usage);
}

}  // namespace tillsync
