#include "agent/access/lockouts.h"

#include <algorithm>
#include <vector>

namespace tillsync {
namespace {

std::vector<std::string_view> groups_of(std::string_view text) {
  std::vector<std::string_view> groups;
  while (!text.empty()) {
    const auto colon = std::min(text.find(':'), text.size());
    groups.push_back(text.substr(0, colon));
    text.remove_prefix(std::min(colon + 1, text.size()));
  }
  return groups;
}

}  // namespace

/// Of the text that inet_ntop writes (RFC 5952): at most one "::", which stands for the zeros left out.
std::string Lockouts::key(std::string_view address) {
  if (address.find(':') == std::string_view::npos) return std::string(address);
  address = address.substr(0, address.find('%'));  // a zone is of this machine
  const auto gap = address.find("::");
  auto groups = groups_of(address.substr(0, gap));
  if (gap != std::string_view::npos) {
    const auto tail = groups_of(address.substr(gap + 2));
    const std::size_t known = groups.size() + tail.size();
    if (known < 8) groups.resize(groups.size() + 8 - known, "0");
    groups.insert(groups.end(), tail.begin(), tail.end());
  }
  std::string network;
  for (std::size_t i = 0; i < std::min<std::size_t>(groups.size(), 4); ++i)
    network.append(groups[i]).append(":");
  return network + ":/64";
}

std::optional<std::chrono::seconds> Lockouts::left(std::string_view address, SteadyTime now) const {
  if (addresses_.empty()) return std::nullopt;
  const auto found = addresses_.find(key(address));
  if (found == addresses_.end() || now >= found->second.locked_until) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(found->second.locked_until - now);
}

bool Lockouts::failed(std::string_view address, SteadyTime now) {
  std::string which = key(address);
  if (!addresses_.contains(which) && addresses_.size() >= limits_.addresses_max) make_place(now);
  Record& record = addresses_[std::move(which)];
  if (now < record.locked_until) return false;
  if (record.failures == 0 || now - record.since >= limits_.window) {
    record.failures = 0;
    record.since = now;
  }
  if (++record.failures < limits_.failures_max) return false;
  record.failures = 0;
  record.locked_until = now + limits_.duration;
  return true;
}

/// Whatever no longer counts goes; else the address that failed longest ago and is not locked out, else the
/// one that would be free first.
void Lockouts::make_place(SteadyTime now) {
  std::erase_if(addresses_, [&](const auto& each) { return is_stale(each.second, now); });
  if (addresses_.size() < limits_.addresses_max) return;
  const auto rank = [now](const Record& record) {
    return now < record.locked_until ? std::pair(1, record.locked_until) : std::pair(0, record.since);
  };
  addresses_.erase(std::min_element(addresses_.begin(), addresses_.end(), [&](const auto& a, const auto& b) {
    return rank(a.second) < rank(b.second);
  }));
}

}  // namespace tillsync
