// How many connections may be open, so that files, deliveries and the ops API never want for a descriptor
// because of tills.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tillsync {

inline constexpr std::size_t kTillConnectionsMax = 1'024;
inline constexpr std::size_t kOpsConnectionsMax = 128;
/// Databases with their logs (a writer and a reader for each thread that reads), listeners, the loop, the
/// log: some 40, and as many again for what is opened for a moment.
inline constexpr std::uint64_t kOwnDescriptors = 80;
/// With fewer the daemon would answer tills and fail at its own files: it does not start.
inline constexpr std::uint64_t kDescriptorsMin = 96;
/// Refusals under way of both servers (kRefusalsMax in http_server).
inline constexpr std::uint64_t kRefusalDescriptors = 128;

struct ConnectionShares {
  std::size_t tills = kTillConnectionsMax;
  std::size_t ops = kOpsConnectionsMax;
  /// ServerOptions::descriptors_max of each: the ops API is served where tills have taken all of theirs, and
  /// both leave some to files, whatever else is open.
  std::uint64_t till_descriptors_max = 0;
  std::uint64_t ops_descriptors_max = 0;
  bool enough = true;  ///< false: less than the above, say so
};

/// What a process with all its connections open needs. `outgoing`: connections to targets.
std::uint64_t descriptors_wanted(std::uint64_t outgoing);
/// Shares out what `limit` leaves; each side gets a few however small it is.
ConnectionShares share_descriptors(std::uint64_t limit, std::uint64_t outgoing);

}  // namespace tillsync
