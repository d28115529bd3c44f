#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "platform/base/time.h"
#include "platform/base/zone_rules.h"
#include "platform/service/places.h"

namespace tillsync {
namespace {

/// No name of the database has anything else; so none leads out of it.
bool is_zone_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '+' || c == '-';
  });
}

}  // namespace

// What was found once stays: a TimeZone is a plain value that may be copied about.
Result<TimeZone> TimeZone::find(std::string_view iana_name) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<const ZoneRules>, std::less<>> found;
  const std::lock_guard lock(mutex);
  if (const auto known = found.find(iana_name); known != found.end()) return TimeZone(known->second.get());
  const std::string name(iana_name);
  if (is_zone_name(name)) {
    if (auto rules = ZoneRules::parse(zone_rules(name))) {
      auto kept = std::make_unique<const ZoneRules>(*std::move(rules));
      return TimeZone(found.emplace(name, std::move(kept)).first->second.get());
    }
  }
  return Error{ErrorKind::kInvalid, "unknown-time-zone",
               "no time zone \"" + name +
                   "\" in this machine's database: use an IANA name such as \"Europe/London\", and have the "
                   "package tzdata installed"};
}

std::chrono::seconds TimeZone::offset_at(std::chrono::sys_seconds utc) const {
  return static_cast<const ZoneRules*>(zone_)->offset_at(utc);
}

}  // namespace tillsync
