#include "agent/assembly/descriptors.h"

#include <algorithm>

namespace tillsync {
namespace {

constexpr std::uint64_t kTillsMin = 8;
constexpr std::uint64_t kOpsMin = 4;
/// What a few reports at once open for a moment: four databases and their logs, each by two descriptors.
constexpr std::uint64_t kKeptForFiles = 16;
constexpr std::uint64_t kKeptForOps = 4;

}  // namespace

std::uint64_t descriptors_wanted(std::uint64_t outgoing) {
  return kOwnDescriptors + kRefusalDescriptors + outgoing + kTillConnectionsMax + kOpsConnectionsMax;
}

ConnectionShares share_descriptors(std::uint64_t limit, std::uint64_t outgoing) {
  ConnectionShares shares;
  if (limit >= descriptors_wanted(outgoing)) return shares;
  const std::uint64_t taken = kOwnDescriptors + kRefusalDescriptors + outgoing;
  const std::uint64_t left = limit > taken ? limit - taken : 0;
  shares.enough = false;
  shares.ops_descriptors_max = limit > kKeptForFiles ? limit - kKeptForFiles : limit;
  shares.till_descriptors_max =
      shares.ops_descriptors_max - std::min(shares.ops_descriptors_max / 2, kKeptForOps);
  shares.ops = static_cast<std::size_t>(std::clamp<std::uint64_t>(left / 8, kOpsMin, kOpsConnectionsMax));
  shares.tills = static_cast<std::size_t>(std::clamp<std::uint64_t>(
      left - std::min<std::uint64_t>(left, shares.ops), kTillsMin, kTillConnectionsMax));
  return shares;
}

}  // namespace tillsync
