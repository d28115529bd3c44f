// The settings file: every mistake with its line and a cure; what has no mistake is within the limits that
// the rest of the program counts on.
#include <algorithm>

#include "config/checks.h"
#include "config/settings.h"
#include "config/toml_tree.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

constexpr const char* kFile = "/etc/tillsync/tillsync.toml";

/// Whether `text` could be a secret written in place: long, and nothing that a message would say by itself.
bool is_telling(std::string_view text, std::string_view all) {
  const auto digits = std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return text.size() >= 12 && digits >= 8 && !text.starts_with("file:") && !text.starts_with("env:") &&
         !text.starts_with("systemd-credential:") &&
         all.find(text, all.find(text) + 1) == std::string_view::npos;
}

/// A secret written where a reference belongs is never repeated.
void check_secrets(const config::Node& node, std::string_view all,
                   const std::vector<SettingsMistake>& mistakes) {
  for (const auto& [name, member] : node.members) {
    const bool secret = name == "token" || name == "password" || name == "key" || name == "client_secret" ||
                        name == "private_key";
    if (secret && member.kind == config::Node::Kind::kString && is_telling(member.text, all)) {
      for (const auto& mistake : mistakes)
        FUZZ_CHECK(mistake.detail.find(member.text) == std::string::npos, "no secret in a message");
    }
    check_secrets(member, all, mistakes);
  }
}

void check_route(const std::vector<RouteStep>& steps, const Settings& settings) {
  for (const auto& step : steps) {
    FUZZ_CHECK(config::is_name(step.step), "a step has a name");
    FUZZ_CHECK(settings.targets.count(step.target) == 1, "a step goes to a target");
    for (const auto& need : step.needs) {
      FUZZ_CHECK(
          std::any_of(steps.begin(), steps.end(), [&](const auto& other) { return other.step == need; }),
          "a step needs another of its route");
    }
  }
}

void check_usable(const Settings& settings) {
  FUZZ_CHECK(!settings.store.id.empty() && settings.store.id.size() <= 32, "a store has an id");
  FUZZ_CHECK(settings.store.currency.size() == 3, "a store has a currency");
  FUZZ_CHECK(TimeZone::find(settings.store.time_zone).has_value(), "a store has a time zone");
  FUZZ_CHECK(settings.store.day_starts_at < std::chrono::hours(24), "a day starts within a day");
  FUZZ_CHECK(settings.till.unix_socket.size() <= 107, "a socket's path fits");
  for (const auto& [name, target] : settings.targets) {
    FUZZ_CHECK(config::is_name(name), "a target has a name");
    FUZZ_CHECK(config::parse_url(target.base_url).fault.empty(), "a target has a URL");
    FUZZ_CHECK(target.backoff_min <= target.backoff_max, "a backoff grows");
    FUZZ_CHECK(target.timeout.count() > 0 && target.concurrency > 0 && target.batch_max > 0,
               "limits are above 0");
    FUZZ_CHECK(target.rate_per_s >= 0, "a rate is no debt");
  }
  for (const auto& [type, steps] : settings.routes) {
    FUZZ_CHECK(type_from_name(type).has_value(), "a route is a type's");
    check_route(steps, settings);
  }
}

void check(std::string_view text) {
  const auto loaded = parse_settings(std::string(text), kFile);
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  for (const auto& mistake : loaded.mistakes) {
    check_detail(mistake.detail);
    FUZZ_CHECK(mistake.line >= 0 && mistake.line <= lines, "a mistake is on a line of the file");
    FUZZ_CHECK(mistake.file == kFile, "a mistake names its file");
    check_detail(mistake.text());
  }
  const auto parsed = config::parse_toml(text);
  if (const auto* root = std::get_if<config::Node>(&parsed)) {
    check_secrets(*root, text, loaded.mistakes);
  } else {
    FUZZ_CHECK(loaded.mistakes.size() == 1, "broken TOML is one mistake");
  }
  if (loaded.mistakes.empty()) check_usable(loaded.settings);
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillsync::fuzz::check(tillsync::fuzz::text_of(data, size));
  return 0;
}
